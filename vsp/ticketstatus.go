package vsp

import (
	"context"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp/vspapi"
)

// TicketStatus tells a ticket's holder where it stands. It works while the VSP is closed.
func (s *Service) TicketStatus(ctx context.Context, r Request) (vspapi.TicketStatusResponse, error) {
	t, signer, err := s.authenticate(ctx, r)
	if err != nil {
		return vspapi.TicketStatusResponse{}, err
	}
	answer := vspapi.TicketStatusResponse{
		Timestamp:       s.now().Unix(),
		TicketConfirmed: t.Confirmed,
		FeeTxStatus:     string(t.Fee.Status),
		AltSignAddress:  signer,
		VoteChoices:     orEmpty(t.Choices.Agendas),
		TSpendPolicy:    orEmpty(t.Choices.TSpends),
		TreasuryPolicy:  orEmpty(t.Choices.Treasury),
		Request:         r.body,
	}
	if t.Fee.TxHash != (chainhash.Hash{}) {
		answer.FeeTxHash = t.Fee.TxHash.String()
	}
	return answer, nil
}

// orEmpty keeps null from the wire, where clients expect a map.
func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
