package vsp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A leader renews its lease every leaseRenew, or after leaseRetry where that has failed, and whoever does not lead asks for it
// as often. So another leads at most leaseTime and leaseRenew, 6 s in all, after a leader has died, and a Store that hangs or
// fails for two seconds costs nobody the lease.
const (
	leaseTime  = 5 * time.Second
	leaseRenew = time.Second
	leaseRetry = leaseRenew / 4

	// leaseMargin is how long before its lease runs out a leader stops. In it its last calls come to an end, and clocks may
	// differ by as much in how they count leaseTime.
	leaseMargin = time.Second

	// leaseCall is how long the Store may take to answer.
	leaseCall = 2 * time.Second
)

// Why a leader stops.
var (
	errLeaseOut   = errors.New("the lease could not be renewed in time")
	errLeaseTaken = errors.New("another process has the lease")
)

// holderName returns a name for this process that no other has, not even one that is called the same, or that was
// before it was started again: two that took each other for the same would both lead.
func holderName(called string) string {
	return called + "#" + rand.Text()[:12]
}

// Leading reports whether this process does the work on the chain: of those that share a Store, at most one does.
func (s *Service) Leading() bool { return s.leading.Load() }

// lead has work done whenever this process has the lease, until the context ends. Work must return soon after its context
// has ended, and has returned before it is done again. At the end the lease is given back.
func (s *Service) lead(ctx context.Context, work func(context.Context)) {
	defer s.resign(ctx)
	asking := step{service: s, name: "asking for the lease"}
	for ctx.Err() == nil {
		until, err := s.takeLease(ctx)
		asking.done(ctx, err)
		if time.Now().Before(until) {
			s.keepLease(ctx, until, work)
		}
		select {
		case <-ctx.Done():
		case <-time.After(leaseRenew):
		}
	}
}

// takeLease takes or renews the lease, and returns until when this process may lead; the zero time if it may not. Our own
// monotonic clock counts, from before the Store was asked.
func (s *Service) takeLease(ctx context.Context) (until time.Time, err error) {
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, leaseCall)
	defer cancel()
	leads, err := s.Store.Lead(ctx, s.holder, leaseTime)
	if err != nil {
		return time.Time{}, fmt.Errorf("take the lease: %w", err)
	}
	if !leads {
		return time.Time{}, nil
	}
	return asked.Add(leaseTime - leaseMargin), nil
}

// keepLease has work done until the lease is lost or the context ends, and renews the lease meanwhile.
func (s *Service) keepLease(ctx context.Context, until time.Time, work func(context.Context)) {
	ctx, end := context.WithCancelCause(ctx)
	out := time.AfterFunc(time.Until(until), func() { end(errLeaseOut) })
	var renewing sync.WaitGroup
	renewing.Go(func() { s.renewLease(ctx, out, end) })
	work(ctx)
	out.Stop()
	end(nil)
	renewing.Wait()
}

// renewLease puts off the end of a lease until the context ends. A Store that cannot say is no reason to give up before.
func (s *Service) renewLease(ctx context.Context, out *time.Timer, end context.CancelCauseFunc) {
	renewing := step{service: s, name: "renewing the lease"}
	next := leaseRenew
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(next):
		}
		until, err := s.takeLease(ctx)
		switch {
		case !renewing.done(ctx, err):
			next = leaseRetry
		case until.IsZero():
			end(errLeaseTaken)
			return
		default:
			out.Reset(time.Until(until))
			next = leaseRenew
		}
	}
}

// resign lets another process lead at once. It is done even if we do not lead as far as we know: an answer of the Store's
// may have been lost.
func (s *Service) resign(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseCall)
	defer cancel()
	if err := s.Store.Resign(ctx, s.holder); err != nil {
		s.Log.WarnContext(ctx, "lease not given back: another process leads once it has run out", "err", err)
	}
}
