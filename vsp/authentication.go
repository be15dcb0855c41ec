package vsp

import (
	"context"
	"errors"
	"fmt"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp/vspapi"
)

// authenticate returns the ticket that a request is about, and the address of its alternate signer, after its holder has been
// found to have signed the request.
func (s *Service) authenticate(ctx context.Context, r Request) (t Ticket, signer string, err error) {
	if r.err != nil {
		return Ticket{}, "", r.err
	}
	if err := check(rule{"TicketHash", "required", r.ticket != ""}); err != nil {
		return Ticket{}, "", err
	}
	hash, ok := r.Ticket()
	if !ok {
		return Ticket{}, "", refusef(vspapi.BadRequest, "invalid ticket hash")
	}
	t, signer, err = s.Store.TicketAndSigner(ctx, hash)
	known := !errors.Is(err, ErrNoTicket)
	switch {
	case !known:
		// Only to tell a stranger's ticket from a bad signature, as vspd does.
		var commitment string
		if commitment, err = s.commitmentOnChain(ctx, hash); err == nil {
			err = s.verify(r, commitment, s.signerOf(ctx, hash))
		}
	case err != nil:
		err = fmt.Errorf("look up ticket: %w", err)
	default:
		err = s.verify(r, t.Commitment, func() (string, error) { return signer, nil })
	}
	if err != nil {
		return Ticket{}, "", err
	}
	// A ticket goes by one spelling of its hash, vspd's, so that a record of a request proves itself.
	if !known || r.ticket != hash.String() {
		return Ticket{}, "", refuse(vspapi.UnknownTicket, nil)
	}
	return t, signer, nil
}

// stored returns a ticket of the Store's.
func (s *Service) stored(ctx context.Context, hash chainhash.Hash) (t Ticket, known bool, err error) {
	t, err = s.Store.Ticket(ctx, hash)
	if errors.Is(err, ErrNoTicket) {
		return Ticket{}, false, nil
	}
	if err != nil {
		return Ticket{}, false, fmt.Errorf("look up ticket: %w", err)
	}
	return t, true, nil
}

func (s *Service) commitmentOnChain(ctx context.Context, hash chainhash.Hash) (string, error) {
	seen, err := s.Chain.Transaction(ctx, hash)
	if errors.Is(err, ErrNoTransaction) {
		return "", refuse(vspapi.UnknownTicket, err)
	}
	if err != nil {
		return "", fmt.Errorf("look for ticket on the chain: %w", err)
	}
	return s.commitment(seen.Tx)
}

// commitment returns the address that signs the requests of a ticket's holder. A ticket must have one holder: one
// commitment, and so three outputs.
func (s *Service) commitment(ticket *wire.MsgTx) (string, error) {
	if err := stake.CheckSStx(ticket); err != nil {
		return "", refuse(vspapi.InvalidTicket, err)
	}
	if n := len(ticket.TxOut); n != 3 {
		return "", refuse(vspapi.InvalidTicket, fmt.Errorf("ticket has %d outputs", n))
	}
	address, err := stake.AddrFromSStxPkScrCommitment(ticket.TxOut[1].PkScript, s.Profile.Params)
	if err != nil {
		return "", refuse(vspapi.InvalidTicket, err)
	}
	return address.String(), nil
}

// verify refuses a request that neither a ticket's commitment address nor its alternate signing address has signed. Both
// remain good as long as the ticket is here. The second is asked for only where it is needed.
func (s *Service) verify(r Request, commitment string, signer func() (string, error)) error {
	if r.signature == "" {
		return refusef(vspapi.BadRequest, "no %s header", vspapi.ClientSignature)
	}
	wrong := s.verifyRequest(commitment, r)
	if wrong == nil {
		return nil
	}
	other, err := signer()
	if err != nil {
		return err
	}
	if other == "" || s.verifyRequest(other, r) != nil {
		return refuse(vspapi.BadSignature, wrong)
	}
	return nil
}

// signerOf returns what looks up the address of a ticket's alternate signer; an empty one if it has none.
func (s *Service) signerOf(ctx context.Context, ticket chainhash.Hash) func() (string, error) {
	return func() (string, error) {
		signer, err := s.altSigner(ctx, ticket)
		return signer.Address, err
	}
}

// altSigner returns a ticket's alternate signer; the zero one if it has none.
func (s *Service) altSigner(ctx context.Context, ticket chainhash.Hash) (AltSigner, error) {
	signer, err := s.Store.AltSigner(ctx, ticket)
	if errors.Is(err, ErrNoAltSigner) {
		return AltSigner{}, nil
	}
	if err != nil {
		return AltSigner{}, fmt.Errorf("look up alternate signing address: %w", err)
	}
	return signer, nil
}
