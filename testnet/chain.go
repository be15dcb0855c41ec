package testnet

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
)

// Chain makes the blocks of a network, one act at a time: Mine, Run and Buy take turns.
//
// Every block waits for the votes on its parent, so that nobody misses a vote for lack of time, no block gets a sibling,
// and a vote that is missing on the chain was not cast. Between blocks the miner's wallet buys tickets, so that the chain
// never runs out.
type Chain struct {
	network *Network
	params  *chaincfg.Params
	turn    chan struct{} // holds one token: who has it moves the chain, and owns what follows
	purse   *purse
	voter   stdaddr.StakeAddress // of the miner's wallet: whom the purse gives its tickets' voting rights
	votes   votesSeen
	headers map[int64]header // by height

	running  sync.Mutex // owns stop and finished
	stop     context.CancelFunc
	finished chan struct{}
	failure  error // of the last Run; read only after finished is closed
}

func newChain(n *Network, purse *purse) *Chain {
	return &Chain{network: n, params: chaincfg.SimNetParams(), purse: purse, turn: make(chan struct{}, 1),
		headers: make(map[int64]header)}
}

// take waits for the turn; the caller must give it back.
func (c *Chain) take(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the chain's turn: %w", ctx.Err())
	}
}

func (c *Chain) give() { <-c.turn }

// Mine extends the chain by n blocks.
func (c *Chain) Mine(ctx context.Context, n int) error {
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.give()
	for range n {
		if err := c.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Between carries out act between two blocks, when every node that follows the chain has its tip, and tells it the height
// of that. Act must not mine.
//
// It is where drills belong. A wallet asks its node for the winners when it starts, and a node that is asked for them while
// it takes a block names those of the new block with the height of the old one (dcrd rpcwebsocket.go,
// handleRebroadcastWinners). The vote that this leads to is void, and keeps the right one out.
func (c *Chain) Between(ctx context.Context, act func(height int64) error) error {
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.give()
	for _, node := range c.network.Nodes() {
		if !node.follows() {
			continue
		}
		if err := c.network.awaitTip(ctx, node); err != nil {
			return err
		}
	}
	height, err := c.Height(ctx)
	if err != nil {
		return err
	}
	return act(height)
}

// Height returns the height of the miner's tip.
func (c *Chain) Height(ctx context.Context) (int64, error) {
	height, _, err := c.network.Miner.RPC.BestBlock(ctx)
	return height, err
}

// Run keeps mining in the background, a block each pace or as fast as it goes if that is slower, until Pause. A chain that
// runs already goes on at its pace.
func (c *Chain) Run(pace time.Duration) {
	c.running.Lock()
	defer c.running.Unlock()
	if c.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.stop, c.finished = cancel, make(chan struct{})
	go func() {
		defer close(c.finished)
		c.failure = c.run(ctx, pace)
	}()
}

func (c *Chain) run(ctx context.Context, pace time.Duration) error {
	for {
		next := time.After(pace)
		if err := c.Mine(ctx, 1); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			c.network.Plan.Log.Error("mining stopped", "error", err)
			return err
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil
		}
	}
}

// Stopped is closed when the latest Run has come to an end, by Pause or by itself; it is nil if there was none.
func (c *Chain) Stopped() <-chan struct{} {
	c.running.Lock()
	defer c.running.Unlock()
	return c.finished
}

// Pause ends Run, waits for the block under way, and returns what Run came to grief on, if it did.
func (c *Chain) Pause() error {
	c.running.Lock()
	defer c.running.Unlock()
	if c.stop == nil {
		return nil
	}
	c.stop()
	<-c.finished
	c.stop = nil
	return c.failure
}

// step makes one block.
func (c *Chain) step(ctx context.Context) error {
	height, tip, err := c.network.Miner.RPC.BestBlock(ctx)
	if err != nil {
		return fmt.Errorf("mine on: %w", err)
	}
	votes := 0
	if height >= c.params.StakeValidationHeight-1 {
		if votes, err = c.awaitVotes(ctx, height, tip); err != nil {
			return fmt.Errorf("mine on block %d: %w", height, err)
		}
	}
	if err := c.stock(ctx, height); err != nil {
		return fmt.Errorf("mine on block %d: %w", height, err)
	}
	if err := c.mineOn(ctx, tip, votes); err != nil {
		return fmt.Errorf("mine on block %d: %w%s", height, err, c.network.Miner.tail())
	}
	return nil
}

// bootstrap takes the chain from its first block to the first ones with votes.
func (c *Chain) bootstrap(ctx context.Context) error {
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.give()
	address, err := c.network.MinerWallet.address(ctx)
	if err != nil {
		return err
	}
	c.voter, err = stakeAddress(address, c.params)
	if err != nil {
		return err
	}
	for height := int64(1); height <= c.params.StakeValidationHeight; height++ {
		if err := c.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// votesSeen counts the votes on one block.
type votesSeen struct {
	block chainhash.Hash
	known map[string]bool // vote transactions, true if on block
}

// header is what counts of a block's header.
type header struct {
	PoolSize   uint32
	FreshStake uint8
}

// header returns the header at height. The chain is ours and knows no reorganisation, so each is asked for once.
func (c *Chain) header(ctx context.Context, height int64) (header, error) {
	if h, ok := c.headers[height]; ok {
		return h, nil
	}
	hash, err := c.network.Miner.RPC.BlockHash(ctx, height)
	if err != nil {
		return header{}, err
	}
	full, err := c.network.Miner.RPC.Header(ctx, hash)
	if err != nil {
		return header{}, err
	}
	h := header{full.PoolSize, full.FreshStake}
	c.headers[height] = h
	return h, nil
}

// stakeAddress decodes an address that can be given a ticket's voting rights.
func stakeAddress(text string, params *chaincfg.Params) (stdaddr.StakeAddress, error) {
	address, err := stdaddr.DecodeAddress(text, params)
	if err != nil {
		return nil, fmt.Errorf("decode address: %w", err)
	}
	voter, ok := address.(stdaddr.StakeAddress)
	if !ok {
		return nil, fmt.Errorf("address %s cannot vote", text)
	}
	return voter, nil
}
