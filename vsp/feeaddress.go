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
// have it. A ticket that is new is refused where new ones are not taken; one that has its address keeps being served.
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
	if err := decodeFeeAddress(r); err != nil {
		return vspapi.FeeAddressResponse{}, err
	}
	if known {
		t, err = s.repeatOffer(ctx, offer, t)
	} else {
		t, err = s.takeOffer(ctx, offer)
	}
	if err != nil {
		return vspapi.FeeAddressResponse{}, err
	}
	return vspapi.FeeAddressResponse{
		Timestamp:  s.now().Unix(),
		FeeAddress: t.Fee.Address,
		FeeAmount:  int64(t.Fee.Amount),
		Expiration: t.Fee.Expires.Unix(),
		Request:    r.body,
	}, nil
}

func decodeFeeAddress(r Request) error {
	var m vspapi.FeeAddressRequest
	if err := r.decode(&m); err != nil {
		return err
	}
	return check(rule{"FeeAddressRequest.Timestamp", "required", m.Timestamp != 0})
}

// takeOffer registers a ticket that is new.
func (s *Service) takeOffer(ctx context.Context, o offer) (Ticket, error) {
	if err := s.mustAccept(); err != nil {
		return Ticket{}, err
	}
	seen, err := s.admit(ctx, o)
	if err != nil {
		return Ticket{}, err
	}
	return s.register(ctx, o, seen, s.now())
}

// repeatOffer returns a ticket that is known, with a promise in force. While the node is away the one that was given
// stands.
func (s *Service) repeatOffer(ctx context.Context, o offer, t Ticket) (Ticket, error) {
	if t.Fee.Status.Paid() {
		return Ticket{}, refuse(vspapi.FeeAlreadyReceived, nil)
	}
	_, err := s.admit(ctx, o)
	now := s.now()
	if err != nil && (isRefusal(err) || now.After(t.Fee.Expires)) {
		return Ticket{}, err
	}
	return s.renewFee(ctx, t, now)
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
	return t, known, s.verify(r, o.commitment, s.signerOf(ctx, o.hash))
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
	t := Ticket{Hash: o.hash, Registered: now, Commitment: o.commitment, Fee: Fee{
		XPub: fees.xpub, Index: index, Address: address, Amount: amount, Expires: now.Add(feeValid), Status: FeeNone,
	}}
	t.confirm(seen)
	err = s.Store.Insert(ctx, t)
	if err == nil {
		s.happened(ctx, EventTicketRegistered, t.Hash, "fee", amount, "index", index)
		return t, nil
	}
	// Somebody else was first, or it is not known whether it was stored: what is there counts. A ticket's holder is told
	// of one address only.
	before, known, readErr := s.stored(ctx, o.hash)
	if readErr != nil || !known {
		return Ticket{}, fmt.Errorf("store new ticket: %w", err)
	}
	if before.Fee.Address == address {
		s.happened(ctx, EventTicketRegistered, t.Hash, "fee", amount, "index", index)
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
	renewed := false
	t, err = s.Store.Update(ctx, t.Hash, func(t *Ticket) (*Change, error) {
		if t.Fee.Status.Paid() {
			return nil, refuse(vspapi.FeeAlreadyReceived, nil)
		}
		if renewed = now.After(t.Fee.Expires); renewed {
			t.Fee.Amount, t.Fee.Expires = amount, now.Add(feeValid)
		}
		return nil, nil
	})
	if err != nil {
		return Ticket{}, fmt.Errorf("store new fee: %w", err)
	}
	if renewed {
		s.happened(ctx, EventFeeRenewed, t.Hash, "fee", amount)
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
