package testnet

import (
	"context"
	"fmt"
	"slices"

	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"

	"scrutineer/vsp/dcrrpc"
)

// purchaseHeights is for how many blocks of a price window tickets are bought. Prices hold for eight blocks, and a ticket
// at an old price is dropped by the nodes. A purchase's first transaction goes into the next block or, if that one's
// template was made already, the second; its tickets go into the second one after that at the latest. To have templates
// made anew would be faster and worse: dcrd may then solve the old and the new one and leave the tip with a sibling.
const purchaseHeights = 4

func (c *Chain) buyable(height int64) bool {
	return height >= c.params.StakeEnabledHeight && height%c.params.StakeDiffWindowSize < purchaseHeights
}

// dearPrice is where the purse stops paying any price. More tickets in play than the network aims at, 400 with the
// maturing ones, make them dearer by some tenths per window; then the stock is let shrink until they are cheap again.
const dearPrice = dcrutil.Amount(2e8)

// stock buys tickets for the miner's wallet, on the tip at height, if some are wanted and the time is right.
func (c *Chain) stock(ctx context.Context, height int64) error {
	if !c.buyable(height) {
		return nil
	}
	inPlay, price, err := c.inPlay(ctx, height)
	if err != nil {
		return err
	}
	want := c.network.Plan.Tickets - inPlay
	if price > dearPrice {
		want = minTickets*2 - inPlay
	}
	want = min(want, int(c.params.MaxFreshStakePerBlock))
	if want <= 0 {
		return nil
	}
	if err := c.purse.scan(ctx, c.network.Miner.RPC, height); err != nil {
		return err
	}
	txs, err := c.purse.tickets(height+1, price, slices.Repeat([]stdaddr.StakeAddress{c.voter}, want))
	if err != nil {
		return err
	}
	if err := publish(ctx, c.network.Miner.RPC, txs...); err != nil {
		return fmt.Errorf("buy tickets: %w", err)
	}
	return nil
}

// inPlay counts the tickets that are live, maturing or about to be mined, and returns the price in the next block.
func (c *Chain) inPlay(ctx context.Context, height int64) (count int, price dcrutil.Amount, err error) {
	miner := c.network.Miner.RPC
	for age := range int64(c.params.TicketMaturity) + 1 {
		header, err := c.header(ctx, height-age)
		if err != nil {
			return 0, 0, fmt.Errorf("count tickets: %w", err)
		}
		if age == 0 {
			count += int(header.PoolSize)
		}
		count += int(header.FreshStake)
	}
	var pending []string
	if err := miner.Call(ctx, &pending, "getrawmempool", false, "tickets"); err != nil {
		return 0, 0, fmt.Errorf("count tickets: %w", err)
	}
	price, err = stakePrice(ctx, miner)
	return count + len(pending), price, err
}

// stakePrice returns the price of a ticket in the next block.
func stakePrice(ctx context.Context, node *dcrrpc.Node) (dcrutil.Amount, error) {
	var answer struct {
		Next float64 `json:"next"` // in coins
	}
	if err := node.Call(ctx, &answer, "getstakedifficulty"); err != nil {
		return 0, err
	}
	return dcrutil.NewAmount(answer.Next)
}
