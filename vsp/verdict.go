package vsp

import (
	"context"
	"errors"
	"fmt"

	"github.com/decred/dcrd/wire"
)

// verdict is what the network says of a fee.
type verdict struct {
	event  FeeEvent // that follows from it
	reason error    // why it was not taken, if it was not
	height int64    // the block that it is in; 0 unless event is FeeMined
}

// feeOrphaned is the verdict on a fee whose inputs are not known: it may still be taken. It is never stored.
const feeOrphaned FeeEvent = "orphaned"

// offerFee gives a ticket's fee to the network and returns its verdict. An error means that the network could not be
// asked. Nothing is stored.
func (s *Service) offerFee(ctx context.Context, t Ticket) (verdict, error) {
	tx := new(wire.MsgTx)
	if err := tx.FromBytes(t.Fee.Tx); err != nil {
		return verdict{}, fmt.Errorf("decode stored fee transaction: %w", err)
	}
	for tries := 0; ; tries++ {
		reason := s.Chain.Publish(ctx, tx)
		switch {
		case reason == nil:
			return verdict{event: FeeAccepted}, nil
		case errors.Is(reason, ErrRefused):
			return verdict{event: FeeRefused, reason: reason}, nil
		case !errors.Is(reason, ErrOrphan):
			return verdict{}, fmt.Errorf("publish fee: %w", reason)
		}
		known, err := s.inputsKnown(ctx, tx)
		switch {
		case err != nil:
			return verdict{}, err
		case !known:
			return verdict{event: feeOrphaned, reason: reason}, nil
		case tries > 0:
			// An output that is spent is as good as unknown to a node, and will not be known again.
			return verdict{event: FeeRefused, reason: reason}, nil
		}
		// They may have become known just now.
	}
}

// inputsKnown reports whether the network knows every transaction that another spends from.
func (s *Service) inputsKnown(ctx context.Context, tx *wire.MsgTx) (bool, error) {
	for _, in := range tx.TxIn {
		_, err := s.Chain.Transaction(ctx, in.PreviousOutPoint.Hash)
		if errors.Is(err, ErrNoTransaction) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("look for the fee's inputs: %w", err)
		}
	}
	return true, nil
}

// settleFee stores what the network has said of the fee that t tells of. A fee that the network had lost and has again is
// what it was.
func (s *Service) settleFee(ctx context.Context, t Ticket, v verdict) error {
	if v.event == FeeAccepted && t.Fee.Status == FeeBroadcast {
		s.happened(ctx, EventFeeRebroadcast, t.Hash, "fee_tx", t.Fee.TxHash)
		return nil
	}
	_, err := s.Store.Update(ctx, t.Hash, func(now *Ticket) (*Change, error) {
		if now.Fee.TxHash != t.Fee.TxHash {
			return nil, errOtherFee
		}
		status, err := now.Fee.Status.Next(v.event)
		if err != nil {
			return nil, err
		}
		now.Fee.Status = status
		if status == FeeConfirmed {
			now.Fee.Tx, now.Fee.Height = nil, v.height
		}
		return nil, nil
	})
	if errors.Is(err, errOtherFee) {
		return nil // the holder has paid another meanwhile: that one has its own course
	}
	if err != nil {
		return fmt.Errorf("store that the fee was %s: %w", v.event, err)
	}
	s.feeSettled(ctx, t, v)
	return nil
}

var errOtherFee = errors.New("another fee was paid")

func (s *Service) feeSettled(ctx context.Context, t Ticket, v verdict) {
	attributes := []any{"fee_tx", t.Fee.TxHash}
	switch v.event {
	case FeeAccepted:
		s.happened(ctx, EventFeeBroadcast, t.Hash, attributes...)
	case FeeRefused:
		s.happened(ctx, EventFeeRefused, t.Hash, append(attributes, "reason", v.reason)...)
	case FeeMined:
		wake(s.uncounted)
		s.happened(ctx, EventFeeConfirmed, t.Hash, append(attributes, "height", v.height)...)
	}
}
