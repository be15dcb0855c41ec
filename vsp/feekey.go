package vsp

import (
	"context"
	"errors"
	"fmt"

	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/hdkeychain/v3"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
)

// feeKey is the branch of an account that fees are paid to.
type feeKey struct {
	xpub     string
	external *hdkeychain.ExtendedKey
	params   *chaincfg.Params
}

// externalBranch is the branch whose addresses are given to others (BIP 44).
const externalBranch = 0

func newFeeKey(xpub string, params *chaincfg.Params) (feeKey, error) {
	account, err := hdkeychain.NewKeyFromString(xpub, params)
	if err != nil {
		return feeKey{}, fmt.Errorf("extended public key for fees: %w", err)
	}
	if account.IsPrivate() {
		return feeKey{}, errors.New("extended public key for fees: it is a private one")
	}
	external, err := account.Child(externalBranch)
	if err != nil {
		return feeKey{}, fmt.Errorf("extended public key for fees: derive branch %d: %w", externalBranch, err)
	}
	return feeKey{xpub, external, params}, nil
}

// address returns the branch's address at an index.
func (k feeKey) address(index uint32) (string, error) {
	child, err := k.external.Child(index)
	if err != nil {
		return "", fmt.Errorf("derive fee address %d: %w", index, err)
	}
	hash := dcrutil.Hash160(child.SerializedPubKey())
	address, err := stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(hash, k.params)
	if err != nil {
		return "", fmt.Errorf("derive fee address %d: %w", index, err)
	}
	return address.String(), nil
}

// nextFeeAddress returns an address of the branch that was never given out before.
func (s *Service) nextFeeAddress(ctx context.Context, fees feeKey) (string, uint32, error) {
	// One index in 2^127 has no key (BIP 32). Two in a row are a fault, not chance.
	for attempts := 1; ; attempts++ {
		index, err := s.Store.NextFeeIndex(ctx, fees.xpub)
		if err != nil {
			return "", 0, fmt.Errorf("take the next fee address: %w", err)
		}
		address, err := fees.address(index)
		if errors.Is(err, hdkeychain.ErrInvalidChild) && attempts < 3 {
			continue
		}
		return address, index, err
	}
}
