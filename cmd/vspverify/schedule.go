package main

import (
	"context"
	"time"

	"scrutineer/verifier"
)

// schedule is when a trial's slots begin, by the wall clock: two vantages that look at the same slot need nothing but clocks
// that are right.
type schedule struct {
	begins time.Time // of the first slot; without a monotonic reading
	slot   time.Duration
	whole  time.Duration // of the trial; 0: until it is stopped
	seen   time.Duration // how many slots, the last that was watched among them, are not watched again
}

func newSchedule(p verifier.Plan) schedule {
	return schedule{begins: p.Begins, slot: time.Duration(p.Slot), whole: time.Duration(p.Duration)}
}

// next returns the first slot that has not begun and was not watched, and when it begins; or when the trial is over. Where
// the clock was set back, that is the slot after the last one that was watched, however long it takes until it comes.
func (s schedule) next(now time.Time) (index time.Duration, at time.Time, over bool) {
	index = max(s.seen, (now.Round(0).Sub(s.begins)+s.slot-1)/s.slot)
	if s.whole > 0 && index >= s.whole/s.slot {
		return index, s.begins.Add(s.whole / s.slot * s.slot), true // the last slot must be over, too
	}
	return index, s.begins.Add(index * s.slot), false
}

// watched returns the schedule after a look at the slot of that instant: it is not watched again.
func (s schedule) watched(at time.Time) schedule {
	if at = at.Round(0); !at.Before(s.begins) {
		s.seen = max(s.seen, at.Sub(s.begins)/s.slot+1)
	}
	return s
}

// slots makes a round at the beginning of each slot, until the trial is over or ctx ends. A slot that is past when its round
// could begin stays unknown: the machine slept, the round before took too long, or the clock was set forward. Where it was
// set back nothing is looked at until the next slot comes: no slot is watched twice.
func (w *watcher) slots(ctx context.Context, s schedule) error {
	for {
		index, at, over := s.next(w.vantage.Now())
		if !wait(ctx, min(s.slot, at.Sub(w.vantage.Now().Round(0)))) { // a clock may be set while we wait
			return w.stop(ctx, false)
		}
		if err := w.checkClock(at); err != nil {
			return err
		}
		switch late := w.vantage.Now().Round(0).Sub(at); {
		case late < 0: // it was a part of the wait, or timers and the clock do not go alike
		case over:
			return w.stop(ctx, true)
		case late < s.slot:
			if err := w.round(ctx); err != nil {
				return err
			}
			s.seen = index + 1
		}
	}
}

// wait returns false if ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
