package probe

import (
	"context"
	"errors"
	"fmt"

	blockchain "github.com/decred/dcrd/blockchain/standalone/v2"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/wire"

	"scrutineer/verifier"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/vspapi"
)

// register asks what the fee is, pays it and hands the voting key over, as far as it comes.
func (s *Shopper) register(ctx context.Context, i int, r *verifier.Registration, t ticket, at *verifier.NodeState) error {
	if r.Offer == nil || r.FeeTx == "" && s.due(r.Offer.Expiration) {
		if err := s.offer(ctx, r, t, at); err != nil || r.Offer == nil {
			return err
		}
	}
	if r.FeeTx == "" {
		if err := s.fund(ctx, r); err != nil || r.FeeTx == "" {
			return err
		}
	}
	return s.pay(ctx, i, r, t, at)
}

// offer asks where to pay the fee, and holds it against the VSP's own percentage.
func (s *Shopper) offer(ctx context.Context, r *verifier.Registration, t ticket, at *verifier.NodeState) error {
	said, terms := s.info(ctx)
	if terms.Code != verifier.OK {
		return s.wait(ctx, terms.Code, terms.Detail)
	}
	if said.VspClosed {
		return s.wait(ctx, verifier.Closed, said.VspClosedMsg)
	}
	var offer vspapi.FeeAddressResponse
	o, _ := s.ask(ctx, t, question{path: vspapi.PathFeeAddress, result: &offer, echo: func() []byte { return offer.Request },
		message: vspapi.FeeAddressRequest{Timestamp: s.stamp(), TicketHash: t.hash().String(), TicketHex: t.txHex, ParentHex: t.parentHex}})
	o.Node = at
	o.Errand = &verifier.Errand{Step: verifier.StepOffer, Ticket: verifier.Hash(r.Ticket)}
	if o.Code == verifier.OK {
		s.price(ctx, &o, offer, said, terms.Raw, r.Buy.Node.Height)
	}
	if o.Code == verifier.Interrupted {
		return nil
	}
	return s.write(o)
}

// price judges an offer. The VSP may have taken any block for the tip that was one since the ticket was bought, with the
// policy's lag on both sides, and may have changed its terms meanwhile: what gives the most is what it may ask for.
func (s *Shopper) price(ctx context.Context, o *verifier.Observation, offer vspapi.FeeAddressResponse, said vspapi.Info, raw *verifier.Raw, since int64) {
	if _, err := stdaddr.DecodeAddress(offer.FeeAddress, s.Vantage.Target.Network.Params); err != nil || offer.FeeAmount < 0 {
		o.Code, o.Detail = verifier.WrongAnswer, "it names no address of this network, or no amount, to pay to"
		return
	}
	quote, err := s.quote(ctx, said.FeePercentage, since)
	if err == nil && dcrutil.Amount(offer.FeeAmount) > quote.Most {
		again, terms := s.info(ctx)
		if err = errors.New(terms.Detail); terms.Code == verifier.OK {
			if again.FeePercentage >= said.FeePercentage {
				said, raw = again, terms.Raw
			}
			quote, err = s.quote(ctx, said.FeePercentage, since)
			if err == nil && int64(again.BlockHeight) > quote.Height && s.ahead(ctx, int64(again.BlockHeight)) {
				o.Code, o.Detail = verifier.AheadOfUs, fmt.Sprintf("it is at block %d", again.BlockHeight)
				return
			}
		}
	}
	o.Raw, o.Errand.Quote = raw, &quote
	switch asked := dcrutil.Amount(offer.FeeAmount); {
	case err != nil:
		o.Code, o.Detail, o.Raw, o.Errand.Quote = verifier.NodeNotKnown, err.Error(), nil, nil
	case asked > quote.Most:
		o.Code, o.Detail = verifier.Overcharged, fmt.Sprintf("%v, where %v %% gives %v at most", asked, quote.Percent, quote.Most)
	case asked > s.Plan.MaxFee:
		o.Code, o.Detail = verifier.OverBudget, fmt.Sprintf("the fee is %v, the most is %v", asked, s.Plan.MaxFee)
	}
}

// ahead reports whether a height is one that our own node has not reached.
func (s *Shopper) ahead(ctx context.Context, height int64) bool {
	own := s.here(ctx)
	return own == nil || height > own.Height
}

// quote returns the most that a percentage gives in the blocks from some before since to the one after our tip.
func (s *Shopper) quote(ctx context.Context, percent float64, since int64) (verifier.Quote, error) {
	profile := s.Vantage.Target.Network
	subsidies := blockchain.NewSubsidyCache(profile.Params)
	best := verifier.Quote{Percent: percent, Most: -1}
	take := func(height int64, difficulty dcrutil.Amount) {
		if fee := profile.TicketFee(subsidies, percent, height, difficulty); fee > best.Most {
			best.Height, best.Difficulty, best.Most = height, difficulty, fee
		}
	}
	own := s.here(ctx)
	if own == nil {
		return best, errors.New("our own node gave no answer")
	}
	size := profile.Params.StakeDiffWindowSize
	for height := max(1, since-s.Vantage.Policy.MaxLagBlocks); height <= own.Height; height = (height/size + 1) * size {
		hash, err := s.Node.BlockHash(ctx, height)
		if err != nil {
			return best, err
		}
		header, err := s.Node.Header(ctx, hash)
		if err != nil {
			return best, err
		}
		take(height, dcrutil.Amount(header.SBits)) // the same in all blocks of a window
	}
	current, next, err := s.Node.StakeDifficulty(ctx)
	take(own.Height, current)
	take(own.Height+1, next)
	return best, err
}

