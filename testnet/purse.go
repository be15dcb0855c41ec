package testnet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrec"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4"
	"github.com/decred/dcrd/txscript/v4/sign"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp/dcrrpc"
)

// txFee is what each transaction of the purse pays, per input and output: twice what nodes ask for so many bytes.
const txFee = dcrutil.Amount(5000)

// coin is an output that the purse can spend.
type coin struct {
	out    wire.OutPoint
	value  dcrutil.Amount
	script []byte
	from   int64 // the first height of a block that may spend it
}

// purse holds the key that all mining rewards go to, and pays with it for the miner's tickets and the client's coins. A
// dcrwallet can buy tickets too, at a tenth of the speed: it writes each to disk several times.
type purse struct {
	key     []byte
	address *stdaddr.AddressPubKeyHashEcdsaSecp256k1V0
	params  *chaincfg.Params
	coins   []coin
	scanned int64 // height of the newest block that coins were looked for in
}

// newPurse derives the purse's key from the network's seed.
func newPurse(seed uint64) (*purse, error) {
	params := chaincfg.SimNetParams()
	key := sha256.Sum256(fmt.Appendf(nil, "scrutineer simnet purse %d", seed))
	public := secp256k1.PrivKeyFromBytes(key[:]).PubKey().SerializeCompressed()
	address, err := stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(dcrutil.Hash160(public), params)
	if err != nil {
		return nil, fmt.Errorf("make the purse: %w", err)
	}
	return &purse{key: key[:], address: address, params: params}, nil
}

// scan finds the purse's coins in the blocks up to height.
func (p *purse) scan(ctx context.Context, node *dcrrpc.Node, height int64) error {
	for ; p.scanned < height; p.scanned++ {
		hash, err := node.BlockHash(ctx, p.scanned+1)
		if err != nil {
			return fmt.Errorf("look for coins: %w", err)
		}
		block, err := node.Block(ctx, hash)
		if err != nil {
			return fmt.Errorf("look for coins: %w", err)
		}
		p.add(block.Transactions, wire.TxTreeRegular, p.scanned+1)
		p.add(block.STransactions, wire.TxTreeStake, p.scanned+1)
	}
	return nil
}

// add takes up what a block pays to the purse: rewards for mining and voting, and the prices of tickets back. Its own
// change it knows already.
func (p *purse) add(txs []*wire.MsgTx, tree int8, height int64) {
	_, plain := p.address.PaymentScript()
	_, vote := p.address.PayVoteCommitmentScript()
	_, revocation := p.address.PayRevokeCommitmentScript()
	for i, tx := range txs {
		if tree == wire.TxTreeRegular && i > 0 {
			return // only the first regular transaction makes coins
		}
		hash := tx.TxHash()
		for index, out := range tx.TxOut {
			if !bytes.Equal(out.PkScript, plain) && !bytes.Equal(out.PkScript, vote) && !bytes.Equal(out.PkScript, revocation) {
				continue
			}
			p.coins = append(p.coins, coin{*wire.NewOutPoint(&hash, uint32(index), tree), dcrutil.Amount(out.Value),
				out.PkScript, height + int64(p.params.CoinbaseMaturity)})
		}
	}
}

var errPurseEmpty = errors.New("the purse has not enough coins that can be spent")

