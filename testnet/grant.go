package testnet

import (
	"context"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
)

// grantBatch is how many tickets the purse buys for others in one window of prices: four full blocks. The window's other
// half is for the transaction that has the coins for them, and for a purchase of the miner's.
const grantBatch = 80

// Grant buys tickets with the purse and gives their voting rights away, one to each voter. It returns the tickets in the
// order of the voters when all are mined, within one window of prices: before the first of them can be drawn, the callers
// can see to it that somebody votes with it. There may be up to 80 voters.
func (c *Chain) Grant(ctx context.Context, voters []stdaddr.StakeAddress) ([]chainhash.Hash, error) {
	if len(voters) > grantBatch {
		return nil, fmt.Errorf("grant %d tickets: %d can be bought at one price", len(voters), grantBatch)
	}
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
		return nil, fmt.Errorf("grant tickets: %w", err)
	}
	if err := c.purse.scan(ctx, c.network.Miner.RPC, height); err != nil {
		return nil, err
	}
	txs, err := c.purse.tickets(height+1, price, voters)
	if err != nil {
		return nil, err
	}
	var hashes []chainhash.Hash
	for _, tx := range txs {
		hashes = append(hashes, tx.TxHash())
	}
	if err := publish(ctx, c.network.Miner.RPC, txs...); err != nil {
		return nil, fmt.Errorf("grant tickets: %w", err)
	}
	if err := c.mineRelayed(ctx, "regular", hashes[0]); err != nil {
		return nil, fmt.Errorf("grant tickets: %w", err)
	}
	if err := c.mineRelayed(ctx, "tickets", hashes[1:]...); err != nil {
		return nil, fmt.Errorf("grant tickets: %w", err)
	}
	return hashes[1:], nil
}
