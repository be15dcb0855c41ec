package vsp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"scrutineer/vsp/vspapi"
)

// PayFee takes the transaction that pays a ticket's fee, the key that votes with the ticket, and how it is to vote. What
// it has answered is kept and carried out. The network gets the transaction once the ticket is confirmed.
func (s *Service) PayFee(ctx context.Context, r Request) (vspapi.PayFeeResponse, error) {
	if err := s.mustBeOpen(); err != nil {
		return vspapi.PayFeeResponse{}, err
	}
	t, _, err := s.authenticate(ctx, r)
	if err != nil {
		return vspapi.PayFeeResponse{}, err
	}
	m, err := decodePayFee(r)
	if err != nil {
		return vspapi.PayFeeResponse{}, err
	}
	if t.Fee.Status.Paid() {
		return vspapi.PayFeeResponse{}, refuse(vspapi.FeeAlreadyReceived, nil)
	}
	seen, err := s.Chain.Transaction(ctx, t.Hash)
	if errors.Is(err, ErrNoTransaction) {
		return vspapi.PayFeeResponse{}, refuse(vspapi.UnknownTicket, err)
	}
	if err != nil {
		return vspapi.PayFeeResponse{}, fmt.Errorf("look for ticket on the chain: %w", err)
	}
	if err := s.mustBeAbleToVote(ctx, t.Hash, seen); err != nil {
		return vspapi.PayFeeResponse{}, err
	}
	now := s.now()
	if err := s.mustBePromised(ctx, t.Fee, now); err != nil {
		return vspapi.PayFeeResponse{}, err
	}
	p, err := s.checkPayment(t.Fee, seen, m)
	if err != nil {
		return vspapi.PayFeeResponse{}, err
	}
	if t, err = s.receive(ctx, r, t, p, now); err != nil {
		return vspapi.PayFeeResponse{}, err
	}
	if t.Confirmed {
		if err := s.sendReceived(ctx, t); err != nil {
			return vspapi.PayFeeResponse{}, err
		}
	}
	return vspapi.PayFeeResponse{Timestamp: now.Unix(), Request: r.body}, nil
}

func decodePayFee(r Request) (vspapi.PayFeeRequest, error) {
	var m vspapi.PayFeeRequest
	if err := r.decode(&m); err != nil {
		return m, err
	}
	return m, check(
		rule{"PayFeeRequest.Timestamp", "required", m.Timestamp != 0},
		rule{"PayFeeRequest.TicketHash", "required", m.TicketHash != ""},
		rule{"PayFeeRequest.FeeTx", "required", m.FeeTx != ""},
		rule{"PayFeeRequest.VotingKey", "required", m.VotingKey != ""},
		rule{"PayFeeRequest.VoteChoices", "required", m.VoteChoices != nil},
		rule{"PayFeeRequest.TSpendPolicy", "max", len(m.TSpendPolicy) <= vspapi.MaxPolicies},
		rule{"PayFeeRequest.TreasuryPolicy", "max", len(m.TreasuryPolicy) <= vspapi.MaxPolicies})
}

// A payment of lateFee hundredths of what would be asked for now is taken after its promise has run out. The fee hardly
// depends on what tickets cost, so that is far more than it moves by itself in weeks, and less than any step by which an
// operator would raise it.
const lateFee = 95

// mustBePromised refuses a payment after the promise of its amount has run out, unless a new promise would ask for as good
// as the same. Refusing it then would only make the holder pay the same again, and again: dcrwallet abandons the transaction
// and makes another for the old amount.
func (s *Service) mustBePromised(ctx context.Context, fee Fee, now time.Time) error {
	if !now.After(fee.Expires) {
		return nil
	}
	current, err := s.currentFee(ctx)
	if err != nil {
		return err
	}
	if fee.Amount*100 < current*lateFee {
		return refuse(vspapi.FeeExpired, nil)
	}
	return nil
}

// receive stores a payment that is in order.
func (s *Service) receive(ctx context.Context, r Request, t Ticket, p payment, now time.Time) (Ticket, error) {
	stored, err := s.Store.Update(ctx, t.Hash, func(t *Ticket) (*Change, error) {
		if t.Fee.Status.Paid() {
			return nil, refuse(vspapi.FeeAlreadyReceived, nil)
		}
		status, err := t.Fee.Status.Next(FeePaid)
		if err != nil {
			return nil, err
		}
		t.Fee.Status, t.Fee.TxHash, t.Fee.Tx = status, p.tx.TxHash(), p.raw
		t.Fee.Received, t.Fee.Paid = now, p.paid
		t.VotingKey = p.votingKey
		t.confirm(p.ticket)
		// A payment that is sent again after its fee has failed must not take back what was chosen since. Its holder's clock
		// may be ahead: that must not keep other choices out until then.
		if t.ChoicesSetAt == 0 || p.timestamp >= t.ChoicesSetAt {
			t.Choices, t.ChoicesSetAt = t.Choices.replace(p.choices), min(p.timestamp, now.Unix())
		}
		return &Change{Request: r.body, Signature: r.signature, Answered: now.Unix()}, nil
	})
	if err != nil {
		if stored, err = s.received(ctx, t, p, err); err != nil {
			return Ticket{}, err
		}
	}
	s.happened(ctx, EventFeeReceived, t.Hash, "fee_tx", stored.Fee.TxHash, "paid", stored.Fee.Paid)
	if p.leftOut != nil {
		s.happened(ctx, EventChoicesLeftOut, t.Hash, "err", errors.Join(p.leftOut...))
	}
	return stored, nil
}

// received finds out whether a payment was stored though the Store said otherwise: it may have said so after the fact.
// A holder who is told of a failure might pay again.
func (s *Service) received(ctx context.Context, t Ticket, p payment, err error) (Ticket, error) {
	var refusal *Error
	if errors.As(err, &refusal) {
		return Ticket{}, err
	}
	err = fmt.Errorf("store payment: %w", err)
	stored, readErr := s.Store.Ticket(ctx, t.Hash)
	if readErr != nil || !stored.Fee.Status.Paid() || stored.Fee.TxHash != p.tx.TxHash() || stored.VotingKey != p.votingKey {
		return Ticket{}, err
	}
	return stored, nil
}

// sendReceived sends a fee that was stored just now. It refuses where the network has refused; any other trouble is not
// the holder's, and is left to Run.
func (s *Service) sendReceived(ctx context.Context, t Ticket) error {
	v, err := s.offerFee(ctx, t)
	if err != nil {
		s.Log.WarnContext(ctx, "fee not sent yet", "ticket", t.Hash, "err", err)
		return nil
	}
	code := vspapi.CannotBroadcastFee
	if v.event == feeOrphaned {
		v.event, code = FeeRefused, vspapi.CannotBroadcastFeeUnknownOutputs
	}
	if err := s.settleFee(ctx, t, v); err != nil {
		if v.event == FeeRefused {
			return err
		}
		s.Log.WarnContext(ctx, "fee sent, which is not stored yet", "ticket", t.Hash, "err", err)
		return nil
	}
	if v.event == FeeRefused {
		return refuse(code, v.reason)
	}
	return nil
}
