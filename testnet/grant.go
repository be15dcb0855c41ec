package testnet

import (
	"context"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/wire"
)

// grantBatch is how many tickets the purse buys for others at one price, which holds for eight blocks: the first two are for
// the transaction that has the coins for them, three more are full of them, and the rest has room for the miner's.
const grantBatch = 60

// Grant buys tickets with the purse and gives their voting rights away, one to each voter, of whom there may be any number.
// After each 60 it calls held with what was bought and mined: before the first of these can be drawn, which is 16 blocks
// later, somebody must be able to vote with them, or the chain will come to a stop.
func (c *Chain) Grant(ctx context.Context, voters []stdaddr.StakeAddress, held func(tickets []Granted) error) error {
	for len(voters) > 0 {
		batch := voters[:min(len(voters), grantBatch)]
		voters = voters[len(batch):]
		tickets, err := c.grant(ctx, batch)
		if err == nil {
			err = held(tickets)
		}
		if err != nil {
			return fmt.Errorf("grant %d tickets: %w", len(batch), err)
		}
	}
	return nil
}

// Granted is a ticket that was bought for somebody.
type Granted struct {
	Voter  stdaddr.StakeAddress
	Tx     *wire.MsgTx
	Height int64 // of its block
}

// grant buys tickets at the next price, all at once, and mines them.
func (c *Chain) grant(ctx context.Context, voters []stdaddr.StakeAddress) ([]Granted, error) {
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	defer c.give()
	height, err := c.Height(ctx)
	for ; err == nil && height%c.params.StakeDiffWindowSize != 0; height, err = c.Height(ctx) {
		if err := c.step(ctx); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	price, err := stakePrice(ctx, c.network.Miner.RPC)
	if err != nil {
		return nil, err
	}
	if err := c.purse.scan(ctx, c.network.Miner.RPC, height); err != nil {
		return nil, err
	}
	txs, err := c.purse.tickets(height+1, price, voters)
	if err != nil {
		return nil, err
	}
	if err := publish(ctx, c.network.Miner.RPC, txs...); err != nil {
		return nil, err
	}
	hashes := make([]chainhash.Hash, len(txs))
	for i, tx := range txs {
		hashes[i] = tx.TxHash()
	}
	if err := c.mineRelayed(ctx, "regular", hashes[0]); err != nil {
		return nil, err
	}
	if err := c.mineRelayed(ctx, "tickets", hashes[1:]...); err != nil {
		return nil, err
	}
	heights, err := c.placed(ctx, height+1)
	if err != nil {
		return nil, err
	}
	granted := make([]Granted, len(voters))
	for i, voter := range voters {
		at, mined := heights[hashes[i+1]]
		if !mined {
			return nil, fmt.Errorf("ticket %s was not mined while its price held", hashes[i+1])
		}
		granted[i] = Granted{Voter: voter, Tx: txs[i+1], Height: at}
	}
	return granted, nil
}

// placed returns the heights of all stake transactions in blocks from a height on.
func (c *Chain) placed(ctx context.Context, from int64) (map[chainhash.Hash]int64, error) {
	tip, err := c.Height(ctx)
	if err != nil {
		return nil, err
	}
	heights := make(map[chainhash.Hash]int64)
	for height := from; height <= tip; height++ {
		hash, err := c.network.Miner.RPC.BlockHash(ctx, height)
		if err != nil {
			return nil, err
		}
		block, err := c.network.Miner.RPC.Block(ctx, hash)
		if err != nil {
			return nil, err
		}
		for _, tx := range block.STransactions {
			heights[tx.TxHash()] = height
		}
	}
	return heights, nil
}
