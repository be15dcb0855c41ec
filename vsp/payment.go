package vsp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	blockchain "github.com/decred/dcrd/blockchain/standalone/v2"
	"github.com/decred/dcrd/dcrec"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp/network"
	"scrutineer/vsp/vspapi"
)

// payment is what PayFee was given, found to be in order.
type payment struct {
	ticket    ChainTx
	tx        *wire.MsgTx
	raw       []byte         // tx
	paid      dcrutil.Amount // by tx to the fee's address
	votingKey Secret
	choices   Choices // nil where none came that are valid
	leftOut   []error // what is wrong with the rest of them
	timestamp int64   // seconds of UTC, as the holder claims
}

// checkPayment returns the payment that a message brings. Choices that are not valid are left out, all of their kind: the
// ticket is paid for, and abstaining is better than not voting.
func (s *Service) checkPayment(fee Fee, seen ChainTx, m vspapi.PayFeeRequest) (payment, error) {
	key, err := dcrutil.DecodeWIF(m.VotingKey, s.Profile.Params.PrivateKeyID)
	if err != nil {
		return payment{}, refuse(vspapi.InvalidPrivKey, nil) // the cause could quote the key
	}
	tx, err := decodeTransaction(m.FeeTx)
	if err != nil {
		return payment{}, refuse(vspapi.InvalidFeeTx, err)
	}
	if err := blockchain.CheckTransactionSanity(tx, uint64(s.Profile.Params.MaxTxSize)); err != nil {
		return payment{}, refuse(vspapi.InvalidFeeTx, err)
	}
	paid, err := s.mustPay(tx, fee)
	if err != nil {
		return payment{}, err
	}
	if err := s.mustVote(key, seen.Tx); err != nil {
		return payment{}, err
	}
	raw, err := tx.Bytes()
	if err != nil {
		return payment{}, fmt.Errorf("serialize fee transaction: %w", err)
	}
	choices, leftOut := validChoices(s.Profile, m)
	return payment{
		ticket:    seen,
		tx:        tx,
		raw:       raw,
		paid:      paid,
		votingKey: Secret(key.String()),
		choices:   choices,
		leftOut:   leftOut,
		timestamp: m.Timestamp,
	}, nil
}

// mustPay returns what a transaction pays to the fee's address, and refuses it if that is too little. Its first output there
// counts alone, as in vspd.
func (s *Service) mustPay(tx *wire.MsgTx, fee Fee) (dcrutil.Amount, error) {
	address, err := stdaddr.DecodeAddress(fee.Address, s.Profile.Params)
	if err != nil {
		return 0, fmt.Errorf("decode fee address %s: %w", fee.Address, err)
	}
	version, script := address.PaymentScript()
	i := slices.IndexFunc(tx.TxOut, func(out *wire.TxOut) bool {
		return out.Version == version && bytes.Equal(out.PkScript, script)
	})
	switch {
	case i < 0 || tx.TxOut[i].Value == 0:
		return 0, refusef(vspapi.InvalidFeeTx, "feetx did not include any payments for fee address %s", fee.Address)
	case dcrutil.Amount(tx.TxOut[i].Value) < fee.Amount:
		return 0, refuse(vspapi.FeeTooSmall, nil)
	}
	return dcrutil.Amount(tx.TxOut[i].Value), nil
}

// mustVote refuses a key that cannot vote with a ticket.
func (s *Service) mustVote(key *dcrutil.WIF, ticket *wire.MsgTx) error {
	if key.DSA() != dcrec.STEcdsaSecp256k1 {
		return refuse(vspapi.InvalidPrivKey, errors.New("not an ECDSA key"))
	}
	address, err := stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(dcrutil.Hash160(key.PubKey()), s.Profile.Params)
	if err != nil {
		return refuse(vspapi.InvalidPrivKey, err)
	}
	version, script := address.VotingRightsScript()
	if out := ticket.TxOut[0]; out.Version != version || !bytes.Equal(out.PkScript, script) {
		return refusef(vspapi.InvalidPrivKey, "voting address does not match provided private key")
	}
	return nil
}

// validChoices returns the kinds of choices that came and are valid, and what is wrong with the others.
func validChoices(profile network.Profile, m vspapi.PayFeeRequest) (choices Choices, leftOut []error) {
	valid := func(choices map[string]string, err error) map[string]string {
		if err != nil {
			leftOut = append(leftOut, err)
			return nil
		}
		return choices
	}
	choices = Choices{
		Agendas:  valid(m.VoteChoices, checkAgendas(profile, m.VoteChoices)),
		TSpends:  lowerKeys(valid(m.TSpendPolicy, checkTSpends(m.TSpendPolicy))),
		Treasury: lowerKeys(valid(m.TreasuryPolicy, checkTreasury(m.TreasuryPolicy))),
	}
	return choices, leftOut
}
