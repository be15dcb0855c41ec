package alerts

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// history is what a reader of the notices of one condition, and nobody else, can know of it.
type history struct {
	last      *Notice
	badRun    int // as observed
	badSince  time.Time
	goodSince time.Time
}

func (h *history) open() bool { return h.last != nil && h.last.Event != Resolved }

// check judges a notice by what must hold of any sequence of them.
func (h *history) check(t require.TestingT, n *Notice, observed string, rules Rules, newest *int) {
	i := n.Incident
	switch n.Event {
	case Opened:
		require.False(t, h.open(), "two openings in a row")
		require.Equal(t, "bad", observed)
		require.GreaterOrEqual(t, h.badRun, rules.Hold)
		require.Equal(t, *newest+1, i.Number)
		require.Equal(t, 1, n.Seq)
		require.Equal(t, h.badSince, i.Since)
		*newest = i.Number
	case Reopened:
		require.False(t, h.open(), "reopened while open")
		require.Equal(t, "bad", observed)
		require.GreaterOrEqual(t, h.badRun, rules.Hold)
		require.LessOrEqual(t, h.badSince.Sub(h.last.At), rules.Reopen)
	case Resolved:
		require.True(t, h.open(), "resolved without an opening")
		require.Equal(t, "good", observed)
		require.Equal(t, h.goodSince, i.Resolved)
		pause := time.Duration(0)
		if i.Reopened > 0 {
			pause = min(rules.Settle<<(i.Reopened-1), rules.Reopen)
		}
		require.GreaterOrEqual(t, n.At.Sub(i.Resolved), pause, "a recovery must last")
	case Reminded:
		require.True(t, h.open())
		require.Equal(t, "nothing", observed)
		require.Positive(t, h.badRun, "a reminder of what was last seen well")
		require.GreaterOrEqual(t, n.At.Sub(h.last.At), rules.Remind)
	case Worsened:
		require.True(t, h.open())
		require.Equal(t, Warn, h.last.Incident.Severity)
		require.Equal(t, Crit, i.Severity)
	default:
		require.Fail(t, "unknown event", n.Event)
	}
	if n.Event != Opened {
		require.Equal(t, h.last.Seq+1, n.Seq)
		require.Equal(t, h.last.Incident.ID, i.ID)
		require.Equal(t, h.last.Incident.Number, i.Number)
		require.Equal(t, h.last.Incident.Title, i.Title)
	}
	h.last = n
}

func TestDocketKeepsItsWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := Rules{
			Hold:   rapid.IntRange(1, 4).Draw(t, "hold"),
			Reopen: time.Duration(rapid.IntRange(1, 60).Draw(t, "reopen")) * time.Minute,
			Settle: time.Duration(rapid.IntRange(0, 60).Draw(t, "settle")) * time.Second,
			Remind: time.Duration(rapid.IntRange(1, 120).Draw(t, "remind")) * time.Minute,
		}
		d, newest := newDocket(rules, State{}, time.Time{}), 0
		now := time.Date(2026, 11, 22, 2, 14, 7, 0, time.UTC)
		histories := map[Key]*history{"a": {}, "b": {}, "c": {}}
		keys := rapid.SampledFrom([]Key{"a", "b", "c"})
		bad := func(key Key, severity Severity) {
			h := histories[key]
			if h.badRun == 0 {
				h.badSince = now
			}
			h.badRun++
			h.goodSince = time.Time{}
			title := fmt.Sprint("gives no answer, try ", h.badRun)
			for _, n := range d.bad(key, now, Alert{Subject: string(key), Problem: title, Severity: severity}) {
				h.check(t, n, "bad", rules, &newest)
			}
			require.True(t, h.badRun < rules.Hold || h.open(), "%s is bad and nobody was told", key)
		}
		good := func(key Key) {
			h := histories[key]
			h.badRun = 0
			if h.goodSince.IsZero() {
				h.goodSince = now
			}
			for _, n := range d.good(key, now, "") {
				h.check(t, n, "good", rules, &newest)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"bad": func(t *rapid.T) {
				bad(keys.Draw(t, "key"), rapid.SampledFrom([]Severity{Warn, Warn, Warn, Crit}).Draw(t, "severity"))
			},
			"good": func(t *rapid.T) { good(keys.Draw(t, "key")) },
			"time": func(t *rapid.T) {
				unit := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute}).Draw(t, "unit")
				now = now.Add(unit * time.Duration(rapid.IntRange(0, 90).Draw(t, "units")))
			},
			"remind": func(t *rapid.T) {
				for _, n := range d.pass(now) {
					histories[n.Incident.Key].check(t, n, "nothing", rules, &newest)
				}
				next, ok := d.next()
				require.True(t, !ok || next.After(now), "a reminder was due and not told")
			},
		})
		for key, h := range histories {
			good(key)
			now = now.Add(rules.Reopen + rules.Settle + time.Second)
			good(key)
			require.False(t, h.open(), "what stays well is told as over")
		}
		now = now.Add(rules.Reopen + time.Second)
		for key := range histories {
			good(key)
		}
		require.Empty(t, d.cases, "what is long over is forgotten")
	})
}

func TestIncidentsOfOneConditionDiffer(t *testing.T) {
	now := time.Date(2026, 11, 22, 2, 14, 7, 0, time.UTC)
	require.Regexp(t, `^20261122T021407-[0-9a-f]{12}$`, incidentID("any key\r\n <at all>", now))
	require.NotEqual(t, incidentID("a", now), incidentID("b", now))
	require.NotEqual(t, incidentID("a", now), incidentID("a", now.Add(1)), "two runs of one program both begin at number 1")
}

func TestSpellsAndReturnsAreCounted(t *testing.T) {
	rules := DefaultRules()
	rules.Gather = 0
	d := newDocket(rules, State{}, time.Time{})
	now := time.Date(2026, 11, 22, 2, 14, 7, 0, time.UTC)
	var last Notice
	see := func(what string) {
		for _, c := range what {
			var notices []*Notice
			if c == 'b' {
				notices = d.bad(key, now, trouble())
			} else {
				notices = d.good(key, now, "")
			}
			for _, n := range notices {
				last = *n
			}
			now = now.Add(time.Second)
		}
	}
	see("bbbg") // opened, resolved
	see("bbb")  // reopened
	require.Equal(t, Reopened, last.Event)
	require.Equal(t, 2, last.Incident.Spells)
	require.Equal(t, 1, last.Incident.Reopened)
	see("gbgbg") // single bad observations start the recovery anew, but are no spells
	see("bbg")   // a spell that is not told
	now = now.Add(29 * time.Second)
	see("g")
	require.Equal(t, Resolved, last.Event)
	require.Equal(t, 3, last.Incident.Spells)
	require.Equal(t, 1, last.Incident.Reopened)
	require.Equal(t, time.Date(2026, 11, 22, 2, 14, 7, 0, time.UTC), last.Incident.First)
	require.Equal(t, last.Incident.First.Add(4*time.Second), last.Incident.Since)
	require.Equal(t, last.Incident.First.Add(14*time.Second), last.Incident.Resolved)
}

func TestPausesGrow(t *testing.T) {
	retry := DefaultRetry()
	for failed, full := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 7: time.Minute, 1e6: time.Minute} {
		low, high := full, time.Duration(0)
		for range 1000 {
			pause := retry.pause(failed)
			low, high = min(low, pause), max(high, pause)
		}
		require.GreaterOrEqual(t, low, full/2)
		require.Less(t, high, full)
		require.Greater(t, high-low, full/4, "pauses are spread")
	}
	require.Positive(t, Retry{}.pause(1))
}
