package alerts

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
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

// outbox carries notices to their recipients. Each pair of recipient and thread is a lane: in order within, and in nobody's
// way. A recipient's lanes take turns, one attempt at a time.
type outbox struct {
	sender Sender
	retry  Retry
	keeper *keeper
	log    *slog.Logger

	attempts context.Context    // ends when nothing may be tried any more
	stop     context.CancelFunc // ends attempts
	hurry    chan struct{}      // closed when pauses should be cut short, once for each notice
	running  sync.WaitGroup     // lanes
	now      func() time.Time

	mu    sync.Mutex
	turns map[string]chan struct{} // of each who is told anything; guarded by mu
	lanes map[laneID]*lane         // those with something to deliver; guarded by mu, as is what they hold
}

type laneID struct{ to, thread string }

type lane struct {
	waiting []parcel // the first is being delivered
	err     error    // of the latest attempt at the first
}

// parcel is a notice, and who wants to know how its first attempt goes.
type parcel struct {
	Notice
	first chan<- error // has room for one; nil if nobody waits
}

// report says how an attempt went. Only the first is heard.
func (p parcel) report(err error) {
	select {
	case p.first <- err:
	default:
	}
}

func newOutbox(sender Sender, recipients []string, retry Retry, keeper *keeper, log *slog.Logger, now func() time.Time) *outbox {
	o := &outbox{sender: sender, retry: retry, keeper: keeper, log: log, now: now, hurry: make(chan struct{}),
		turns: map[string]chan struct{}{}, lanes: map[laneID]*lane{}}
	o.attempts, o.stop = context.WithCancel(context.Background())
	for _, to := range recipients {
		o.turns[to] = make(chan struct{}, 1)
	}
	return o
}

// put takes in a notice that was stored. It returns false, and takes nothing, if this is for nobody whom it knows.
func (o *outbox) put(n Notice, first chan<- error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.turns[n.To] == nil {
		return false
	}
	id := laneID{n.To, n.Incident.Thread()}
	if l := o.lanes[id]; l != nil {
		l.waiting = append(l.waiting, parcel{n, first})
		return true
	}
	o.lanes[id] = &lane{waiting: []parcel{{n, first}}}
	o.running.Go(func() { o.run(id) })
	return true
}

// admit takes in a recipient.
func (o *outbox) admit(to string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.turns[to] == nil {
		o.turns[to] = make(chan struct{}, 1)
	}
}

// dismiss takes a recipient out. What waits for it is dropped when its turn comes.
func (o *outbox) dismiss(to string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.turns, to)
}

// turn returns a recipient's, nil if it is none any more.
func (o *outbox) turn(to string) chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.turns[to]
}

// waits reports whether news of an incident waits for a recipient.
func (o *outbox) waits(to string, incident Incident) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	lane := o.lanes[laneID{to, incident.Thread()}]
	return lane != nil && slices.ContainsFunc(lane.waiting, func(p parcel) bool {
		return slices.ContainsFunc(p.parts(), func(told Part) bool { return told.Incident.ID == incident.ID })
	})
}

// busy reports whether something waits in a lane.
func (o *outbox) busy(id laneID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lanes[id] != nil
}

// run empties a lane, or leaves it as it is when attempts end.
func (o *outbox) run(id laneID) {
	for {
		o.mu.Lock()
		p := o.lanes[id].waiting[0]
		o.mu.Unlock()
		if !o.deliver(id, p) || !o.done(id) {
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
func (o *outbox) deliver(id laneID, n parcel) bool {
	log := o.log.With("incident", n.Incident.Number, "event", string(n.Event), "to", n.To)
	hurry := o.hurry
	for failed := 1; ; failed++ {
		err := o.attempt(n.Notice)
		n.report(err)
		switch {
		case err == nil:
			log.Info("alert delivered", "attempts", failed)
			return true
		case final(err):
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

// final reports whether there is nothing more to try after an attempt.
func final(err error) bool {
	var permanent *Permanent
	return err == nil || errors.As(err, &permanent)
}

// attempt sends once, in the recipient's turn. What is over is struck out of the store before the next turn: so order
// outlives a crash, and at most one notice of a recipient can have been taken and not be noted.
func (o *outbox) attempt(n Notice) error {
	turn := o.turn(n.To)
	if turn == nil || n.over(o.now()) {
		return o.drop(n)
	}
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-o.attempts.Done():
		return o.attempts.Err()
	}
	if n.over(o.now()) { // its turn came late
		return o.drop(n)
	}
	ctx, cancel := context.WithTimeout(o.attempts, n.patience(o.retry.Attempt, o.now()))
	defer cancel()
	err := o.sender.Send(ctx, n)
	if final(err) {
		o.keeper.keep(Change{Done: []NoticeID{n.ID()}})
	}
	return err
}

// errGone is why a notice is dropped that waited for too long.
var errGone = errors.New("it is for a guest who is gone")

// drop strikes out what is for a guest who is gone.
func (o *outbox) drop(n Notice) error {
	o.keeper.keep(Change{Done: []NoticeID{n.ID()}})
	return &Permanent{Err: errGone}
}

// over reports whether a notice must not be sent any more.
func (n Notice) over(now time.Time) bool { return !n.Until.IsZero() && !now.Before(n.Until) }

// patience is how long an attempt may take: not beyond the notice's own end.
func (n Notice) patience(most time.Duration, now time.Time) time.Duration {
	if n.Until.IsZero() {
		return most
	}
	return min(most, n.Until.Sub(now))
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
