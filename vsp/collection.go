package vsp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// sendFees sends the fees of tickets that were confirmed meanwhile, and those that could not be sent before.
func (l *tending) sendFees(ctx context.Context, tip Tip) error {
	received, err := l.Store.Select(ctx, Filter{Fee: []FeeStatus{FeeReceived}, Outcome: []Outcome{NoOutcome}})
	if err != nil {
		return fmt.Errorf("look up fees to send: %w", err)
	}
	var due []Ticket
	unsent := make(map[chainhash.Hash]time.Time) // when they were received
	for _, t := range received {
		if t.Confirmed {
			due = append(due, t)
			unsent[t.Hash] = t.Fee.Received
		}
	}
	err = l.each(ctx, due, func(ctx context.Context, t Ticket) error {
		settled, err := l.sendFee(ctx, t, tip)
		if settled {
			delete(unsent, t.Hash)
		}
		return err
	})
	l.progress.Waiting, l.progress.Unsent, l.progress.OldestUnsent = len(received)-len(due), len(unsent), earliest(unsent)
	return err
}

// earliest returns the first of the times that are known, or the zero time.
func earliest(times map[chainhash.Hash]time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// sendFee sends a fee and stores what came of it, if anything did. A fee whose inputs are not known is given until its ticket
// is live: from then on every block could be the ticket's, and the holder must learn that it has no voter.
func (l *tending) sendFee(ctx context.Context, t Ticket, tip Tip) (settled bool, err error) {
	v, err := l.offerFee(ctx, t)
	if err != nil {
		return false, err
	}
	if v.event == feeOrphaned {
		if tip.Height < t.PurchaseHeight+int64(l.Profile.Params.TicketMaturity) {
			return false, nil
		}
		v.event = FeeRefused
	}
	err = l.settleFee(ctx, t, v)
	return err == nil, err
}

// followFees sees to the fees that were sent, until they are confirmed: one that the network has lost is sent again, which
// shows if it conflicts with another. A fee that was refused is looked for as well: its holder may have got it into a block
// nevertheless, and owes nothing then.
func (l *tending) followFees(ctx context.Context, tip Tip) error {
	follow := func(ctx context.Context, t Ticket) error { return l.followFee(ctx, t, tip) }
	sent, err := l.Store.Select(ctx, Filter{Fee: []FeeStatus{FeeBroadcast}})
	if err == nil {
		err = l.each(ctx, sent, follow)
	}
	refused, selectErr := l.Store.Select(ctx, Filter{Fee: []FeeStatus{FeeError}, Outcome: []Outcome{NoOutcome}})
	if selectErr != nil {
		return fmt.Errorf("look up fees to follow: %w", errors.Join(err, selectErr))
	}
	l.progress.InError = len(refused)
	return errors.Join(err, l.each(ctx, refused, follow))
}

func (l *tending) followFee(ctx context.Context, t Ticket, tip Tip) error {
	seen, err := l.Chain.Transaction(ctx, t.Fee.TxHash)
	switch {
	case errors.Is(err, ErrNoTransaction) && t.Fee.Status == FeeBroadcast:
		_, err := l.sendFee(ctx, t, tip)
		return err
	case errors.Is(err, ErrNoTransaction):
		return nil
	case err != nil:
		return fmt.Errorf("look for fee on the chain: %w", err)
	case seen.Confirmations < Confirmations:
		return nil
	}
	return l.settleFee(ctx, t, verdict{event: FeeMined, height: seen.Height})
}
