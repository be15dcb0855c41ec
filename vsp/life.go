package vsp

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// lifePeriod is how often Run looks when no block comes. What it makes good for then is an outage of node or store.
const lifePeriod = 15 * time.Second

// Run does what has to be done beside answering requests, until the context ends: it looks at how node and wallets are, and
// while this process leads, it moves tickets through their lives: it confirms them, sends their fees, has wallets hold them,
// and finds out how they ended. It returns only when all that is done and the lease is given back. It must be called once
// only.
//
// What fails is tried again with the next block, or after lifePeriod.
func (s *Service) Run(ctx context.Context) {
	tend, follow := make(chan struct{}, 1), make(chan struct{}, 1)
	var loops sync.WaitGroup
	loops.Go(func() { s.examining(ctx) })
	loops.Go(func() { onEach(ctx, s.uncounted, s.newCounting().pass) })
	loops.Go(func() { s.lead(ctx, func(ctx context.Context) { s.newTenure().run(ctx, tend, follow) }) })
	defer loops.Wait()

	period := time.NewTicker(lifePeriod)
	defer period.Stop()
	for {
		wake(s.uncounted)
		wake(tend)
		wake(follow)
		select {
		case <-ctx.Done():
			return
		case <-s.Chain.Moved():
		case <-period.C:
		}
	}
}

// wake makes a loop pass again, also if it is just passing.
func wake(loop chan<- struct{}) {
	select {
	case loop <- struct{}{}:
	default:
	}
}

func onEach(ctx context.Context, wakes <-chan struct{}, pass func(context.Context)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-wakes:
			pass(ctx)
		}
	}
}

// step is a part of a pass that can fail by itself. It is logged when it begins to fail, and when it no longer does.
type step struct {
	service *Service
	name    string
	failing bool
}

// done takes note of how the step went, and returns whether well.
func (st *step) done(ctx context.Context, err error) bool {
	log := st.service.Log
	switch {
	case ctx.Err() != nil:
	case err != nil && !st.failing:
		log.WarnContext(ctx, st.name+" fails", "err", err)
	case err == nil && st.failing:
		log.InfoContext(ctx, st.name+" works again")
	}
	st.failing = err != nil
	return err == nil
}

// each acts on tickets, and returns the first error. One ticket's trouble does not keep the others waiting, but with no node
// or no store there is no use in going on.
func (s *Service) each(ctx context.Context, tickets []Ticket, act func(context.Context, Ticket) error) error {
	var first error
	for _, t := range tickets {
		err := act(ctx, t)
		if err == nil {
			continue
		}
		if first == nil {
			first = fmt.Errorf("ticket %v: %w", t.Hash, err)
		}
		if _, err := s.Chain.Tip(ctx); err != nil {
			return first
		}
		if _, err := s.Store.Position(ctx); err != nil {
			return first
		}
	}
	return first
}
