package testnet

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
)

// reorganisationDepth is how many blocks are replaced. The last two of a price window hold nothing that the purse spends.
const reorganisationDepth = 2

// reorganise is the command: the verifier's node has blocks with own votes in them, and then learns of a longer branch that
// does not.
func reorganise(ctx context.Context, p *play, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	want, err := number(args[0])
	if err != nil {
		return err
	}
	for {
		if err := p.step(ctx); err != nil {
			return err
		}
		own := p.ownVotes(p.fates.Height-reorganisationDepth, p.fates.Height)
		if p.network.Chain.replaceable(p.fates.Height) && own >= want {
			p.say("replacing blocks %d to %d with %d own votes", p.fates.Height-reorganisationDepth+1, p.fates.Height, own)
			break
		}
	}
	if err := p.network.Chain.replace(ctx, p.network.Watch); err != nil {
		return err
	}
	p.fates = NewFates(p.network.Miner) // it knows the blocks that were replaced
	return p.follow(ctx)
}

// ownVotes counts the acknowledged tickets that voted in blocks after one height and up to another.
func (p *play) ownVotes(after, to int64) int {
	count := 0
	for _, ticket := range p.paid() {
		if fate, spent := p.fates.Of(ticket); spent && fate.Voted && fate.Height > after && fate.Height <= to {
			count++
		}
	}
	return count
}

// replaceable reports whether the newest blocks can be replaced without harm to the purse.
func (c *Chain) replaceable(height int64) bool {
	return height%c.params.StakeDiffWindowSize == c.params.StakeDiffWindowSize-1
}

// replace lets every node but one forget the newest blocks, and makes a longer branch in their place: to the node that was
// spared that is a reorganisation. The branch begins with a twin of the first of them: dcrd makes no templates on a block whose
// followers were invalidated, as it no longer takes it for a tip (blockchain TipGeneration).
func (c *Chain) replace(ctx context.Context, spared *Node) error {
	nodes := slices.DeleteFunc(c.network.Nodes(), func(n *Node) bool { return n == spared })
	var first chainhash.Hash
	err := c.Between(ctx, func(height int64) (err error) {
		from := height - reorganisationDepth + 1
		if first, err = c.network.Miner.RPC.BlockHash(ctx, from); err != nil {
			return err
		}
		block, err := c.network.Miner.RPC.Block(ctx, first)
		if err != nil {
			return err
		}
		twin, err := c.twin(ctx, block)
		if err != nil {
			return err
		}
		for _, node := range nodes {
			if err := node.RPC.Call(ctx, nil, "invalidateblock", first); err != nil {
				return fmt.Errorf("take block %d from %s: %w", from, node.Name(), err)
			}
		}
		c.forget(from - 1)
		return c.network.Miner.RPC.Call(ctx, nil, "submitblock", twin)
	})
	if err != nil {
		return err
	}
	if err := c.Mine(ctx, reorganisationDepth); err != nil {
		return err
	}
	for _, node := range nodes {
		if err := node.RPC.Call(ctx, nil, "reconsiderblock", first); err != nil {
			return fmt.Errorf("give block %s back to %s: %w", first, node.Name(), err)
		}
	}
	return c.network.awaitTip(ctx, spared)
}

// twin returns another block with the same contents: its header alone differs, and with it whose votes are due on it.
func (c *Chain) twin(ctx context.Context, block *wire.MsgBlock) (string, error) {
	block.Header.Timestamp = block.Header.Timestamp.Add(time.Second)
	if err := c.findNonce(ctx, &block.Header); err != nil {
		return "", err
	}
	raw, err := block.Bytes()
	return hex.EncodeToString(raw), err
}

// forget drops what is known of blocks over a height. Must be called with the turn.
func (c *Chain) forget(height int64) {
	maps.DeleteFunc(c.headers, func(at int64, _ header) bool { return at > height })
	c.purse.scanned = min(c.purse.scanned, height)
	c.purse.coins = slices.DeleteFunc(c.purse.coins, func(coin coin) bool {
		return coin.from > height+int64(c.params.CoinbaseMaturity)
	})
}