// pay makes a transaction with these outputs, and change, for the block at height. Its coins are gone from the purse,
// the change is in it.
func (p *purse) pay(height int64, outputs []*wire.TxOut) (*wire.MsgTx, error) {
	tx := wire.NewMsgTx()
	tx.TxOut = append(tx.TxOut, outputs...)
	need := txFee * dcrutil.Amount(len(outputs)+1)
	for _, out := range outputs {
		need += dcrutil.Amount(out.Value)
	}
	var have dcrutil.Amount
	var left, spent []coin
	for _, coin := range p.coins {
		if have >= need || coin.from > height {
			left = append(left, coin)
			continue
		}
		spent = append(spent, coin)
		tx.AddTxIn(wire.NewTxIn(&coin.out, int64(coin.value), nil))
		have += coin.value - txFee
	}
	if have < need {
		return nil, fmt.Errorf("pay %s: %w", need, errPurseEmpty)
	}
	version, script := p.address.PaymentScript()
	change := &wire.TxOut{Value: int64(have - need), Version: version, PkScript: script}
	tx.AddTxOut(change)
	for i, coin := range spent {
		if err := p.sign(tx, i, coin.script); err != nil {
			return nil, err
		}
	}
	hash := tx.TxHash()
	out := wire.NewOutPoint(&hash, uint32(len(outputs)), wire.TxTreeRegular)
	p.coins = append(left, coin{*out, dcrutil.Amount(change.Value), script, height})
	return tx, nil
}

func (p *purse) sign(tx *wire.MsgTx, input int, script []byte) error {
	signature, err := sign.SignatureScript(tx, input, script, txscript.SigHashAll, p.key, dcrec.STEcdsaSecp256k1, true)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	tx.TxIn[input].SignatureScript = signature
	return nil
}

// tickets makes a ticket at price for each voter, who is given its voting rights, for the blocks after the one at height.
// The first transaction has the coins for the others; nodes want it in a block before theirs.
func (p *purse) tickets(height int64, price dcrutil.Amount, voters []stdaddr.StakeAddress) ([]*wire.MsgTx, error) {
	const parts = 4 // an input and three outputs
	version, script := p.address.PaymentScript()
	var outputs []*wire.TxOut
	for range voters {
		outputs = append(outputs, &wire.TxOut{Value: int64(price + parts*txFee), Version: version, PkScript: script})
	}
	split, err := p.pay(height, outputs)
	if err != nil {
		return nil, fmt.Errorf("buy %d tickets at %s: %w", len(voters), price, err)
	}
	txs, hash := []*wire.MsgTx{split}, split.TxHash()
	for i, voter := range voters {
		out := wire.NewOutPoint(&hash, uint32(i), wire.TxTreeRegular)
		ticket, err := p.ticket(wire.NewTxIn(out, outputs[i].Value, nil), price, voter)
		if err != nil {
			return nil, fmt.Errorf("buy tickets: %w", err)
		}
		if err := p.sign(ticket, 0, script); err != nil {
			return nil, fmt.Errorf("buy tickets: %w", err)
		}
		txs = append(txs, ticket)
	}
	return txs, nil
}

// ticket makes an unsigned ticket of the shape that dcrd wants (stake/v5, CheckSStx): who votes, who is paid, no change.
func (p *purse) ticket(in *wire.TxIn, price dcrutil.Amount, voter stdaddr.StakeAddress) (*wire.MsgTx, error) {
	tx := wire.NewMsgTx()
	tx.AddTxIn(in)
	version, script := voter.VotingRightsScript()
	tx.AddTxOut(&wire.TxOut{Value: int64(price), Version: version, PkScript: script})
	_, amounts, err := stake.SStxNullOutputAmounts([]int64{in.ValueIn}, []int64{0}, int64(price))
	if err != nil {
		return nil, err
	}
	version, script = p.address.RewardCommitmentScript(amounts[0], 0, 0)
	tx.AddTxOut(&wire.TxOut{Version: version, PkScript: script})
	version, script = p.address.StakeChangeScript()
	tx.AddTxOut(&wire.TxOut{Version: version, PkScript: script})
	return tx, stake.CheckSStx(tx)
}

// publish sends transactions to a node, in order.
func publish(ctx context.Context, node *dcrrpc.Node, txs ...*wire.MsgTx) error {
	for _, tx := range txs {
		raw, err := tx.Bytes()
		if err != nil {
			return fmt.Errorf("publish transaction: %w", err)
		}
		const allowHighFees = true
		if err := node.Call(ctx, nil, "sendrawtransaction", hex.EncodeToString(raw), allowHighFees); err != nil {
			return fmt.Errorf("publish transaction: %w", err)
		}
	}
	return nil
}
