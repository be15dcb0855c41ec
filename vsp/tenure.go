package vsp

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// tenure is the time for which this process leads, with what it knows only then.
type tenure struct {
	*Service

	// holding has a value in it while somebody reads a ticket and tells Voters of it, so that they hear of the newest last.
	holding chan struct{}
	held    map[chainhash.Hash]struct{} // what Voters were asked to hold; guarded by holding
	holds   atomic.Int64                // how many those are
	unheld  atomic.Bool                 // Voters may not know of every Ready ticket

	scanned map[int64]chainhash.Hash // the newest blocks that were scanned; only following uses it
}

func (s *Service) newTenure() *tenure {
	n := &tenure{
		Service: s,
		holding: make(chan struct{}, 1),
		held:    make(map[chainhash.Hash]struct{}),
		scanned: make(map[int64]chainhash.Hash),
	}
	n.unheld.Store(true)
	return n
}

// run does a leader's work until the context ends. Fees and outcomes are seen to apart from each other, so that a long scan
// holds up no fee, and a fee no scan.
func (n *tenure) run(ctx context.Context, tend, follow chan struct{}) {
	n.tended.Store(nil)
	n.scannedTo.Store(nil)
	n.leading.Store(true)
	n.Log.InfoContext(ctx, "this process leads", "holder", n.holder)
	// What we ask of wallets ends with the lease, even where a loop is late because it waits for a node. Only after the last
	// of the loops nothing more is asked of them.
	defer context.AfterFunc(ctx, n.end)()
	var loops sync.WaitGroup
	loops.Go(func() { onEach(ctx, tend, n.newTending().pass) })
	loops.Go(func() { onEach(ctx, follow, n.newFollowing().pass) })
	loops.Go(func() { n.hearing(ctx) })
	wake(tend)
	wake(follow)
	loops.Wait()
	n.end()
	n.Log.InfoContext(ctx, "this process does not lead any more", "cause", context.Cause(ctx))
}

func (n *tenure) end() {
	n.leading.Store(false)
	n.Voters.Drop()
}
