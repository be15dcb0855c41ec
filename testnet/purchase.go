package testnet

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/wire"
)

const (
	// purchaseBatch is how many tickets the client buys at once: a block takes twenty, and the miner's come too.
	purchaseBatch = 16

	// purchaseTimeout bounds one batch, registration with a VSP included.
	purchaseTimeout = 60 * time.Second

	// relayTimeout bounds the way of transactions from the front end's node to the miner's; it takes up to a second.
	relayTimeout = 15 * time.Second
)

// Buy lets the client's wallet buy tickets, and register them if it has been started with a VSP. It returns when all are
// mined. No other block is made meanwhile, so that neither prices nor coins change under the wallet while it buys.
func (n *Network) Buy(ctx context.Context, count int) ([]chainhash.Hash, error) {
	c := n.Chain
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	defer c.give()
	var tickets []chainhash.Hash
	for len(tickets) < count {
		batch, err := c.buyBatch(ctx, min(count-len(tickets), purchaseBatch))
		if err != nil {
			return tickets, fmt.Errorf("buy tickets: %w", err)
		}
		tickets = append(tickets, batch...)
	}
	return tickets, nil
}

// buyBatch buys some tickets and mines them.
func (c *Chain) buyBatch(ctx context.Context, count int) ([]chainhash.Hash, error) {
	if err := c.fund(ctx, count); err != nil {
		return nil, err
	}
	height, err := c.Height(ctx)
	for ; err == nil && !c.buyable(height); height, err = c.Height(ctx) {
		if err := c.step(ctx); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	if err := c.clientAtTip(ctx); err != nil {
		return nil, err
	}
	var texts []string
	err = c.network.Client.RPC.CallTimeout(ctx, purchaseTimeout, &texts, "purchaseticket", "default", 1, count)
	if err != nil {
		return nil, err
	}
	tickets := make([]chainhash.Hash, len(texts))
	for i, text := range texts {
		if err := chainhash.Decode(&tickets[i], text); err != nil {
			return nil, err
		}
	}
	return tickets, c.mineTickets(ctx, tickets)
}

// mineTickets brings the client's tickets into blocks: first the transaction that has the coins for all of them. Until
// that is mined, nodes keep the tickets back (dcrd mempool.go, the stage pool).
func (c *Chain) mineTickets(ctx context.Context, tickets []chainhash.Hash) error {
	first, err := c.network.Client.transaction(ctx, tickets[0])
	if err != nil {
		return err
	}
	if err := c.mineRelayed(ctx, "regular", first.TxIn[0].PreviousOutPoint.Hash); err != nil {
		return err
	}
	return c.mineRelayed(ctx, "tickets", tickets...)
}

// mineRelayed waits until the miner has transactions, all of one kind, and mines until they are in blocks.
func (c *Chain) mineRelayed(ctx context.Context, kind string, hashes ...chainhash.Hash) error {
	relayCtx, cancel := context.WithTimeout(ctx, relayTimeout)
	defer cancel()
	err := waitUntil(relayCtx, "transactions at the miner's node", func(ctx context.Context) (bool, string) {
		found, err := c.unmined(ctx, kind, hashes)
		return err == nil && found == len(hashes), fmt.Sprintf("%d of %d there, error: %v", found, len(hashes), err)
	})
	if err != nil {
		return err
	}
	for range c.params.StakeDiffWindowSize {
		if err := c.step(ctx); err != nil {
			return err
		}
		left, err := c.unmined(ctx, kind, hashes)
		if err != nil || left == 0 {
			return err
		}
	}
	return fmt.Errorf("%d transactions are not mined in a whole window", len(hashes))
}

// unmined counts how many of these transactions, all of one kind, are in the miner's mempool.
func (c *Chain) unmined(ctx context.Context, kind string, hashes []chainhash.Hash) (int, error) {
	var texts []string
	if err := c.network.Miner.RPC.Call(ctx, &texts, "getrawmempool", false, kind); err != nil {
		return 0, fmt.Errorf("list unmined transactions: %w", err)
	}
	count := 0
	for _, hash := range hashes {
		if slices.Contains(texts, hash.String()) {
			count++
		}
	}
	return count, nil
}

// clientAtTip waits until the client's wallet has the miner's tip.
func (c *Chain) clientAtTip(ctx context.Context) error {
	tipHeight, tip, err := c.network.Miner.RPC.BestBlock(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, relayTimeout)
	defer cancel()
	return waitUntil(ctx, fmt.Sprintf("client wallet at block %d", tipHeight), func(ctx context.Context) (bool, string) {
		height, hash, err := c.network.Client.RPC.BestBlock(ctx)
		return err == nil && hash == tip, fmt.Sprintf("block %d, error: %v", height, err)
	})
}

// The client gets its coins in many outputs, as each ticket takes two, one for the VSP's fee, and change comes back with
// the next block only.
const (
	clientOutputs = 100
	clientOutput  = 2 * dcrutil.AtomsPerCoin
)

// fund gives the client coins if it has too few for count tickets.
func (c *Chain) fund(ctx context.Context, count int) error {
	if err := c.clientAtTip(ctx); err != nil {
		return err
	}
	var unspent []struct{}
	if err := c.network.Client.RPC.Call(ctx, &unspent, "listunspent", 1); err != nil {
		return fmt.Errorf("fund the client: %w", err)
	}
	if len(unspent) >= 3*count {
		return nil
	}
	text, err := c.network.Client.address(ctx)
	if err != nil {
		return fmt.Errorf("fund the client: %w", err)
	}
	address, err := stakeAddress(text, c.params)
	if err != nil {
		return fmt.Errorf("fund the client: %w", err)
	}
	height, err := c.Height(ctx)
	if err != nil {
		return fmt.Errorf("fund the client: %w", err)
	}
	if err := c.purse.scan(ctx, c.network.Miner.RPC, height); err != nil {
		return err
	}
	version, script := address.PaymentScript()
	var outputs []*wire.TxOut
	for range clientOutputs {
		outputs = append(outputs, &wire.TxOut{Value: clientOutput, Version: version, PkScript: script})
	}
	tx, err := c.purse.pay(height+1, outputs)
	if err != nil {
		return fmt.Errorf("fund the client: %w", err)
	}
	if err := publish(ctx, c.network.Miner.RPC, tx); err != nil {
		return fmt.Errorf("fund the client: %w", err)
	}
	if err := c.mineRelayed(ctx, "regular", tx.TxHash()); err != nil {
		return fmt.Errorf("fund the client: %w", err)
	}
	return c.clientAtTip(ctx)
}
