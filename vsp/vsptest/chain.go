// Package vsptest is what the VSP's domain is tested with: a chain and voting wallets in memory, and holders with tickets.
//
// They work: the chain has a mempool, blocks that a test mines, tickets that live, vote, are missed and expire, and it can
// be reorganised. Transactions have the shape that consensus demands, but nobody checks their signatures.
package vsptest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp"
)

// Chain is a network in memory. It may be used by many at once.
type Chain struct {
	// Fail, if set, is called before each operation of vsp.Chain with the name of its method. The error it returns is what
	// the caller gets; apply tells whether the operation is carried out nevertheless. It is called with no lock held. Set
	// it while no operation is under way.
	Fail func(op string) (apply bool, err error)

	Params          *chaincfg.Params
	StakeDifficulty dcrutil.Amount // of every block

	moved chan struct{}

	mu      sync.Mutex // guards all that follows
	blocks  []*wire.MsgBlock
	txs     map[chainhash.Hash]*placed
	spent   map[wire.OutPoint]chainhash.Hash // by which transaction
	mempool []*wire.MsgTx
	unique  uint32           // makes blocks and coins differ
	alive   []chainhash.Hash // the live tickets; nil when they must be found anew
}

// placed is a transaction and where it is.
type placed struct {
	tx     *wire.MsgTx
	height int64 // inMempool there
}

const inMempool = -1

var _ vsp.Chain = (*Chain)(nil)

// NewChain returns a chain of empty blocks up to a height.
func NewChain(params *chaincfg.Params, height int64) *Chain {
	c := &Chain{
		Params:          params,
		StakeDifficulty: 200 * dcrutil.AtomsPerCoin,
		moved:           make(chan struct{}, 1),
		blocks:          []*wire.MsgBlock{params.GenesisBlock},
		txs:             make(map[chainhash.Hash]*placed),
		spent:           make(map[wire.OutPoint]chainhash.Hash),
	}
	c.Mine(int(height))
	return c
}

