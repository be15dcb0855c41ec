package testnet

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrec"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/wire"
	"golang.org/x/sync/errgroup"

	"scrutineer/vsp/vspapi"
)

// holder registers tickets as dcrwallet does, but many at once and without its pauses of minutes: whatever fails is tried
// again at once, with the same fee transaction. The purse owns the tickets.
type holder struct {
	*play
	count int // of keys so far

	mu      sync.Mutex                  // owns what follows
	tickets map[chainhash.Hash]*offered // that were acknowledged
}

// registered returns the tickets that were acknowledged.
func (h *holder) registered() map[chainhash.Hash]offered {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make(map[chainhash.Hash]offered)
	for hash, o := range h.tickets {
		all[hash] = *o
	}
	return all
}

// note takes up a ticket that was acknowledged.
func (h *holder) note(o *offered) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tickets[o.hash] = o
}

// markHeld notes that all wallets hold tickets.
func (h *holder) markHeld(tickets []chainhash.Hash) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ticket := range tickets {
		h.tickets[ticket].held = true
	}
}

// offered is a ticket of the holder, and what is needed to register it.
type offered struct {
	hash       chainhash.Hash
	tx, parent *wire.MsgTx
	height     int64 // of its block; 0 if it is not in one
	key        *secp256k1.PrivateKey
	coin       coin // pays the fee
	choices    choices
	held       bool // by all wallets, when they were last asked
}

const (
	// feeCoin is more than any fee; what is over comes back.
	feeCoin = dcrutil.AtomsPerCoin

	// registrations is how many tickets are registered at the same time.
	registrations = 8

	// lastOffer is how old a ticket is, in blocks, when it is not offered any more: what is acknowledged later may be
	// drawn before anybody can have done anything about it.
	lastOffer = 10
)

func (h *holder) purse() *purse { return h.network.Chain.purse }

// newKey returns a voting key, another each time.
func (h *holder) newKey() (*secp256k1.PrivateKey, *stdaddr.AddressPubKeyHashEcdsaSecp256k1V0, error) {
	h.count++
	key := secp256k1.PrivKeyFromBytes(chainhash.HashB(fmt.Appendf(nil, "voting key %d", h.count)))
	hash := dcrutil.Hash160(key.PubKey().SerializeCompressed())
	address, err := stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(hash, h.network.Chain.params)
	return key, address, err
}

// buy buys tickets and mines them, and makes a coin to pay each one's fee with. Their choices differ.
func (h *holder) buy(ctx context.Context, count int) ([]*offered, error) {
	coins, err := h.coins(ctx, count)
	if err != nil {
		return nil, err
	}
	keys := make(map[string]*secp256k1.PrivateKey)
	var voters []stdaddr.StakeAddress
	for range count {
		key, address, err := h.newKey()
		if err != nil {
			return nil, err
		}
		keys[address.String()] = key
		voters = append(voters, address)
	}
	var all []*offered
	err = h.network.Chain.Grant(ctx, voters, func(tickets []Granted) error {
		if err := h.network.awaitTip(ctx, h.network.FrontEnd); err != nil {
			return err
		}
		parent, err := h.network.FrontEnd.RPC.Transaction(ctx, tickets[0].Tx.TxIn[0].PreviousOutPoint.Hash)
		if err != nil {
			return err
		}
		for _, ticket := range tickets {
			o := &offered{hash: ticket.Tx.TxHash(), tx: ticket.Tx, parent: parent.Tx, height: ticket.Height,
				key: keys[ticket.Voter.String()], coin: coins[len(all)]}
			o.choices = choices{Agendas: map[string]string{theAgenda: []string{"yes", "no", "abstain"}[len(all)%3]}}
			all = append(all, o)
		}
		return nil
	})
	return all, err
}

