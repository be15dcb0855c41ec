package vsp

import (
	"context"
	"errors"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// hold has the wallets hold a ticket as it is stored now, or lets go of it. It is called after every change that Ready or
// a wallet depends on. Where the Store cannot be asked, Run makes good for it.
func (s *Service) hold(ctx context.Context, hash chainhash.Hash) {
	s.holding.Lock()
	defer s.holding.Unlock()
	t, err := s.Store.Ticket(ctx, hash)
	switch {
	case errors.Is(err, ErrNoTicket):
		s.Voters.Release(hash)
	case err != nil:
		s.unheld.Store(true)
	case t.Ready():
		s.Voters.Hold(t.held())
	default:
		s.Voters.Release(hash)
	}
}

// holdAll has the wallets hold every Ready ticket, where they may not know of all.
func (s *Service) holdAll(ctx context.Context) error {
	if !s.unheld.Load() {
		return nil
	}
	s.holding.Lock()
	defer s.holding.Unlock()
	s.unheld.Store(false)
	tickets, err := s.Store.Select(ctx, Filter{
		Confirmed: new(true),
		Fee:       []FeeStatus{FeeBroadcast, FeeConfirmed},
		Outcome:   []Outcome{NoOutcome},
	})
	if err != nil {
		s.unheld.Store(true)
		return fmt.Errorf("look up the tickets that wallets should hold: %w", err)
	}
	for i := range tickets {
		if tickets[i].Ready() {
			s.Voters.Hold(tickets[i].held())
		}
	}
	return nil
}

func (t *Ticket) held() Held {
	return Held{Ticket: t.Hash, PurchaseHeight: t.PurchaseHeight, VotingKey: t.VotingKey, Choices: t.Choices}
}
