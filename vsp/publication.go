package vsp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp/vspapi"
)

// How long a ticket's parent that spends unknown outputs is waited for, and by how many at once. The numbers are vspd's:
// a wallet publishes a chain of transactions and registers at once, and our node may be a few seconds behind.
const (
	parentTries    = 7
	parentWait     = time.Second
	maxParentWaits = 16
)

// admit returns an offered ticket as the network sees it, once it is found to be able to vote.
func (s *Service) admit(ctx context.Context, o offer) (ChainTx, error) {
	seen, err := s.makeKnown(ctx, o)
	if err != nil {
		return ChainTx{}, err
	}
	return seen, s.mustBeAbleToVote(ctx, o.hash, seen)
}

// makeKnown returns an offered ticket as the network sees it. The network is given what it does not have.
func (s *Service) makeKnown(ctx context.Context, o offer) (ChainTx, error) {
	seen, err := s.Chain.Transaction(ctx, o.hash)
	if err == nil {
		return seen, nil
	}
	if !errors.Is(err, ErrNoTransaction) {
		return ChainTx{}, fmt.Errorf("look for ticket on the chain: %w", err)
	}
	if err := s.publishParent(ctx, o); err != nil {
		return ChainTx{}, err
	}
	if err := s.Chain.Publish(ctx, o.ticket); err != nil {
		return ChainTx{}, notBroadcast(err)
	}
	s.happened(ctx, EventTicketPublished, o.hash)
	return ChainTx{Tx: o.ticket}, nil
}

func (s *Service) publishParent(ctx context.Context, o offer) error {
	hash := o.parent.TxHash()
	_, err := s.Chain.Transaction(ctx, hash)
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrNoTransaction) {
		return fmt.Errorf("look for ticket's parent on the chain: %w", err)
	}
	if !spends(o.ticket, hash) {
		return refusef(vspapi.BadRequest, "invalid ticket parent")
	}
	err = s.Chain.Publish(ctx, o.parent)
	if errors.Is(err, ErrOrphan) {
		err = s.publishOrphan(ctx, o.parent, err)
	}
	if err != nil {
		return notBroadcast(err)
	}
	return nil
}

// publishOrphan tries again for a while to publish a transaction that was refused for the reason given.
func (s *Service) publishOrphan(ctx context.Context, tx *wire.MsgTx, reason error) error {
	select {
	case s.parents <- struct{}{}:
		defer func() { <-s.parents }()
	default:
		return reason
	}
	for range parentTries {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for a transaction's inputs: %w", ctx.Err())
		case <-time.After(parentWait):
		}
		if reason = s.Chain.Publish(ctx, tx); !errors.Is(reason, ErrOrphan) {
			return reason
		}
	}
	return reason
}

// notBroadcast turns the network's refusal of a ticket or its parent into ours.
func notBroadcast(err error) error {
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrOrphan) {
		return refuse(vspapi.CannotBroadcastTicket, err)
	}
	return fmt.Errorf("publish ticket: %w", err)
}

func spends(tx *wire.MsgTx, hash chainhash.Hash) bool {
	for _, in := range tx.TxIn {
		if in.PreviousOutPoint.Hash == hash {
			return true
		}
	}
	return false
}

// mustBeAbleToVote refuses a ticket that will never vote: it is in none of mempool, maturing and live.
func (s *Service) mustBeAbleToVote(ctx context.Context, hash chainhash.Hash, seen ChainTx) error {
	maturity, expiry := int64(s.Profile.Params.TicketMaturity), int64(s.Profile.Params.TicketExpiry)
	switch {
	case seen.Confirmations > maturity+expiry+1:
		return refuse(vspapi.TicketCannotVote, nil)
	case seen.Confirmations <= maturity:
		return nil
	}
	live, err := s.Chain.Live(ctx, hash)
	if err != nil {
		return fmt.Errorf("ask whether ticket is live: %w", err)
	}
	if !live {
		return refuse(vspapi.TicketCannotVote, nil)
	}
	return nil
}