// coins makes coins of the purse's that only fees are paid with, and mines them.
func (h *holder) coins(ctx context.Context, count int) ([]coin, error) {
	c := h.network.Chain
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	defer c.give()
	height, err := c.Height(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.purse.scan(ctx, c.network.Miner.RPC, height); err != nil {
		return nil, err
	}
	version, script := c.purse.address.PaymentScript()
	var outputs []*wire.TxOut
	for range count {
		outputs = append(outputs, &wire.TxOut{Value: feeCoin, Version: version, PkScript: script})
	}
	tx, err := c.purse.pay(height+1, outputs)
	if err != nil {
		return nil, err
	}
	if err := publish(ctx, c.network.Miner.RPC, tx); err != nil {
		return nil, err
	}
	hash := tx.TxHash()
	var coins []coin
	for i := range count {
		coins = append(coins, coin{*wire.NewOutPoint(&hash, uint32(i), wire.TxTreeRegular), feeCoin, script, 0})
	}
	return coins, c.mineRelayed(ctx, "regular", hash)
}

// signature signs a body as a wallet's signmessage does, with the key that all tickets of the holder commit to.
func (h *holder) signature(body []byte) (string, error) {
	var message bytes.Buffer
	for _, part := range []string{"Decred Signed Message:\n", string(body)} {
		if err := wire.WriteVarString(&message, 0, part); err != nil {
			return "", err
		}
	}
	key := secp256k1.PrivKeyFromBytes(h.purse().key)
	return base64.StdEncoding.EncodeToString(ecdsa.SignCompact(key, chainhash.HashB(message.Bytes()), true)), nil
}

// ask sends a request once.
func (h *holder) ask(ctx context.Context, client *vspapi.Client, path string, message, result any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	signature, err := h.signature(body)
	if err != nil {
		return err
	}
	_, err = client.Post(ctx, path, body, signature, result)
	return err
}

// insist sends a request until it is answered by yes or no. That the VSP is away, has trouble of its own, or takes no new
// tickets for now, is neither.
func (h *holder) insist(ctx context.Context, path string, message, result any) error {
	key, err := h.vsp.key()
	if err != nil {
		return err
	}
	client := &vspapi.Client{URL: h.witness.URL, PubKey: key, HTTP: patient}
	var answered error
	err = waitUntil(ctx, "an answer to "+path, func(ctx context.Context) (bool, string) {
		answered = h.ask(ctx, client, path, message, result)
		if unanswered(answered) == nil && !isRefusal(answered, vspapi.VspClosed) {
			return true, ""
		}
		_ = pause(ctx, retryPause)
		return false, answered.Error()
	})
	return errors.Join(err, answered)
}

// asker sends a request until it is answered by yes or no.
type asker func(ctx context.Context, path string, message, result any) error

// registerBy registers a ticket.
func (h *holder) registerBy(ctx context.Context, o *offered, ask asker) error {
	ticket, err := o.tx.Bytes()
	if err != nil {
		return err
	}
	parent, err := o.parent.Bytes()
	if err != nil {
		return err
	}
	var fee vspapi.FeeAddressResponse
	err = ask(ctx, vspapi.PathFeeAddress, vspapi.FeeAddressRequest{Timestamp: time.Now().Unix(), TicketHash: o.hash.String(),
		TicketHex: hex.EncodeToString(ticket), ParentHex: hex.EncodeToString(parent)}, &fee)
	if err != nil {
		return err
	}
	tx, err := h.pay(o.coin, fee)
	if err != nil {
		return err
	}
	wif, err := dcrutil.NewWIF(o.key.Serialize(), h.network.Chain.params.PrivateKeyID, dcrec.STEcdsaSecp256k1)
	if err != nil {
		return err
	}
	err = ask(ctx, vspapi.PathPayFee, vspapi.PayFeeRequest{Timestamp: time.Now().Unix(), TicketHash: o.hash.String(),
		FeeTx: hex.EncodeToString(tx), VotingKey: wif.String(), VoteChoices: o.choices.Agendas}, &vspapi.PayFeeResponse{})
	if isRefusal(err, vspapi.FeeAlreadyReceived) {
		return nil
	}
	return err
}

// unanswered returns the error of a request that was answered neither by yes nor by no.
func unanswered(err error) error {
	var refusal *vspapi.Error
	if errors.As(err, &refusal) && refusal.Code != vspapi.InternalError {
		return nil
	}
	return err
}

func isRefusal(err error, code vspapi.Code) bool {
	var refusal *vspapi.Error
	return errors.As(err, &refusal) && refusal.Code == code
}

// pay returns the transaction that pays a fee.
func (h *holder) pay(c coin, fee vspapi.FeeAddressResponse) ([]byte, error) {
	address, err := stdaddr.DecodeAddress(fee.FeeAddress, h.network.Chain.params)
	if err != nil {
		return nil, err
	}
	tx := wire.NewMsgTx()
	tx.AddTxIn(wire.NewTxIn(&c.out, int64(c.value), nil))
	version, script := address.PaymentScript()
	tx.AddTxOut(&wire.TxOut{Value: fee.FeeAmount, Version: version, PkScript: script})
	version, script = h.purse().address.PaymentScript()
	tx.AddTxOut(&wire.TxOut{Value: int64(c.value) - fee.FeeAmount - 3*int64(txFee), Version: version, PkScript: script})
	if err := h.purse().sign(tx, 0, c.script); err != nil {
		return nil, err
	}
	return tx.Bytes()
}

// registerAll registers tickets, several at a time, as long as there is some use in it. It returns how many the VSP has
// acknowledged.
func (h *holder) registerAll(ctx context.Context, tickets []*offered) (acknowledged int, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(registrations)
	var mu sync.Mutex
	for _, o := range tickets {
		group.Go(func() error {
			tip, err := h.network.Chain.Height(ctx)
			if err != nil || tip-o.height > lastOffer {
				return err
			}
			if err := h.registerBy(ctx, o, h.insist); err != nil {
				return fmt.Errorf("register ticket %s: %w", o.hash, err)
			}
			h.note(o)
			mu.Lock()
			defer mu.Unlock()
			acknowledged++
			return nil
		})
	}
	return acknowledged, group.Wait()
}
