package main

import (
	"time"

	"scrutineer/verifier"
)

// clock knows how far the wall clock was set since it was made: what it went on by more than time did.
type clock struct {
	now   func() time.Time // the wall clock
	wall  time.Time        // as it was, without a monotonic reading
	began time.Time        // the same instant, with one
}

func newClock(now func() time.Time) *clock {
	return &clock{now: now, wall: now().Round(0), began: time.Now()}
}

// strayed is how far it was set forward; less than 0: back. A machine that slept has a clock that was set forward.
func (c *clock) strayed() time.Duration {
	return c.now().Round(0).Sub(c.wall) - time.Since(c.began)
}

// stepped is how far a clock must have been set to be noted: what is less is how clocks are kept right.
const stepped = time.Second

// clockStep is an entry's data: the clock of the machine that we watch from was set.
type clockStep struct {
	At      time.Time     `json:"at"` // by the new time, UTC
	Vantage string        `json:"vantage"`
	Step    time.Duration `json:"step_ns"` // forward; less than 0: back
}

// checkClock writes down that the clock was set, if it was since the last time.
func (w *watcher) checkClock(next time.Time) error {
	strayed := w.clock.strayed()
	step := strayed - w.strayed
	if step.Abs() < stepped {
		return nil
	}
	w.strayed = strayed
	now := w.vantage.Now().UTC().Round(0)
	w.log.Warn("our clock was set", "by", step.Round(time.Millisecond), "next_slot", next)
	_, err := w.book.Append(verifier.EntryClock, clockStep{At: now, Vantage: w.vantage.Name, Step: step})
	return err
}