// do carries out one operation of vsp.Chain under the lock, unless Fail says otherwise.
func (c *Chain) do(ctx context.Context, op string, act func() error) error {
	var fault error
	if c.Fail != nil {
		apply, err := c.Fail(op)
		if err != nil && !apply {
			return err
		}
		fault = err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err := act()
	if fault != nil {
		return fault
	}
	return err
}

func (c *Chain) height() int64 { return int64(len(c.blocks)) - 1 }

// Tip implements vsp.Chain.
func (c *Chain) Tip(ctx context.Context) (tip vsp.Tip, err error) {
	err = c.do(ctx, "Tip", func() error {
		tip = vsp.Tip{
			Position:        vsp.Position{Height: c.height(), Hash: c.blocks[c.height()].BlockHash()},
			StakeDifficulty: c.StakeDifficulty,
			PoolSize:        uint32(len(c.live())),
		}
		return nil
	})
	return tip, err
}

// Moved implements vsp.Chain.
func (c *Chain) Moved() <-chan struct{} { return c.moved }

func (c *Chain) move() {
	select {
	case c.moved <- struct{}{}:
	default:
	}
}

// Block implements vsp.Chain.
func (c *Chain) Block(ctx context.Context, height int64) (block *wire.MsgBlock, err error) {
	err = c.do(ctx, "Block", func() error {
		if height < 0 || height > c.height() {
			return fmt.Errorf("block %d: %w", height, vsp.ErrNoBlock)
		}
		block = c.blocks[height]
		return nil
	})
	return block, err
}

// Transaction implements vsp.Chain.
func (c *Chain) Transaction(ctx context.Context, hash chainhash.Hash) (tx vsp.ChainTx, err error) {
	err = c.do(ctx, "Transaction", func() error {
		p, ok := c.txs[hash]
		if !ok {
			return fmt.Errorf("transaction %v: %w", hash, vsp.ErrNoTransaction)
		}
		tx = vsp.ChainTx{Tx: p.tx}
		if p.height != inMempool {
			tx.Height, tx.Confirmations = p.height, c.height()-p.height+1
			tx.Block = c.blocks[p.height].BlockHash()
		}
		return nil
	})
	return tx, err
}

// Publish implements vsp.Chain. As with dcrd, an output that is spent in a block is as good as unknown, while one that is
// spent in the mempool is a double spend.
func (c *Chain) Publish(ctx context.Context, tx *wire.MsgTx) error {
	return c.do(ctx, "Publish", func() error {
		hash := tx.TxHash()
		if _, ok := c.txs[hash]; ok {
			return nil
		}
		for _, in := range tx.TxIn {
			prev, ok := c.txs[in.PreviousOutPoint.Hash]
			if !ok || int(in.PreviousOutPoint.Index) >= len(prev.tx.TxOut) {
				return fmt.Errorf("transaction %v: %w", hash, vsp.ErrOrphan)
			}
			spender, ok := c.spent[in.PreviousOutPoint]
			switch {
			case ok && c.txs[spender].height == inMempool:
				return fmt.Errorf("transaction %v: double spend: %w", hash, vsp.ErrRefused)
			case ok:
				return fmt.Errorf("transaction %v: %w", hash, vsp.ErrOrphan)
			}
		}
		c.pool(tx)
		return nil
	})
}

// pool puts a transaction into the mempool. The lock must be held.
func (c *Chain) pool(tx *wire.MsgTx) {
	c.mempool = append(c.mempool, tx)
	c.place(tx, inMempool)
}

func (c *Chain) place(tx *wire.MsgTx, height int64) {
	hash := tx.TxHash()
	c.txs[hash] = &placed{tx, height}
	for _, in := range tx.TxIn {
		c.spent[in.PreviousOutPoint] = hash
		if in.PreviousOutPoint.Tree == wire.TxTreeStake {
			c.alive = nil
		}
	}
}

// drop makes a transaction unheard of. The lock must be held.
func (c *Chain) drop(tx *wire.MsgTx) {
	delete(c.txs, tx.TxHash())
	for _, in := range tx.TxIn {
		delete(c.spent, in.PreviousOutPoint)
	}
}

// Live implements vsp.Chain.
func (c *Chain) Live(ctx context.Context, ticket chainhash.Hash) (live bool, err error) {
	err = c.do(ctx, "Live", func() error {
		live = slices.Contains(c.live(), ticket)
		return nil
	})
	return live, err
}

// live returns the live tickets. The lock must be held.
func (c *Chain) live() []chainhash.Hash {
	if c.alive != nil {
		return c.alive
	}
	live := []chainhash.Hash{}
	for hash, p := range c.txs {
		_, spent := c.spent[wire.OutPoint{Hash: hash, Tree: wire.TxTreeStake}]
		if p.height >= 0 && p.height+int64(c.Params.TicketMaturity) <= c.height() && !spent && stake.IsSStx(p.tx) {
			live = append(live, hash)
		}
	}
	slices.SortFunc(live, func(a, b chainhash.Hash) int { return bytes.Compare(a[:], b[:]) })
	c.alive = live
	return live
}

// Mine adds blocks. The first has all that is in the mempool. A ticket that has come to its end is revoked.
func (c *Chain) Mine(blocks int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range blocks {
		c.expire()
		c.mineOne(c.mempool)
		c.mempool = nil
	}
	c.move()
}

func (c *Chain) expire() {
	last := int64(c.Params.TicketMaturity) + int64(c.Params.TicketExpiry)
	for _, hash := range c.live() {
		if c.txs[hash].height+last == c.height()+1 {
			c.pool(c.revocation(hash))
		}
	}
}

func (c *Chain) mineOne(txs []*wire.MsgTx) {
	c.unique++
	prev := c.blocks[c.height()]
	block := &wire.MsgBlock{Header: wire.BlockHeader{
		Version:   10,
		PrevBlock: prev.BlockHash(),
		Height:    uint32(c.height() + 1),
		SBits:     int64(c.StakeDifficulty),
		Timestamp: prev.Header.Timestamp.Add(time.Second),
		Nonce:     c.unique,
	}}
	for _, tx := range txs {
		if stake.DetermineTxType(tx) == stake.TxTypeRegular {
			block.Transactions = append(block.Transactions, tx)
		} else {
			block.STransactions = append(block.STransactions, tx)
		}
		c.place(tx, c.height()+1)
	}
	c.blocks = append(c.blocks, block)
	c.alive = nil
}

// Reorganise replaces the newest blocks by others, one more by default. Transactions return to the mempool and are in the
// first of the new blocks, but votes and revocations are gone: those belong to a block.
func (c *Chain) Reorganise(depth int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gone := c.blocks[len(c.blocks)-depth:]
	c.blocks = c.blocks[:len(c.blocks)-depth]
	var back []*wire.MsgTx
	for _, block := range gone {
		for _, tx := range slices.Concat(block.Transactions, block.STransactions) {
			if kind := stake.DetermineTxType(tx); kind == stake.TxTypeSSGen || kind == stake.TxTypeSSRtx {
				c.drop(tx)
			} else {
				back = append(back, tx)
			}
		}
	}
	c.mineOne(append(back, c.mempool...))
	c.mempool = nil
	for range depth {
		c.mineOne(nil)
	}
	c.move()
}

// Forget takes a transaction out of the mempool, as a node does that was restarted.
func (c *Chain) Forget(hash chainhash.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.txs[hash]; ok && p.height == inMempool {
		c.drop(p.tx)
		c.mempool = slices.DeleteFunc(c.mempool, func(tx *wire.MsgTx) bool { return tx.TxHash() == hash })
	}
}
