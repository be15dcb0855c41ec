package vsp

import (
	"context"
	"errors"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/txscript/v4/stdaddr"

	"scrutineer/vsp/vspapi"
)

// SetAltSignAddr lets another address sign the requests of a ticket beside its commitment address, once and for good. The
// ticket need not be registered, but one that is not is refused where new ones are not taken. The network is given the
// ticket if it does not have it.
func (s *Service) SetAltSignAddr(ctx context.Context, r Request) (vspapi.SetAltSignAddrResponse, error) {
	if err := s.mustBeOpen(); err != nil {
		return vspapi.SetAltSignAddrResponse{}, err
	}
	offer, err := s.parseOffer(r)
	if err != nil {
		return vspapi.SetAltSignAddrResponse{}, err
	}
	_, known, err := s.authenticateOffer(ctx, r, offer)
	if err != nil {
		return vspapi.SetAltSignAddrResponse{}, err
	}
	address, err := decodeSetAltSignAddr(r)
	if err != nil {
		return vspapi.SetAltSignAddrResponse{}, err
	}
	if !known {
		if err := s.mustAccept(); err != nil {
			return vspapi.SetAltSignAddrResponse{}, err
		}
	}
	if err := s.mustTakeSigner(ctx, offer, address); err != nil {
		return vspapi.SetAltSignAddrResponse{}, err
	}
	signer := AltSigner{address, Change{Request: r.body, Signature: r.signature, Answered: s.now().Unix()}}
	if err := s.addSigner(ctx, offer.hash, signer); err != nil {
		return vspapi.SetAltSignAddrResponse{}, err
	}
	return vspapi.SetAltSignAddrResponse{Timestamp: signer.Change.Answered, Request: r.body}, nil
}

func decodeSetAltSignAddr(r Request) (address string, err error) {
	var m vspapi.SetAltSignAddrRequest
	if err := r.decode(&m); err != nil {
		return "", err
	}
	return m.AltSignAddress, check(
		rule{"SetAltSignAddrRequest.Timestamp", "required", m.Timestamp != 0},
		rule{"SetAltSignAddrRequest.AltSignAddress", "required", m.AltSignAddress != ""})
}

var errSignerExists = refusef(vspapi.BadRequest, "alternate sign address data already exists")

// mustTakeSigner refuses an address that cannot sign, or that a ticket cannot have, in the order of vspd.
func (s *Service) mustTakeSigner(ctx context.Context, o offer, address string) error {
	seen, err := s.makeKnown(ctx, o)
	if err != nil {
		return err
	}
	before, err := s.altSigner(ctx, o.hash)
	if err != nil {
		return err
	}
	if before.Address != "" {
		return errSignerExists
	}
	decoded, err := stdaddr.DecodeAddressV0(address, s.Profile.Params)
	if err != nil {
		return refusef(vspapi.BadRequest, "%v", err)
	}
	if _, ok := decoded.(*stdaddr.AddressPubKeyHashEcdsaSecp256k1V0); !ok {
		return refusef(vspapi.BadRequest, "wrong type for alternate signing address")
	}
	return s.mustBeAbleToVote(ctx, o.hash, seen)
}

// addSigner stores a ticket's alternate signer. Where the Store does not say whether it did, what is there counts.
func (s *Service) addSigner(ctx context.Context, ticket chainhash.Hash, signer AltSigner) error {
	err := s.Store.SetAltSigner(ctx, ticket, signer)
	if errors.Is(err, ErrAltSignerExists) {
		return errSignerExists
	}
	if err != nil {
		stored, readErr := s.altSigner(ctx, ticket)
		if readErr != nil || stored.Change.Signature != signer.Change.Signature {
			return fmt.Errorf("store alternate signing address: %w", err)
		}
	}
	s.happened(ctx, EventAltSignerSet, ticket)
	return nil
}
