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

// feeOrphaned is what offerFee says of a fee whose inputs are not known: it may still be taken. It is never stored.
const feeOrphaned FeeEvent = "orphaned"

// offerFee gives a ticket's fee to the network and says what came of it, with the reason where it was not taken. An error
// means that the network could not be asked. Nothing is stored.
func (s *Service) offerFee(ctx context.Context, t Ticket) (event FeeEvent, reason, err error) {
	tx := new(wire.MsgTx)
	if err := tx.FromBytes(t.Fee.Tx); err != nil {
		return "", nil, fmt.Errorf("decode stored fee transaction: %w", err)
	}
	reason = s.Chain.Publish(ctx, tx)
	switch {
	case reason == nil:
		return FeeAccepted, nil, nil
	case errors.Is(reason, ErrRefused):
		return FeeRefused, reason, nil
	case !errors.Is(reason, ErrOrphan):
		return "", nil, fmt.Errorf("publish fee: %w", reason)
	}
	// The node says the same of outputs that it does not know and of outputs that are spent. Only the former may change.
	for _, in := range tx.TxIn {
		_, err := s.Chain.Transaction(ctx, in.PreviousOutPoint.Hash)
		if errors.Is(err, ErrNoTransaction) {
			return feeOrphaned, reason, nil
		}
		if err != nil {
			return "", nil, fmt.Errorf("look for the fee's inputs: %w", err)
		}
	}
	return FeeRefused, reason, nil
}

// settleFee stores what became of the fee that t tells of, and lets the wallets have the ticket, or not.
func (s *Service) settleFee(ctx context.Context, t Ticket, event FeeEvent) error {
	stored, err := s.Store.Update(ctx, t.Hash, func(now *Ticket) (*Change, error) {
		if now.Fee.TxHash != t.Fee.TxHash {
			return nil, errOtherFee
		}
		status, err := now.Fee.Status.Next(event)
		if err != nil {
			return nil, err
		}
		now.Fee.Status = status
		if status == FeeConfirmed {
			now.Fee.Tx = nil
		}
		return nil, nil
	})
	if errors.Is(err, errOtherFee) {
		return nil // the holder has paid another meanwhile: that one has its own course
	}
	if err != nil {
		return fmt.Errorf("store that the fee was %s: %w", event, err)
	}
	if stored.Fee.Status != t.Fee.Status {
		s.Log.InfoContext(ctx, "fee "+string(stored.Fee.Status), "ticket", t.Hash, "fee_tx", t.Fee.TxHash)
		s.stale.Store(true)
	}
	s.hold(ctx, t.Hash)
	return nil
}

var errOtherFee = errors.New("another fee was paid")
