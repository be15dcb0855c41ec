package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const carol = "carol@example.org"

// counting counts its own beats in the memo.
func counting(every time.Duration, to ...string) Heartbeat {
	return Heartbeat{Every: every, To: to, Report: func(memo json.RawMessage) (string, json.RawMessage) {
		var n int
		_ = json.Unmarshal(memo, &n)
		return fmt.Sprintf("beat %d.", n), json.RawMessage(fmt.Sprint(n + 1))
	}}
}

func TestTheHeartGoesOnThroughRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, store := &letterbox{}, &Memory{}
		life := func() *Desk {
			return mustDesk(Config{Sender: box, Store: store, Recipients: []string{alice}, Heartbeat: counting(24*time.Hour, carol)})
		}
		begin := time.Now()
		for _, span := range []time.Duration{23 * time.Hour, 30 * time.Minute, 26 * time.Hour} {
			desk := life()
			time.Sleep(span)
			require.NoError(t, desk.Close(t.Context()))
		}
		require.Empty(t, box.told(alice))
		require.Equal(t, []string{"#0 beat", "#0 beat"}, box.told(carol))
		require.Equal(t, []time.Duration{24 * time.Hour, 48 * time.Hour}, []time.Duration{box.times[0].Sub(begin), box.times[1].Sub(begin)})

		time.Sleep(60 * time.Hour) // nothing runs; what fell due then comes once, at the start
		desk := life()
		time.Sleep(time.Second)
		require.NoError(t, desk.Close(t.Context()))
		require.Len(t, box.kept, 3)
		require.Equal(t, []string{"beat 1.", "beat 2.", "beat 3."}, []string{box.kept[0].Alert.What, box.kept[1].Alert.What, box.kept[2].Alert.What})
		require.Equal(t, "All is well", box.kept[0].Incident.Title)
		require.NotEqual(t, box.kept[0].Incident.ID, box.kept[1].Incident.ID)
	})
}

func TestABeatSaysWhatIsOpenAndWhenTheNextComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &letterbox{}
		desk := mustDesk(Config{Sender: box, Recipients: []string{alice}, Heartbeat: Heartbeat{Every: time.Minute}})
		desk.badFor(2)
		time.Sleep(time.Minute)
		require.NoError(t, desk.Close(t.Context()))
		require.Equal(t, []string{"#1 opened", "#0 beat"}, box.told(alice))
		n := box.kept[1]
		require.Equal(t, "1 incident is open", n.Incident.Title)
		require.Equal(t, "Open: #1 wallet-2 does not answer.", n.Alert.What)
		require.Contains(t, n.Alert.Impact, "comes by "+stamp(n.At.Add(time.Minute)))
	})
}

// A mail server that was away for long gives no storm of them when it is back.
func TestBeatsDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		box := &letterbox{Fail: func(context.Context, Notice) (bool, error) {
			if !up.Load() {
				return false, errors.New("connection refused")
			}
			return true, nil
		}}
		desk := mustDesk(Config{Sender: box, Recipients: []string{alice}, Heartbeat: Heartbeat{Every: time.Hour}})
		time.Sleep(6*time.Hour + 30*time.Minute)
		up.Store(true)
		time.Sleep(20 * time.Minute)
		require.Equal(t, []string{"#0 beat"}, box.told(alice))
		time.Sleep(20 * time.Minute)
		require.Len(t, box.told(alice), 2)
		require.NoError(t, desk.Close(t.Context()))
	})
}

func TestWhatIsKeptOutlivesARestart(t *testing.T) {
	store := &Memory{}
	desk := mustDesk(Config{Sender: &letterbox{}, Store: store})
	require.Nil(t, desk.Kept("x"))
	desk.Keep("x", json.RawMessage(`7`))
	require.NoError(t, desk.Close(t.Context()))
	desk = mustDesk(Config{Sender: &letterbox{}, Store: store})
	require.Equal(t, json.RawMessage(`7`), desk.Kept("x"))
	require.NoError(t, desk.Close(t.Context()))
}
