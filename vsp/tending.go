package vsp

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// forgetAfter is how long after its promise has run out a ticket is forgotten that was never paid for and that the
	// network does not know. Its own purchase may still be waiting for a transaction fee until then.
	forgetAfter = 7 * 24 * time.Hour

	// A ticket that was paid for is never forgotten, though its purchase may come to nothing, as often happens when tickets'
	// price changes. After rareAfter it is looked for in one block of rareEvery only, so that such tickets do not add up.
	rareAfter = 7 * 24 * time.Hour
	rareEvery = 64
)

// tending is the loop that sees to tickets until they are confirmed, and to their fees until those are.
type tending struct {
	*tenure
	wallets, node, tickets, fees, payments step

	tip      Position // where the last pass was done in full
	good     bool     // nothing of it failed
	progress Progress // of the last pass
}

func (n *tenure) newTending() *tending {
	named := func(name string) step { return step{service: n.Service, name: name} }
	return &tending{
		tenure:   n,
		wallets:  named("handing tickets to wallets"),
		node:     named("asking the node"),
		tickets:  named("confirming tickets"),
		fees:     named("sending fees"),
		payments: named("following fees"),
	}
}

func (l *tending) pass(ctx context.Context) {
	l.wallets.done(ctx, l.holdAll(ctx))
	tip, err := l.Chain.Tip(ctx)
	if !l.node.done(ctx, err) {
		l.good = false
		return
	}
	good := true
	if tip.Position != l.tip || !l.good {
		// Confirmations come with blocks alone.
		good = l.tickets.done(ctx, l.confirmTickets(ctx, tip))
		good = l.payments.done(ctx, l.followFees(ctx, tip)) && good
	}
	good = l.fees.done(ctx, l.sendFees(ctx, tip)) && good
	l.tip, l.good = tip.Position, good
	l.report()
}

// report makes known how far things are.
func (l *tending) report() {
	l.progress.Held = int(l.holds.Load())
	l.progress.At = l.now()
	p := l.progress
	l.tended.Store(&p)
}

// confirmTickets sees to the tickets that were not deep enough yet.
func (l *tending) confirmTickets(ctx context.Context, tip Tip) error {
	tickets, err := l.Store.Select(ctx, Filter{Confirmed: new(false)})
	if err != nil {
		return fmt.Errorf("look up tickets: %w", err)
	}
	l.progress.Unconfirmed = len(tickets)
	return l.each(ctx, tickets, func(ctx context.Context, t Ticket) error {
		if t.rare(l.now(), tip) {
			return nil
		}
		seen, err := l.Chain.Transaction(ctx, t.Hash)
		if errors.Is(err, ErrNoTransaction) {
			return l.forget(ctx, t)
		}
		if err != nil {
			return fmt.Errorf("look for ticket on the chain: %w", err)
		}
		return l.confirm(ctx, t, seen)
	})
}

// rare reports whether a ticket is not to be looked for at this tip.
func (t *Ticket) rare(now time.Time, tip Tip) bool {
	return t.Fee.Status != FeeNone && now.Sub(t.Fee.Expires) > rareAfter && (tip.Height+int64(t.Hash[0]))%rareEvery != 0
}

func (l *tending) confirm(ctx context.Context, t Ticket, seen ChainTx) error {
	if seen.Confirmations < Confirmations {
		return nil
	}
	_, err := l.Store.Update(ctx, t.Hash, func(t *Ticket) (*Change, error) {
		t.confirm(seen)
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("store that ticket is confirmed: %w", err)
	}
	l.progress.Unconfirmed--
	l.happened(ctx, EventTicketConfirmed, t.Hash, "height", seen.Height)
	return nil
}

// forget removes a ticket that came to nothing. One that was paid for stays, whatever the network says.
func (l *tending) forget(ctx context.Context, t Ticket) error {
	if t.Fee.Status != FeeNone || l.now().Before(t.Fee.Expires.Add(forgetAfter)) {
		return nil
	}
	if err := l.Store.Remove(ctx, t.Hash); err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	l.progress.Unconfirmed--
	l.happened(ctx, EventTicketForgotten, t.Hash)
	return nil
}
