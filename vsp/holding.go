package vsp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

const (
	// touchEvery is how often the leader asks which tickets were updated, by itself or another process. It is how late a
	// wallet hears of a holder's choices; a note costs two calls of the Store however many there are.
	touchEvery = 500 * time.Millisecond

	touchBatch = 256 // notes that are heard at once
)

// hearing has the wallets hear of every ticket that is updated, until the context ends.
func (n *tenure) hearing(ctx context.Context) {
	telling := step{service: n.Service, name: "telling wallets of updated tickets"}
	ticker := time.NewTicker(touchEvery)
	defer ticker.Stop()
	for {
		telling.done(ctx, n.hear(ctx))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// hear tells the wallets of the tickets that were updated since. A note is kept until that is done.
func (n *tenure) hear(ctx context.Context) error {
	for {
		notes, err := n.Store.Touched(ctx, touchBatch)
		if err != nil {
			return fmt.Errorf("look up which tickets were updated: %w", err)
		}
		if len(notes) == 0 {
			return nil
		}
		told := make(map[chainhash.Hash]bool)
		for _, note := range notes {
			if told[note.Ticket] {
				continue
			}
			told[note.Ticket] = true
			if err := n.hold(ctx, note.Ticket); err != nil {
				return err
			}
		}
		if err := n.Store.Heard(ctx, notes); err != nil {
			return fmt.Errorf("delete notes of updated tickets: %w", err)
		}
		if len(notes) < touchBatch {
			return nil
		}
	}
}

// hold has the wallets hold a ticket as it is stored now, or lets go of it.
func (n *tenure) hold(ctx context.Context, hash chainhash.Hash) error {
	n.holding <- struct{}{}
	defer func() { <-n.holding }()
	t, err := n.Store.Ticket(ctx, hash)
	switch {
	case errors.Is(err, ErrNoTicket):
		n.release(hash)
	case err != nil:
		return fmt.Errorf("look up ticket %v for the wallets: %w", hash, err)
	default:
		n.tell(t)
	}
	return nil
}

// holdEach does the same for tickets of which the Store has no note.
func (n *tenure) holdEach(ctx context.Context, tickets []chainhash.Hash) {
	for _, hash := range tickets {
		if n.hold(ctx, hash) != nil {
			n.unheld.Store(true)
		}
	}
}

// holdAll has the wallets hold every Ready ticket and no other, where they may not know of all.
func (n *tenure) holdAll(ctx context.Context) error {
	if !n.unheld.Load() {
		return nil
	}
	n.holding <- struct{}{}
	defer func() { <-n.holding }()
	n.unheld.Store(false)
	tickets, err := n.Store.Select(ctx, Filter{
		Confirmed: new(true),
		Fee:       []FeeStatus{FeeBroadcast, FeeConfirmed},
		Outcome:   []Outcome{NoOutcome},
	})
	if err != nil {
		n.unheld.Store(true)
		return fmt.Errorf("look up the tickets that wallets should hold: %w", err)
	}
	ready := make(map[chainhash.Hash]bool, len(tickets))
	for _, t := range tickets {
		ready[t.Hash] = true
		n.tell(t)
	}
	for hash := range n.held {
		if !ready[hash] {
			n.release(hash)
		}
	}
	return nil
}

// tell has the wallets hold a ticket, or lets go of it. Holding must be taken.
func (n *tenure) tell(t Ticket) {
	if !t.Ready() {
		n.release(t.Hash)
		return
	}
	n.held[t.Hash] = struct{}{}
	n.holds.Store(int64(len(n.held)))
	n.Voters.Hold(Held{Ticket: t.Hash, PurchaseHeight: t.PurchaseHeight, VotingKey: t.VotingKey, Choices: t.Choices})
}

// release lets go of a ticket. Holding must be taken.
func (n *tenure) release(hash chainhash.Hash) {
	delete(n.held, hash)
	n.holds.Store(int64(len(n.held)))
	n.Voters.Release(hash)
}
