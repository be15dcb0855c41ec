package alerts

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// start is when the tables of this file begin.
var start = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

// play has a docket go through a history, a word for each step:
//
//	b, B   two bad observations a second apart, the second one warn or crit
//	g      a good one
//	a      ann acknowledges incident 1
//	w      what it is about is withdrawn
//	r      a restart: only what is kept goes on
//	m, M   maintenance of wallet-2, or of wallet-3, begins, for an hour
//	e      every maintenance ends
//	G      two bad observations a second apart, the second one grave
//	15m    time passes, and what it brings is told as it falls due
//
// It returns what was told, as "12m0s reminded".
func play(t *testing.T, rules Rules, steps ...string) []string {
	d, now := newDocket(rules, State{}, start), start
	var told []string
	hear := func(notices ...*Notice) {
		for _, n := range notices {
			told = append(told, fmt.Sprintf("%v %s", now.Sub(start), n.Event))
		}
	}
	state, notes := map[Key]Condition{}, map[string]json.RawMessage{}
	for _, step := range steps {
		switch step {
		case "m", "M":
			only := map[string]string{"m": "wallet-2", "M": "wallet-3"}[step]
			hear(d.begin(Maintenance{From: now, Until: now.Add(time.Hour), Only: []string{only}})...)
		case "e":
			hear(d.end(now, func(Maintenance) bool { return true })...)
		case "b", "B", "G":
			alert := trouble()
			alert.Grave = step == "G"
			hear(d.bad(key, now, alert)...)
			if step == "B" {
				alert.Severity = Crit
			}
			hear(d.bad(key, now, alert)...)
		case "g":
			hear(d.good(key, now, "")...)
		case "w":
			hear(d.withdraw(key, now, "")...)
		case "a":
			notices, err := d.acknowledge(1, false, "ann", now)
			require.NoError(t, err)
			hear(notices...)
		case "r":
			kept := State{Notes: notes}
			for _, c := range state {
				kept.Number, kept.Conditions = max(kept.Number, c.Incident.Number), append(kept.Conditions, c)
			}
			d = newDocket(rules, kept, now)
		default:
			span, err := time.ParseDuration(step)
			require.NoError(t, err)
			end := now.Add(span)
			for next, ok := d.next(); ok && !next.After(end); next, ok = d.next() {
				if next.After(now) {
					now = next
				}
				hear(d.pass(now)...)
			}
			now = end
		}
		change := d.take()
		maps.Copy(notes, change.Notes)
		for key, c := range change.Conditions {
			delete(state, key)
			if c != nil {
				state[key] = *c
			}
		}
	}
	return told
}

