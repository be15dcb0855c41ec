package vsptest

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/wire"
)

// Coin returns an output of an amount that is there to be spent.
func (c *Chain) Coin(amount dcrutil.Amount) wire.OutPoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unique++
	tx := wire.NewMsgTx()
	origin := wire.OutPoint{Hash: chainhash.HashH(binary.LittleEndian.AppendUint32(nil, c.unique))}
	tx.AddTxIn(wire.NewTxIn(&origin, int64(amount), nil))
	tx.AddTxOut(wire.NewTxOut(int64(amount), []byte{txscript.OP_TRUE}))
	c.place(tx, 0)
	return wire.OutPoint{Hash: tx.TxHash()}
}

// Pay returns a transaction that pays an amount to an address, and spends the outputs given, or a Coin if none are.
func (c *Chain) Pay(address string, amount dcrutil.Amount, from ...wire.OutPoint) *wire.MsgTx {
	if len(from) == 0 {
		from = append(from, c.Coin(amount+1e5))
	}
	tx := wire.NewMsgTx()
	for i := range from {
		tx.AddTxIn(wire.NewTxIn(&from[i], wire.NullValueIn, []byte{txscript.OP_TRUE}))
	}
	decoded := must(stdaddr.DecodeAddress(address, c.Params))
	version, script := decoded.PaymentScript()
	tx.AddTxOut(&wire.TxOut{Value: int64(amount), Version: version, PkScript: script})
	return tx
}

// Ticket is a ticket of a holder, with the transaction that it spends.
type Ticket struct {
	Holder
	Tx, Parent *wire.MsgTx
}

// Hash returns the ticket's hash.
func (t Ticket) Hash() chainhash.Hash { return t.Tx.TxHash() }

// Ticket returns a new ticket of a holder, of which the network does not know yet.
func (c *Chain) Ticket(h Holder) Ticket {
	price := int64(c.StakeDifficulty)
	parent := c.Pay(h.Commitment().String(), c.StakeDifficulty+1e4)
	tx := wire.NewMsgTx()
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: parent.TxHash()}, price+1e4, []byte{txscript.OP_TRUE}))
	add := func(value int64, version uint16, script []byte) {
		tx.AddTxOut(&wire.TxOut{Value: value, Version: version, PkScript: script})
	}
	version, script := h.voting().VotingRightsScript()
	add(price, version, script)
	version, script = h.Commitment().RewardCommitmentScript(price+1e4, 0, 0)
	add(0, version, script)
	version, script = h.Commitment().StakeChangeScript()
	add(0, version, script)
	return Ticket{h, tx, parent}
}

// Buy puts a new ticket of a holder into the mempool.
func (c *Chain) Buy(h Holder) Ticket {
	t := c.Ticket(h)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pool(t.Parent)
	c.pool(t.Tx)
	return t
}

// Vote puts a vote of a ticket for the tip into the mempool, and returns its hash.
func (c *Chain) Vote(t Ticket) chainhash.Hash {
	c.mu.Lock()
	defer c.mu.Unlock()
	tip := c.blocks[c.height()].BlockHash()
	vote := wire.NewMsgTx()
	vote.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: wire.MaxPrevOutIndex}, 1e8, c.Params.StakeBaseSigScript))
	vote.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: t.Hash(), Tree: wire.TxTreeStake}, int64(c.StakeDifficulty), nil))
	block := append([]byte{txscript.OP_RETURN, txscript.OP_DATA_36}, tip[:]...)
	vote.AddTxOut(wire.NewTxOut(0, binary.LittleEndian.AppendUint32(block, uint32(c.height()))))
	vote.AddTxOut(wire.NewTxOut(0, []byte{txscript.OP_RETURN, txscript.OP_DATA_2, 1, 0}))
	version, script := t.Commitment().PayVoteCommitmentScript()
	vote.AddTxOut(&wire.TxOut{Value: int64(c.StakeDifficulty) + 1e8, Version: version, PkScript: script})
	if err := stake.CheckSSGen(vote); err != nil {
		panic(err)
	}
	c.pool(vote)
	return vote.TxHash()
}

// Miss puts the revocation of a ticket that has won and not voted into the mempool, and returns its hash.
func (c *Chain) Miss(t Ticket) chainhash.Hash {
	c.mu.Lock()
	defer c.mu.Unlock()
	revocation := c.revocation(t.Hash())
	c.pool(revocation)
	return revocation.TxHash()
}

func (c *Chain) revocation(ticket chainhash.Hash) *wire.MsgTx {
	outs := stake.ConvertToMinimalOutputs(c.txs[ticket].tx)
	header := must(c.blocks[c.height()].Header.Bytes())
	return must(stake.CreateRevocationFromTicket(&ticket, outs, 0, stake.TxVersionAutoRevocations, c.Params, header, true))
}

// Hex returns a transaction as requests carry it.
func Hex(tx *wire.MsgTx) string { return hex.EncodeToString(must(tx.Bytes())) }

// must is for what cannot fail unless this package is wrong.
func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}
