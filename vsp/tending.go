package vsp

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// forgetAfter is how long after its promise has run out a ticket is forgotten that was never paid for and that the network
// does not know. Its own purchase may still be waiting for a transaction fee until then.
const forgetAfter = 7 * 24 * time.Hour

// tending is the loop that sees to tickets until they are confirmed, and to their fees until those are.
type tending struct {
	*Service
	wallets, node, tickets, fees, payments, counts step

	tip  Position // where the last pass was done in full
	good bool     // nothing of it failed
}

func (s *Service) newTending() *tending {
	return &tending{
		Service:  s,
		wallets:  step{service: s, name: "handing tickets to wallets"},
		node:     step{service: s, name: "asking the node"},
		tickets:  step{service: s, name: "confirming tickets"},
		fees:     step{service: s, name: "sending fees"},
		payments: step{service: s, name: "following fees"},
		counts:   step{service: s, name: "counting tickets"},
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
		good = l.tickets.done(ctx, l.confirmTickets(ctx))
		good = l.payments.done(ctx, l.followFees(ctx, tip)) && good
		l.stale.Store(true)
	}
	good = l.fees.done(ctx, l.sendFees(ctx, tip)) && good
	good = l.counts.done(ctx, l.recount(ctx)) && good
	l.tip, l.good = tip.Position, good
}

// confirmTickets sees to the tickets that were not deep enough yet.
func (s *Service) confirmTickets(ctx context.Context) error {
	return s.each(ctx, Filter{Confirmed: new(false)}, func(ctx context.Context, t Ticket) error {
		seen, err := s.Chain.Transaction(ctx, t.Hash)
		if errors.Is(err, ErrNoTransaction) {
			return s.forget(ctx, t)
		}
		if err != nil {
			return fmt.Errorf("look for ticket on the chain: %w", err)
		}
		if seen.Confirmations < Confirmations {
			return nil
		}
		_, err = s.Store.Update(ctx, t.Hash, func(t *Ticket) (*Change, error) {
			t.confirm(seen)
			return nil, nil
		})
		if err != nil {
			return fmt.Errorf("store that ticket is confirmed: %w", err)
		}
		s.Log.InfoContext(ctx, "ticket confirmed", "ticket", t.Hash, "height", seen.Height)
		s.hold(ctx, t.Hash)
		return nil
	})
}

// forget removes a ticket that came to nothing. One that was paid for stays, whatever the network says.
func (s *Service) forget(ctx context.Context, t Ticket) error {
	if t.Fee.Status != FeeNone || s.now().Before(t.Fee.Expires.Add(forgetAfter)) {
		return nil
	}
	if err := s.Store.Remove(ctx, t.Hash); err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	s.Log.InfoContext(ctx, "ticket forgotten", "ticket", t.Hash)
	return nil
}

// sendFees sends the fees of tickets that were confirmed meanwhile, and those that could not be sent before.
func (s *Service) sendFees(ctx context.Context, tip Tip) error {
	due := Filter{Confirmed: new(true), Fee: []FeeStatus{FeeReceived}, Outcome: []Outcome{NoOutcome}}
	return s.each(ctx, due, func(ctx context.Context, t Ticket) error { return s.sendFee(ctx, t, tip) })
}

// sendFee sends a fee. A fee whose inputs are not known is given until its ticket is live: from then on every block could
// be the ticket's, and the holder must learn that it has no voter.
func (s *Service) sendFee(ctx context.Context, t Ticket, tip Tip) error {
	event, reason, err := s.offerFee(ctx, t)
	if err != nil {
		return err
	}
	if event == feeOrphaned {
		if tip.Height < t.PurchaseHeight+int64(s.Profile.Params.TicketMaturity) {
			return nil
		}
		event = FeeRefused
	}
	if event == FeeRefused {
		s.Log.WarnContext(ctx, "fee refused", "ticket", t.Hash, "fee_tx", t.Fee.TxHash, "reason", reason)
	}
	return s.settleFee(ctx, t, event)
}

// followFees sees to the fees that were sent. A fee that was refused is looked for as well: its holder may have got it into
// a block nevertheless, and owes nothing then.
func (s *Service) followFees(ctx context.Context, tip Tip) error {
	follow := func(ctx context.Context, t Ticket) error { return s.followFee(ctx, t, tip) }
	return errors.Join(
		s.each(ctx, Filter{Fee: []FeeStatus{FeeBroadcast}}, follow),
		s.each(ctx, Filter{Fee: []FeeStatus{FeeError}, Outcome: []Outcome{NoOutcome}}, follow))
}

func (s *Service) followFee(ctx context.Context, t Ticket, tip Tip) error {
	seen, err := s.Chain.Transaction(ctx, t.Fee.TxHash)
	switch {
	case errors.Is(err, ErrNoTransaction) && t.Fee.Status == FeeBroadcast:
		return s.sendFee(ctx, t, tip)
	case errors.Is(err, ErrNoTransaction):
		return nil
	case err != nil:
		return fmt.Errorf("look for fee on the chain: %w", err)
	case seen.Confirmations < Confirmations:
		return nil
	}
	return s.settleFee(ctx, t, FeeMined)
}

// recount makes stats anew if they are out of date.
func (s *Service) recount(ctx context.Context) error {
	if !s.stale.Swap(false) {
		return nil
	}
	if _, err := s.count(ctx); err != nil {
		s.stale.Store(true)
		return err
	}
	return nil
}
