package alerts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// Retry says how delivery is tried.
type Retry struct {
	Attempt time.Duration // the longest that one attempt may take
	First   time.Duration // the pause after the first failed attempt; each next is twice as long
	Most    time.Duration // the longest pause
}

// DefaultRetry is eager enough for an alert, and outlasts greylisting, which asks for some minutes.
func DefaultRetry() Retry {
	return Retry{Attempt: 30 * time.Second, First: time.Second, Most: time.Minute}
}

// pause returns how long to wait after so many failed attempts: between half of the full pause and the full one, so that
// those who failed together do not all come back together.
func (r Retry) pause(failed int) time.Duration {
	full := r.First
	for ; failed > 1 && full < r.Most; failed-- {
		full *= 2
	}
	full = max(min(full, r.Most), time.Millisecond)
	return full/2 + rand.N(full/2)
}

// outbox carries notices to their recipients. Each pair of recipient and incident is a lane: in order within, and in
// nobody's way. A recipient's lanes take turns, one attempt at a time.
type outbox struct {
	sender Sender
	retry  Retry
	log    *slog.Logger

	attempts context.Context    // ends when nothing may be tried any more
	stop     context.CancelFunc // ends attempts
	hurry    chan struct{}      // closed when pauses should be cut short, once for each notice
	running  sync.WaitGroup     // lanes
	turns    map[string]chan struct{}

	mu    sync.Mutex
	lanes map[laneID]*lane // those with something to deliver; guarded by mu, as is what they hold
}

type laneID struct{ to, incident string }

type lane struct {
	waiting []Notice // the first is being delivered
	err     error    // of the latest attempt at the first
}

func newOutbox(sender Sender, recipients []string, retry Retry, log *slog.Logger) *outbox {
	o := &outbox{sender: sender, retry: retry, log: log, hurry: make(chan struct{}),
		turns: map[string]chan struct{}{}, lanes: map[laneID]*lane{}}
	o.attempts, o.stop = context.WithCancel(context.Background())
	for _, to := range recipients {
		o.turns[to] = make(chan struct{}, 1)
	}
	return o
}

// put takes a notice in. A reminder is left out where earlier news of its incident still waits: that says as much, and
// what a dead mail server piles up must not come down as a storm.
func (o *outbox) put(n Notice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := laneID{n.To, n.Incident.ID}
	l := o.lanes[id]
	if l == nil {
		o.lanes[id] = &lane{waiting: []Notice{n}}
		o.running.Go(func() { o.run(id) })
		return
	}
	if n.Event != Reminded {
		l.waiting = append(l.waiting, n)
	}
}

// run empties a lane, or leaves it as it is when attempts end.
func (o *outbox) run(id laneID) {
	for {
		o.mu.Lock()
		n := o.lanes[id].waiting[0]
		o.mu.Unlock()
		if !o.deliver(id, n) || !o.done(id) {
			return
		}
	}
}

// done drops the lane's first notice and reports whether another one waits.
func (o *outbox) done(id laneID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.lanes[id]
	l.waiting, l.err = l.waiting[1:], nil
	if len(l.waiting) == 0 {
		delete(o.lanes, id)
		return false
	}
	return true
}

// deliver tries until the notice is delivered or refused for good, and returns false when attempts ended before.
func (o *outbox) deliver(id laneID, n Notice) bool {
	log := o.log.With("incident", n.Incident.Number, "event", string(n.Event), "to", n.To)
	hurry := o.hurry
	for failed := 1; ; failed++ {
		err := o.attempt(n)
		var permanent *Permanent
		switch {
		case err == nil:
			log.Info("alert delivered", "attempts", failed)
			return true
		case errors.As(err, &permanent):
			log.Error("alert refused for good", "error", err)
			return true
		}
		o.mu.Lock()
		o.lanes[id].err = err
		o.mu.Unlock()
		if o.attempts.Err() != nil {
			return false
		}
		pause := o.retry.pause(failed)
		log.Warn("alert not delivered yet", "attempts", failed, "next", pause, "error", err)
		select {
		case <-time.After(pause):
		case <-hurry:
			hurry = nil
		case <-o.attempts.Done():
			return false
		}
	}
}

// attempt sends once, in the recipient's turn.
func (o *outbox) attempt(n Notice) error {
	turn := o.turns[n.To]
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-o.attempts.Done():
		return o.attempts.Err()
	}
	ctx, cancel := context.WithTimeout(o.attempts, o.retry.Attempt)
	defer cancel()
	return o.sender.Send(ctx, n)
}

// drain waits until all is delivered or ctx ends, then gives up and returns what was not delivered. Nothing may be put
// any more once it is called.
func (o *outbox) drain(ctx context.Context) error {
	close(o.hurry)
	idle := make(chan struct{})
	go func() {
		o.running.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	o.stop()
	<-idle
	return o.undelivered()
}

// undelivered lists what waits, in a stable order.
func (o *outbox) undelivered() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var errs []error
	for _, l := range o.lanes {
		for i, n := range l.waiting {
			err := fmt.Errorf("incident %d %s to %s not delivered", n.Incident.Number, n.Event, n.To)
			if i == 0 && l.err != nil {
				err = fmt.Errorf("%w: %w", err, l.err)
			}
			errs = append(errs, err)
		}
	}
	slices.SortStableFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}
