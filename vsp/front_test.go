package vsp_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vsptest"
)

// front is one of several processes that share a rig's store and network.
type front struct {
	*vsp.Service
	voters *vsptest.Voters
	lease  *leaseLine
	log    *record
	moved  chan struct{}
	node   turn   // of its calls for transactions
	reads  turn   // of its calls for tickets
	stop   func() // ends Run, and waits for it
}

// front starts a process. All are called the same: that must not matter.
func (r *rig) front() *front {
	f := &front{voters: new(vsptest.Voters), lease: new(leaseLine), log: new(record), moved: make(chan struct{}, 1), node: newTurn(), reads: newTurn()}
	config := r.config
	config.Holder = "front"
	config.Store = frontStore{r.store, f.lease, f.reads}
	config.Chain = frontChain{r.chain, f.moved, f.node}
	config.Voters, config.Log = f.voters, slog.New(f.log)
	var err error
	f.Service, err = vsp.New(config)
	require.NoError(r.t, err)
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	f.stop = func() { cancel(); <-done }
	return f
}

// die ends a process so that nothing of it reaches the store any more.
func (f *front) die() {
	f.lease.set(func(string) (bool, error) { return false, errFault })
	f.stop()
}

// heal ends all trouble with the lease.
func (f *front) heal() {
	f.lease.set(nil)
	f.lease.hangs.Store(false)
	f.lease.late.Store(false)
}

// frontStore is a process's own connection to the store.
type frontStore struct {
	vsp.Store
	lease *leaseLine
	turn  turn
}

// Ticket answers also who has given up waiting.
func (s frontStore) Ticket(ctx context.Context, hash chainhash.Hash) (vsp.Ticket, error) {
	<-s.turn
	defer func() { s.turn <- struct{}{} }()
	return s.Store.Ticket(context.WithoutCancel(ctx), hash)
}

func (s frontStore) Lead(ctx context.Context, holder string, d time.Duration) (bool, error) {
	if err := s.lease.wait(ctx); err != nil {
		return false, err
	}
	if s.lease.refused.Load() {
		return false, nil
	}
	apply, err := s.lease.Fail("Lead")
	if err != nil && !apply {
		return false, err
	}
	leads, storeErr := s.Store.Lead(ctx, holder, d)
	if s.lease.late.Load() {
		time.Sleep(1900 * time.Millisecond)
	}
	if err != nil {
		return false, err
	}
	return leads, storeErr
}

func (s frontStore) Resign(ctx context.Context, holder string) error {
	if err := s.lease.wait(ctx); err != nil {
		return err
	}
	apply, err := s.lease.Fail("Resign")
	if err == nil || apply {
		err = s.Store.Resign(ctx, holder)
	}
	return err
}

// leaseLine is how a process's calls for the lease fare.
type leaseLine struct {
	fault
	hangs   atomic.Bool // they get no answer
	refused atomic.Bool // they are answered as if another had the lease
	late    atomic.Bool // they are answered almost too late
}

func (l *leaseLine) wait(ctx context.Context) error {
	if !l.hangs.Load() {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

// turn is what a call must have to be answered. While a test has it, calls are held up, whatever their contexts say.
type turn chan struct{}

func newTurn() turn {
	t := make(turn, 1)
	t <- struct{}{}
	return t
}

// frontChain is a process's own node: it tells each of its own.
type frontChain struct {
	*vsptest.Chain
	moved chan struct{}
	turn  turn
}

func (c frontChain) Transaction(ctx context.Context, hash chainhash.Hash) (vsp.ChainTx, error) {
	<-c.turn
	defer func() { c.turn <- struct{}{} }()
	return c.Chain.Transaction(ctx, hash)
}

func (c frontChain) Moved() <-chan struct{} { return c.moved }

// mineFor mines blocks, and lets processes know of each.
func (r *rig) mineFor(blocks int, fronts ...*front) {
	for range blocks {
		r.chain.Mine(1)
		for _, f := range fronts {
			select {
			case f.moved <- struct{}{}:
			default:
			}
		}
		pause()
	}
}

// leaders returns those that lead, and checks that the others keep off the wallets.
func leaders(t *testing.T, fronts ...*front) (leading []*front) {
	t.Helper()
	for _, f := range fronts {
		if f.Leading() {
			leading = append(leading, f)
		} else {
			require.Zero(t, f.voters.Wanted(), "who does not lead wants nothing of wallets")
			require.False(t, f.Progress().Leading)
		}
	}
	require.LessOrEqual(t, len(leading), 1, "at most one leads")
	return leading
}

// until waits for something, looking every ten milliseconds, and returns how long it took.
func until(t *testing.T, limit time.Duration, what string, done func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for synctest.Wait(); !done(); synctest.Wait() {
		require.Less(t, time.Since(start), limit, "waiting for %s", what)
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(start)
}