// fund makes the only transaction that will ever pay for a ticket.
func (s *Shopper) fund(ctx context.Context, r *verifier.Registration) error {
	tx, err := s.payment(ctx, r.Offer)
	if err != nil {
		return s.wait(ctx, verifier.WalletAway, err.Error())
	}
	text, err := dcrrpc.EncodeTx(tx)
	if err != nil {
		return err
	}
	return s.write(verifier.Observation{Code: verifier.OK,
		Errand: &verifier.Errand{Step: verifier.StepFee, Ticket: verifier.Hash(r.Ticket), Tx: text}})
}

// payment returns a signed transaction that pays an offer, with coins that the wallet then keeps for it.
func (s *Shopper) payment(ctx context.Context, offer *vspapi.FeeAddressResponse) (*wire.MsgTx, error) {
	address, err := stdaddr.DecodeAddress(offer.FeeAddress, s.Vantage.Target.Network.Params)
	if err != nil {
		return nil, fmt.Errorf("decode the fee's address: %w", err)
	}
	version, script := address.PaymentScript()
	draft := wire.NewMsgTx()
	draft.AddTxOut(&wire.TxOut{Value: offer.FeeAmount, Version: version, PkScript: script})
	tx, networkFee, err := s.Purse.Fund(ctx, s.Plan.Account, draft)
	if err != nil {
		return nil, err
	}
	out := tx.TxOut[0]
	switch {
	case out.Value != offer.FeeAmount, string(out.PkScript) != string(script):
		return nil, errors.New("the wallet's transaction pays something else than the fee")
	case networkFee < 0, dcrutil.Amount(offer.FeeAmount)+networkFee > s.Plan.MaxFee:
		return nil, fmt.Errorf("the fee is %v and %v for the network, the most is %v", dcrutil.Amount(offer.FeeAmount), networkFee, s.Plan.MaxFee)
	}
	if err := s.reserve(ctx, tx); err != nil {
		return nil, err
	}
	return s.Purse.Sign(ctx, tx)
}

// reserve keeps the wallet from spending a payment's coins before the VSP has published it. A wallet that was started again
// has forgotten.
func (s *Shopper) reserve(ctx context.Context, tx *wire.MsgTx) error {
	var coins []wire.OutPoint
	for _, in := range tx.TxIn {
		coins = append(coins, in.PreviousOutPoint)
	}
	return s.Purse.Reserve(ctx, coins)
}

// pay hands over what pays the fee, and the voting key.
func (s *Shopper) pay(ctx context.Context, i int, r *verifier.Registration, t ticket, at *verifier.NodeState) error {
	wif, err := s.votingKey(ctx, t)
	if err != nil {
		return s.wait(ctx, verifier.WalletAway, err.Error())
	}
	if fee, err := dcrrpc.DecodeTx(r.FeeTx); err != nil || s.reserve(ctx, fee) != nil {
		return s.wait(ctx, verifier.WalletAway, "it does not keep the coins for a fee")
	}
	first, _ := s.choices(i)
	var granted vspapi.PayFeeResponse
	o, refusal := s.ask(ctx, t, question{path: vspapi.PathPayFee, result: &granted, secret: wif, echo: func() []byte { return granted.Request },
		message: vspapi.PayFeeRequest{Timestamp: s.stamp(), TicketHash: t.hash().String(), FeeTx: r.FeeTx, VotingKey: wif,
			VoteChoices: filled(first.Agendas), TSpendPolicy: filled(first.TSpends), TreasuryPolicy: filled(first.Treasury)}})
	o.Node = at
	o.Errand = &verifier.Errand{Step: verifier.StepPay, Ticket: verifier.Hash(r.Ticket), Choices: &first}
	late := refusal != nil && refusal.Code == vspapi.FeeExpired
	if late && !s.due(r.Offer.Expiration) {
		o.Code = verifier.Declined // before the time that it had said itself
	}
	if o.Code == verifier.Interrupted {
		return nil
	}
	if err := s.write(o); err != nil {
		return err
	}
	switch {
	case late && o.Code != verifier.Declined:
		return s.end(r, "the fee was handed over too late")
	case r.Paid, refusal != nil && refusal.Code == vspapi.FeeAlreadyReceived:
		return s.status(ctx, r, t, at)
	}
	return nil
}

// votingKey returns the ticket's voting key, as WIF, and makes sure that it is.
func (s *Shopper) votingKey(ctx context.Context, t ticket) (string, error) {
	params := s.Vantage.Target.Network.Params
	wif, err := s.Keys.PrivateKey(ctx, t.voting)
	if err != nil {
		return "", err
	}
	key, err := dcrutil.DecodeWIF(wif, params.PrivateKeyID)
	if err != nil {
		return "", errors.New("the wallet's answer is no key of this network")
	}
	address, err := stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(dcrutil.Hash160(key.PubKey()), params)
	if err != nil || address.String() != t.voting {
		return "", errors.New("the wallet's key is not that of the voting address")
	}
	return wif, nil
}

// filled returns a map that is there: null is not what VSPs take.
func filled(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
