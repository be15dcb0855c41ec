package vsp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	blockchain "github.com/decred/dcrd/blockchain/standalone/v2"
	"github.com/decred/dcrd/dcrec"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp/vspapi"
)

// payment is what PayFee was given, found to be in order.
type payment struct {
	ticket    ChainTx
	tx        *wire.MsgTx
	raw       []byte // tx
	votingKey Secret
	choices   Choices
	timestamp int64 // seconds of UTC, as the holder claims
}

// checkPayment returns the payment that a message brings. Choices that are not valid are left out, all of their kind: the
// ticket is paid for, and abstaining is better than not voting.
func (s *Service) checkPayment(ctx context.Context, t Ticket, seen ChainTx, m vspapi.PayFeeRequest) (payment, error) {
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
	if err := s.mustPay(tx, t.Fee); err != nil {
		return payment{}, err
	}
	if err := s.mustVote(key, seen.Tx); err != nil {
		return payment{}, err
	}
	raw, err := tx.Bytes()
	if err != nil {
		return payment{}, fmt.Errorf("serialize fee transaction: %w", err)
	}
	return payment{
		ticket:    seen,
		tx:        tx,
		raw:       raw,
		votingKey: Secret(key.String()),
		choices:   s.validChoices(ctx, t, m),
		timestamp: m.Timestamp,
	}, nil
}

// mustPay refuses a transaction that pays too little to the fee's address. Its first output there counts alone, as in
// vspd.
func (s *Service) mustPay(tx *wire.MsgTx, fee Fee) error {
	address, err := stdaddr.DecodeAddress(fee.Address, s.Profile.Params)
	if err != nil {
		return fmt.Errorf("decode fee address %s: %w", fee.Address, err)
	}
	version, script := address.PaymentScript()
	i := slices.IndexFunc(tx.TxOut, func(out *wire.TxOut) bool {
		return out.Version == version && bytes.Equal(out.PkScript, script)
	})
	switch {
	case i < 0 || tx.TxOut[i].Value == 0:
		return refusef(vspapi.InvalidFeeTx, "feetx did not include any payments for fee address %s", fee.Address)
	case dcrutil.Amount(tx.TxOut[i].Value) < fee.Amount:
		return refuse(vspapi.FeeTooSmall, nil)
	}
	return nil
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

func (s *Service) validChoices(ctx context.Context, t Ticket, m vspapi.PayFeeRequest) Choices {
	valid := func(choices map[string]string, err error) map[string]string {
		if err != nil {
			s.Log.WarnContext(ctx, "choices left out", "ticket", t.Hash, "err", err)
			return nil
		}
		return choices
	}
	return Choices{
		Agendas:  valid(m.VoteChoices, checkAgendas(s.Profile, m.VoteChoices)),
		TSpends:  lowerKeys(valid(m.TSpendPolicy, checkTSpends(m.TSpendPolicy))),
		Treasury: lowerKeys(valid(m.TreasuryPolicy, checkTreasury(m.TreasuryPolicy))),
	}
}
