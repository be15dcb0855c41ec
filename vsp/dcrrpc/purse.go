package dcrrpc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/wire"
)

// What a wallet does for the coins and keys in it. Nothing here is published but by Publish, and coins that were chosen for
// one transaction may be chosen for the next until it is, or until they are reserved.

// DraftTicket lets the wallet draw up the purchase of one ticket at the next block's price, from coins of an account: the
// transaction that makes the coin for it, and the ticket. Neither is signed. The ticket is void from the block at expiry on.
func (w *Wallet) DraftTicket(ctx context.Context, account string, expiry int64) (split, ticket *wire.MsgTx, err error) {
	var answer struct {
		Tickets []string `json:"unsignedtickets"`
		Split   string   `json:"splittx"`
	}
	const confirmations, count, comment, unsigned = 1, 1, "", true
	err = w.CallTimeout(ctx, max(slowAnswer, w.config.Timeout), &answer, "purchaseticket", account, confirmations, count, expiry, comment, unsigned)
	if err != nil {
		return nil, nil, err
	}
	if len(answer.Tickets) != count {
		return nil, nil, fmt.Errorf("purchaseticket: %s drew up %d tickets", w.Address(), len(answer.Tickets))
	}
	if split, err = DecodeTx(answer.Split); err == nil {
		ticket, err = DecodeTx(answer.Tickets[0])
	}
	if err != nil {
		return nil, nil, fmt.Errorf("purchaseticket: decode answer of %s: %w", w.Address(), err)
	}
	return split, ticket, nil
}

// Fund adds confirmed coins of an account to a transaction that has no inputs, and change behind its outputs. It returns the
// transaction, unsigned, and the network fee that it pays.
func (w *Wallet) Fund(ctx context.Context, account string, tx *wire.MsgTx) (*wire.MsgTx, dcrutil.Amount, error) {
	raw, err := EncodeTx(tx)
	if err != nil {
		return nil, 0, err
	}
	var answer struct {
		Hex string  `json:"hex"`
		Fee float64 `json:"fee"`
	}
	if err := w.Call(ctx, &answer, "fundrawtransaction", raw, account); err != nil {
		return nil, 0, err
	}
	funded, err := DecodeTx(answer.Hex)
	if err != nil {
		return nil, 0, fmt.Errorf("fundrawtransaction: decode answer of %s: %w", w.Address(), err)
	}
	fee, err := dcrutil.NewAmount(answer.Fee)
	return funded, fee, err
}

// Sign signs all inputs of a transaction. Where the coin of an input is not in the chain or the mempool, the transaction that
// makes it must be given.
func (w *Wallet) Sign(ctx context.Context, tx *wire.MsgTx, parents ...*wire.MsgTx) (*wire.MsgTx, error) {
	type input struct {
		Hash   string `json:"txid"`
		Index  uint32 `json:"vout"`
		Tree   int8   `json:"tree"`
		Script string `json:"scriptPubKey"`
		Redeem string `json:"redeemScript"`
	}
	inputs := []input{}
	for _, in := range tx.TxIn {
		for _, parent := range parents {
			out := in.PreviousOutPoint
			if hash := parent.TxHash(); hash == out.Hash && int(out.Index) < len(parent.TxOut) {
				inputs = append(inputs, input{hash.String(), out.Index, out.Tree, hex.EncodeToString(parent.TxOut[out.Index].PkScript), ""})
			}
		}
	}
	raw, err := EncodeTx(tx)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Hex      string `json:"hex"`
		Complete bool   `json:"complete"`
	}
	if err := w.Call(ctx, &answer, "signrawtransaction", raw, inputs); err != nil {
		return nil, err
	}
	if !answer.Complete {
		return nil, fmt.Errorf("signrawtransaction: %s could not sign every input of %s", w.Address(), tx.TxHash())
	}
	signed, err := DecodeTx(answer.Hex)
	if err != nil {
		return nil, fmt.Errorf("signrawtransaction: decode answer of %s: %w", w.Address(), err)
	}
	return signed, nil
}

// Reserve keeps the wallet from choosing coins for anything else, until it is started again.
func (w *Wallet) Reserve(ctx context.Context, coins []wire.OutPoint) error {
	type input struct {
		Amount float64 `json:"amount"`
		Hash   string  `json:"txid"`
		Index  uint32  `json:"vout"`
		Tree   int8    `json:"tree"`
	}
	inputs := make([]input, len(coins))
	for i, c := range coins {
		inputs[i] = input{Hash: c.Hash.String(), Index: c.Index, Tree: c.Tree}
	}
	return w.Call(ctx, nil, "lockunspent", false, inputs)
}

// Publish publishes a transaction, and the wallet remembers it if it concerns it. One that is known already is no error.
func (w *Wallet) Publish(ctx context.Context, tx *wire.MsgTx) error {
	raw, err := EncodeTx(tx)
	if err != nil {
		return err
	}
	err = w.Call(ctx, nil, "sendrawtransaction", raw, false)
	if IsCode(err, CodeDuplicateTx) {
		return nil
	}
	return err
}

// Placed returns the block that a transaction of the wallet's is in, zero if it is in none, and whether the wallet knows it.
func (w *Wallet) Placed(ctx context.Context, tx chainhash.Hash) (block chainhash.Hash, known bool, err error) {
	var answer struct {
		BlockHash string `json:"blockhash"`
	}
	err = w.Call(ctx, &answer, "gettransaction", tx)
	if IsCode(err, CodeNoTx) {
		return block, false, nil
	}
	if err == nil && answer.BlockHash != "" {
		err = chainhash.Decode(&block, answer.BlockHash)
	}
	return block, err == nil, err
}

// SignMessage signs a message with the key of an address, as VSPs want their requests signed.
func (w *Wallet) SignMessage(ctx context.Context, address, message string) (string, error) {
	var signature string
	err := w.Call(ctx, &signature, "signmessage", address, message)
	return signature, err
}

// PrivateKey returns the key of an address, as WIF.
func (w *Wallet) PrivateKey(ctx context.Context, address string) (string, error) {
	var wif string
	err := w.Call(ctx, &wif, "dumpprivkey", address)
	return wif, err
}

// Unlock unlocks the wallet for a time, in whole seconds. No error shows the passphrase.
func (w *Wallet) Unlock(ctx context.Context, passphrase string, lasting time.Duration) error {
	err := w.Call(ctx, nil, "walletpassphrase", passphrase, int64(lasting/time.Second))
	if err != nil && strings.Contains(err.Error(), passphrase) {
		return errors.New("walletpassphrase: the wallet's answer is not shown, as it shows the passphrase")
	}
	return err
}
