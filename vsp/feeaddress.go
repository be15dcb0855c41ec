package vsp

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp/vspapi"
)

// feeValid is how long a fee's amount is promised, as in vspd.
const feeValid = time.Hour

// FeeAddress tells a ticket's holder where to pay its fee, and how much. The network is given the ticket if it does not
// have it.
func (s *Service) FeeAddress(ctx context.Context, r Request) (vspapi.FeeAddressResponse, error) {
	if err := s.mustBeOpen(); err != nil {
		return vspapi.FeeAddressResponse{}, err
	}
	offer, err := s.parseOffer(r)
	if err != nil {
		return vspapi.FeeAddressResponse{}, err
	}
	t, known, err := s.authenticateOffer(ctx, r, offer)
	if err != nil {
		return vspapi.FeeAddressResponse{}, err
	}
	if known && t.Fee.Status.Paid() {
		return vspapi.FeeAddressResponse{}, refuse(vspapi.FeeAlreadyReceived, nil)
	}
	seen, err := s.makeKnown(ctx, offer)
	if err != nil {
		return vspapi.FeeAddressResponse{}, err
	}
	if err := s.mustBeAbleToVote(ctx, offer.hash, seen); err != nil {
		return vspapi.FeeAddressResponse{}, err
	}
	now := s.now()
	if known {
		t, err = s.renewFee(ctx, t, now)
	} else {
		t, err = s.register(ctx, offer, seen, now)
	}
	if err != nil {
		return vspapi.FeeAddressResponse{}, err
	}
	return vspapi.FeeAddressResponse{
		Timestamp:  now.Unix(),
		FeeAddress: t.Fee.Address,
		FeeAmount:  int64(t.Fee.Amount),
		Expiration: t.Fee.Expires.Unix(),
		Request:    r.body,
	}, nil
}

// offer is a ticket that its holder wants to be voted with.
type offer struct {
	hash       chainhash.Hash
	ticket     *wire.MsgTx
	parent     *wire.MsgTx // a transaction that ticket spends, if the network does not have ticket
	commitment string
}

func (s *Service) parseOffer(r Request) (offer, error) {
	if r.err != nil {
		return offer{}, r.err
	}
	var m struct {
		TicketHash string `json:"tickethash"`
		TicketHex  string `json:"tickethex"`
		ParentHex  string `json:"parenthex"`
	}
	if err := r.decode(&m); err != nil {
		return offer{}, err
	}
	err := check(rule{"TicketHex", "required", m.TicketHex != ""},
		rule{"TicketHash", "required", m.TicketHash != ""},
		rule{"ParentHex", "required", m.ParentHex != ""})
	if err != nil {
		return offer{}, err
	}
	ticket, err := decodeTransaction(m.TicketHex)
	if err != nil {
		return offer{}, refusef(vspapi.BadRequest, "cannot decode ticket hex")
	}
	commitment, err := s.commitment(ticket)
	if err != nil {
		return offer{}, err
	}
	hash := ticket.TxHash()
	if hash.String() != m.TicketHash {
		return offer{}, refusef(vspapi.BadRequest, "ticket hex does not match hash")
	}
	parent, err := decodeTransaction(m.ParentHex)
	if err != nil {
		return offer{}, refusef(vspapi.BadRequest, "cannot decode parent hex")
	}
	return offer{hash, ticket, parent, commitment}, nil
}

// authenticateOffer returns the ticket if it is known. A ticket carries the address that must have signed, so nothing is
// published for a stranger.
func (s *Service) authenticateOffer(ctx context.Context, r Request, o offer) (t Ticket, known bool, err error) {
	if t, known, err = s.stored(ctx, o.hash); err != nil {
		return Ticket{}, false, err
	}
	if err := s.verify(r, o.commitment); err != nil {
		return Ticket{}, false, err
	}
	var m vspapi.FeeAddressRequest
	if err := r.decode(&m); err != nil {
		return Ticket{}, false, err
	}
	return t, known, check(rule{"FeeAddressRequest.Timestamp", "required", m.Timestamp != 0})
}

// register stores a new ticket with an address of its own.
func (s *Service) register(ctx context.Context, o offer, seen ChainTx, now time.Time) (Ticket, error) {
	amount, err := s.currentFee(ctx)
	if err != nil {
		return Ticket{}, err
	}
	fees := s.terms.Load().fees
	address, index, err := s.nextFeeAddress(ctx, fees)
	if err != nil {
		return Ticket{}, err
	}
	t := Ticket{Hash: o.hash, Commitment: o.commitment, Fee: Fee{
		XPub: fees.xpub, Index: index, Address: address, Amount: amount, Expires: now.Add(feeValid), Status: FeeNone,
	}}
	t.confirm(seen)
	err = s.Store.Insert(ctx, t)
	if err == nil {
		s.Log.InfoContext(ctx, "ticket registered", "ticket", t.Hash, "fee", amount, "index", index)
		return t, nil
	}
	// Somebody else was first, or it is not known whether it was stored: what is there counts. A ticket's holder is told
	// of one address only.
	before, known, readErr := s.stored(ctx, o.hash)
	if readErr != nil || !known {
		return Ticket{}, fmt.Errorf("store new ticket: %w", err)
	}
	return s.renewFee(ctx, before, now)
}

// renewFee promises a new amount where the old promise has run out. The address stays.
func (s *Service) renewFee(ctx context.Context, t Ticket, now time.Time) (Ticket, error) {
	if !now.After(t.Fee.Expires) {
		return t, nil
	}
	amount, err := s.currentFee(ctx)
	if err != nil {
		return Ticket{}, err
	}
	t, err = s.Store.Update(ctx, t.Hash, func(t *Ticket) (*Change, error) {
		if t.Fee.Status.Paid() {
			return nil, refuse(vspapi.FeeAlreadyReceived, nil)
		}
		if now.After(t.Fee.Expires) {
			t.Fee.Amount, t.Fee.Expires = amount, now.Add(feeValid)
		}
		return nil, nil
	})
	if err != nil {
		return Ticket{}, fmt.Errorf("store new fee: %w", err)
	}
	return t, nil
}

// confirm takes over what the chain knows of a ticket, once it is deep enough for that to stay true.
func (t *Ticket) confirm(seen ChainTx) {
	if seen.Confirmations >= Confirmations {
		t.Confirmed, t.PurchaseHeight = true, seen.Height
	}
}

// decodeTransaction reads a transaction in hex. Bytes behind it are passed over, as in vspd.
func decodeTransaction(text string) (*wire.MsgTx, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("decode transaction: %w", err)
	}
	tx := new(wire.MsgTx)
	if err := tx.FromBytes(raw); err != nil {
		return nil, fmt.Errorf("decode transaction: %w", err)
	}
	return tx, nil
}
