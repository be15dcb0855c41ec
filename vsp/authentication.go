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

// authenticate returns the ticket that a request is about, after its holder has been found to have signed the request.
func (s *Service) authenticate(ctx context.Context, r Request) (Ticket, error) {
	if r.err != nil {
		return Ticket{}, r.err
	}
	if err := check(rule{"TicketHash", "required", r.ticket != ""}); err != nil {
		return Ticket{}, err
	}
	hash, ok := r.Ticket()
	if !ok {
		return Ticket{}, refusef(vspapi.BadRequest, "invalid ticket hash")
	}
	t, known, err := s.stored(ctx, hash)
	if err != nil {
		return Ticket{}, err
	}
	commitment := t.Commitment
	if !known {
		// Only to tell a stranger's ticket from a bad signature, as vspd does.
		if commitment, err = s.commitmentOnChain(ctx, hash); err != nil {
			return Ticket{}, err
		}
	}
	if err := s.verify(ctx, r, hash, commitment); err != nil {
		return Ticket{}, err
	}
	// A ticket goes by one spelling of its hash, vspd's, so that a record of a request proves itself.
	if !known || r.ticket != hash.String() {
		return Ticket{}, refuse(vspapi.UnknownTicket, nil)
	}
	return t, nil
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
// remain good as long as the ticket is here.
func (s *Service) verify(ctx context.Context, r Request, ticket chainhash.Hash, commitment string) error {
	if r.signature == "" {
		return refusef(vspapi.BadRequest, "no %s header", vspapi.ClientSignature)
	}
	wrong := vspapi.VerifyRequest(commitment, r.body, r.signature, s.Profile.Params)
	if wrong == nil {
		return nil
	}
	signer, err := s.altSigner(ctx, ticket)
	if err != nil {
		return err
	}
	if signer.Address == "" || vspapi.VerifyRequest(signer.Address, r.body, r.signature, s.Profile.Params) != nil {
		return refuse(vspapi.BadSignature, wrong)
	}
	return nil
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