func TestWhatIsToldWhen(t *testing.T) {
	rules := Rules{Hold: 2, Reopen: 10 * time.Minute, Settle: 30 * time.Second, Remind: 30 * time.Minute, Escalate: 15 * time.Minute}
	for name, c := range map[string]struct {
		steps []string
		want  []string
	}{
		"critical and nobody there": {[]string{"B", "70m"},
			[]string{"0s opened", "15m0s escalated", "45m0s reminded"}},
		"a warning gets nobody up": {[]string{"b", "70m"},
			[]string{"0s opened", "30m0s reminded", "1h0m0s reminded"}},
		"acknowledged in time": {[]string{"B", "14m", "a", "10h", "g"},
			[]string{"0s opened", "14m0s acknowledged", "10h14m0s resolved"}},
		"acknowledged twice is once": {[]string{"B", "1m", "a", "1m", "a", "1h"},
			[]string{"0s opened", "1m0s acknowledged"}},
		"acknowledged after the call": {[]string{"B", "20m", "a", "10h"},
			[]string{"0s opened", "15m0s escalated", "20m0s acknowledged"}},
		"worse than what was acknowledged": {[]string{"b", "1m", "a", "1h", "B", "20m"},
			[]string{"0s opened", "1m0s acknowledged", "1h1m0s worsened", "1h16m0s escalated"}},
		"back after it was acknowledged": {[]string{"B", "1m", "a", "1m", "g", "1m", "B", "20m"},
			[]string{"0s opened", "1m0s acknowledged", "2m0s resolved", "3m0s reopened", "18m0s escalated"}},
		"escalated once": {[]string{"B", "16m", "g", "1m", "B", "29m"},
			[]string{"0s opened", "15m0s escalated", "16m0s resolved", "17m0s reopened"}},
		"last seen well": {[]string{"B", "1m", "g", "1m", "B", "1m", "g", "5h"},
			[]string{"0s opened", "1m0s resolved", "2m0s reopened"}},

		"gone while it settles": {[]string{"b", "1m", "g", "1m", "b", "g", "1s", "w", "w", "5h", "g"},
			[]string{"0s opened", "1m0s resolved", "2m0s reopened", "2m1s resolved"}},
		"gone and back": {[]string{"b", "1m", "w", "1m", "b"},
			[]string{"0s opened", "1m0s resolved", "2m0s reopened"}},

		"a restart forgets nothing": {[]string{"B", "10m", "r", "b", "10m", "r", "b", "g"},
			[]string{"0s opened", "15m0s escalated", "20m0s resolved"}},
		"a restart does not open again": {[]string{"b", "r", "b", "r", "b", "b", "1m", "g"},
			[]string{"0s opened", "1m0s resolved"}},
		"a restart resolves nothing": {[]string{"b", "r", "29m", "r", "10m"},
			[]string{"0s opened", "31m0s reminded"}},
		"a look comes before what fell due meanwhile": {[]string{"B", "r", "14m", "r", "1m30s", "g"},
			[]string{"0s opened", "15m30s resolved"}},
		"a bad look lets it go": {[]string{"B", "14m", "r", "1m30s", "b", "1s"},
			[]string{"0s opened", "15m30s escalated"}},
		"an acknowledgement outlives it": {[]string{"B", "a", "r", "10h", "g"},
			[]string{"0s opened", "0s acknowledged", "10h0m0s resolved"}},
		"returns after a restart": {[]string{"b", "1m", "g", "r", "1m", "b", "r", "g", "40s", "g"},
			[]string{"0s opened", "1m0s resolved", "2m0s reopened", "2m40s resolved"}},
		"quiet while it is announced": {[]string{"m", "b", "1m", "B", "50m", "g", "30m"},
			[]string{"0s began", "1h0m0s ended"}},
		"told when the announced time is over": {[]string{"m", "B", "90m", "g"},
			[]string{"0s began", "1h0m0s ended", "1h0m0s opened", "1h15m0s escalated", "1h30m0s resolved"}},
		"told when it is ended": {[]string{"m", "b", "10m", "e", "1m", "g"},
			[]string{"0s began", "10m0s ended", "10m0s opened", "11m0s resolved"}},
		"an announcement of something else": {[]string{"M", "b", "1m", "g"},
			[]string{"0s began", "0s opened", "1m0s resolved"}},
		"graver than announced": {[]string{"m", "b", "1m", "G", "1m", "B", "10m", "g"},
			[]string{"0s began", "1m0s opened", "12m0s resolved"}},
		"an announcement outlives a restart": {[]string{"m", "b", "r", "50m", "r", "b", "5m", "r", "10m", "g"},
			[]string{"0s began", "1h0m0s ended", "1h0m0s opened", "1h5m0s resolved"}},
		"what ran out in a restart": {[]string{"m", "b", "59m", "r", "5m", "e"},
			[]string{"0s began", "1h0m0s ended", "1h0m0s opened"}},
		"known before it was announced": {[]string{"B", "1m", "m", "20m", "g", "1m", "B", "1m", "g", "1h"},
			[]string{"0s opened", "1m0s began", "21m0s resolved", "1h1m0s ended"}},
		"untold, over and back": {[]string{"m", "b", "54m", "g", "1m", "b", "10m", "g"},
			[]string{"0s began", "1h0m0s ended", "1h0m0s opened", "1h5m0s resolved"}},
		"worse while it is announced": {[]string{"b", "1m", "m", "B", "10m", "e", "1m", "g"},
			[]string{"0s opened", "1m0s began", "11m0s ended", "11m0s worsened", "12m0s resolved"}},
		"acknowledged untold": {[]string{"m", "b", "a", "10m", "e", "20m"},
			[]string{"0s began", "10m0s ended", "10m0s opened"}},

		"long over before a restart": {[]string{"b", "1m", "g", "11m", "r", "b"},
			[]string{"0s opened", "1m0s resolved", "12m0s opened"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, play(t, rules, c.steps...)) })
	}
}

func TestOnlyWhatIsOpenIsAcknowledged(t *testing.T) {
	d := newDocket(DefaultRules(), State{}, start)
	d.bad(key, start, trouble())
	for _, number := range []int{-1, 0, 1} {
		_, err := d.acknowledge(number, false, "ann", start)
		require.ErrorContains(t, err, fmt.Sprintf("no incident %d is open", number))
	}
	d.bad(key, start, trouble())
	d.good(key, start, "")
	_, err := d.acknowledge(1, false, "ann", start)
	require.EqualError(t, err, "incident 1 is over")
}

func TestNumbersGoOnThoughAllIsForgotten(t *testing.T) {
	d := newDocket(Rules{Hold: 2}, State{Number: 41}, start)
	d.bad(key, start, trouble())
	require.Equal(t, 42, d.bad(key, start.Add(time.Second), trouble())[0].Incident.Number)
	require.Equal(t, 42, d.take().Number)
}
