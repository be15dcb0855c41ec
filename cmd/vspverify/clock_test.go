package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
)

// setClock is a wall clock that is set by some time at an instant.
type setClock struct {
	at time.Time
	by time.Duration
}

func (c setClock) now() time.Time {
	if now := time.Now(); now.Before(c.at) {
		return now
	}
	return time.Now().Add(c.by)
}

// slotsOf counts the looks at our own node by their slot, without the one that parts.
func slotsOf(r *verifier.Record) map[int]int {
	slots := make(map[int]int)
	for i, o := range r.Seen {
		if o.Kind == verifier.KindNode && i+1 < len(r.Seen) {
			slots[int(o.At.Sub(r.Plan.Begins)/time.Duration(r.Plan.Slot))]++
		}
	}
	return slots
}

// TestOurClockIsSet: the VSP's clock is right, and ours is set in the middle. No slot is watched twice, what is skipped is
// unknown, and what fits our clock as it was is not held against the VSP.
func TestOurClockIsSet(t *testing.T) {
	tests := []struct {
		name        string
		by          time.Duration
		up, unknown int
	}{
		{"forward, by a part of a slot", 20 * time.Second, 60, 0},
		{"forward", 3 * time.Minute, 57, 3},
		{"forward, beyond what clocks may differ", 10 * time.Minute, 20, 40},
		{"back, by a part of a slot", -20 * time.Second, 60, 0},
		{"back", -3 * time.Minute, 60, 0},
		{"back, beyond what clocks may differ", -10 * time.Minute, 20, 40},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				clock := setClock{time.Now().Add(20*time.Minute - 10*time.Second), test.by}
				trial := testTrial(t, time.Minute, time.Hour)
				watchIn(t.Context(), t, trial, &world{vspDown: never, nodeDown: never, takes: time.Second, clock: clock.now})
				record, err := trial.readJournal()
				require.NoError(t, err)
				w := record.Window()
				w.Slots = w.Planned                                                   // entries are written by a clock that is right
				share := verifier.Uptimes(w, record.Seen, record.Beats, 1)[1].Share() // of the statements
				require.Zero(t, share.Down)
				require.InDelta(t, test.up, share.Up, 1)
				require.InDelta(t, test.unknown, share.Unknown, 1)
				for slot, n := range slotsOf(record) {
					require.Equal(t, 1, n, "slot %d", slot)
				}
			})
		})
	}
}

// TestClockSetBackWhileDead: what was watched before is not watched again.
func TestClockSetBackWhileDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		healthy := &world{vspDown: never, nodeDown: never}
		trial := testTrial(t, time.Minute, time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
		defer cancel()
		watchIn(ctx, t, trial, healthy)
		healthy.clock = func() time.Time { return time.Now().Add(-10 * time.Minute) }
		trial.policy.MaxSkew = 15 * time.Minute
		watchIn(t.Context(), t, trial, healthy)
		record, err := trial.readJournal()
		require.NoError(t, err)
		share := verifier.Uptimes(record.Window(), record.Seen, record.Beats, 1)[1].Share()
		require.Equal(t, verifier.Share{Up: 60}, share)
		for slot, n := range slotsOf(record) {
			require.LessOrEqual(t, n, 2, "slot %d", slot)
		}
	})
}

// TestClockThatGoesSlowly: timers go by another clock than the wall's, and a round must not come a moment before its slot.
func TestClockThatGoesSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		slow := func() time.Time { return time.Now().Add(-time.Since(began) / 2000) } // as much as they are adjusted at most
		trial := testTrial(t, time.Minute, time.Hour)
		watchIn(t.Context(), t, trial, &world{vspDown: never, nodeDown: never, clock: slow})
		record, err := trial.readJournal()
		require.NoError(t, err)
		require.Equal(t, verifier.Share{Up: 60}, verifier.Uptimes(record.Window(), record.Seen, record.Beats, 1)[1].Share())
		for slot, n := range slotsOf(record) {
			require.Equal(t, 1, n, "slot %d", slot)
		}
	})
}
