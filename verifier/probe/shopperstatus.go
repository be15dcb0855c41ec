package probe

import (
	"context"
	"encoding/hex"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier"
	"scrutineer/verifier/votes"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/vspapi"
)

const (
	// unpublishedPatience is for how many blocks after the ticket's the fee may stay out of the chain before the shopper stops
	// to ask, and denialPatience for how many after the fee's own the VSP may go on to say that it is not confirmed. Both are
	// much longer than what the judge needs.
	unpublishedPatience = 144
	denialPatience      = 48
)

// follow asks where a ticket stands whose fee was taken, once each block, until the VSP says that the fee is confirmed. Then
// it changes how the ticket votes, once.
func (s *Shopper) follow(ctx context.Context, i int, r *verifier.Registration, t ticket, mined int64, at *verifier.NodeState) error {
	if r.Since == 0 || r.Pending != nil {
		if at.Height <= s.asked[r.Ticket] {
			return nil
		}
		if err := s.status(ctx, r, t, at); err != nil || r.Since == 0 {
			return s.patience(r, mined, at, err)
		}
	}
	if s.finished(r) || ctx.Err() != nil || s.stamp() <= r.Asked.Unix() { // choices must be of a later second than the fee
		return nil
	}
	return s.change(ctx, i, r, t, at)
}

// patience ends the following of a ticket that comes to nothing.
func (s *Shopper) patience(r *verifier.Registration, mined int64, at *verifier.NodeState, err error) error {
	feeBlock := int64(0)
	if r.Status != nil {
		feeBlock = r.Told.Errand.FeeBlock
	}
	switch {
	case err != nil:
		return err
	case feeBlock > 0 && at.Height > feeBlock+denialPatience+s.Vantage.Policy.MaxLagBlocks:
		return s.end(r, "the VSP did not confirm a fee that the chain has")
	case feeBlock == 0 && mined > 0 && at.Height > mined+unpublishedPatience:
		return s.end(r, "the fee did not come into the chain")
	}
	return nil
}

// status asks where a ticket stands. What is as it was is not written down again.
func (s *Shopper) status(ctx context.Context, r *verifier.Registration, t ticket, at *verifier.NodeState) error {
	fee, err := dcrrpc.DecodeTx(r.FeeTx)
	if err != nil {
		return s.end(r, err.Error())
	}
	block, known, err := s.Purse.Placed(ctx, fee.TxHash())
	if err == nil && !known {
		err = s.reserve(ctx, fee)
	}
	feeBlock := int64(0)
	if err == nil {
		feeBlock, err = s.height(ctx, block)
	}
	if err != nil {
		return s.wait(ctx, verifier.WalletAway, err.Error())
	}
	var status vspapi.TicketStatusResponse
	o, _ := s.ask(ctx, t, question{path: vspapi.PathTicketStatus, result: &status, echo: func() []byte { return status.Request },
		message: vspapi.TicketStatusRequest{TicketHash: t.hash().String()}})
	o.Kind, o.Endpoint, o.Node, o.Later = verifier.KindChoices, vspapi.PathTicketStatus, at, s.here(ctx)
	o.Errand = &verifier.Errand{Step: verifier.StepStatus, Ticket: verifier.Hash(r.Ticket), FeeBlock: feeBlock}
	if o.Code == verifier.OK && o.Later == nil {
		o.Code = verifier.NodeAway
	}
	if o.Code == verifier.Interrupted {
		return nil
	}
	if s.asked == nil {
		s.asked = make(map[chainhash.Hash]int64)
	}
	s.asked[r.Ticket] = at.Height
	if o.Code == verifier.OK && r.Pending == nil && !s.news(r, &status, feeBlock, at.Height) {
		return nil
	}
	return s.write(o)
}

// news reports whether an answer says other than the last that was written down, or has become a denial by the time that passed.
func (s *Shopper) news(r *verifier.Registration, status *vspapi.TicketStatusResponse, feeBlock, height int64) bool {
	if r.Status == nil || r.Status.FeeTxStatus != status.FeeTxStatus || r.Status.TicketConfirmed != status.TicketConfirmed ||
		feeBlock != r.Told.Errand.FeeBlock {
		return true
	}
	grace := votes.Confirmations + denialPatience/2 + s.Vantage.Policy.MaxLagBlocks
	late := func(at int64) bool { return feeBlock > 0 && at >= feeBlock+grace }
	return late(height) && !late(r.Told.Node.Height)
}

// change sends other choices than the ticket was registered with, and then asks what the VSP has.
func (s *Shopper) change(ctx context.Context, i int, r *verifier.Registration, t ticket, at *verifier.NodeState) error {
	_, then := s.choices(i)
	err := s.write(verifier.Observation{Code: verifier.OK, Node: at,
		Errand: &verifier.Errand{Step: verifier.StepChoose, Ticket: verifier.Hash(r.Ticket), Choices: &then}})
	if err != nil {
		return err
	}
	var changed vspapi.SetVoteChoicesResponse
	o, _ := s.ask(ctx, t, question{path: vspapi.PathSetVoteChoices, result: &changed, echo: func() []byte { return changed.Request },
		message: vspapi.SetVoteChoicesRequest{Timestamp: s.stamp(), TicketHash: t.hash().String(),
			VoteChoices: filled(then.Agendas), TSpendPolicy: filled(then.TSpends), TreasuryPolicy: filled(then.Treasury)}})
	o.Kind, o.Endpoint, o.Node, o.Later = verifier.KindChoices, vspapi.PathSetVoteChoices, at, s.here(ctx)
	o.Errand = &verifier.Errand{Step: verifier.StepChange, Ticket: verifier.Hash(r.Ticket)}
	if o.Code == verifier.OK && o.Later == nil {
		o.Code = verifier.NodeAway
	}
	if o.Code == verifier.Interrupted {
		return nil
	}
	if err := s.write(o); err != nil {
		return err
	}
	return s.status(ctx, r, t, at)
}

// spends writes down which treasury spends can be voted on and whose they are, where choices are about their keys: the chain
// has only those that were approved.
func (s *Shopper) spends(ctx context.Context) error {
	keyed := false
	for _, c := range s.Plan.Choices {
		keyed = keyed || len(c.Treasury) > 0
	}
	if !keyed {
		return nil
	}
	hashes, err := s.Node.TSpends(ctx)
	if err != nil {
		return s.wait(ctx, verifier.NodeAway, err.Error())
	}
	for _, hash := range hashes {
		if s.Done.Spends[hash] != "" {
			continue
		}
		tx, err := s.Node.Transaction(ctx, hash)
		if err != nil {
			continue // it has left the mempool meanwhile
		}
		_, key, err := stake.CheckTSpend(tx.Tx)
		if err != nil {
			continue
		}
		if err := s.write(verifier.Observation{Code: verifier.OK,
			Errand: &verifier.Errand{Step: verifier.StepSpend, Ticket: verifier.Hash(hash), Key: hex.EncodeToString(key)}}); err != nil {
			return err
		}
	}
	return nil
}
