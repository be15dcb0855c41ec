package votes

import (
	"context"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
)

// chain is a stretch of blocks that ends at the tip, each following the one before.
type chain struct {
	params *chaincfg.Params
	tip    Tip
	first  int64 // height of turns[0]
	turns  []turn
}

// at returns the turn at a height, and an empty one for heights before the stretch, where nothing is known.
func (c *chain) at(height int64) turn {
	if height < c.first || height > c.tip.Height {
		return turn{}
	}
	return c.turns[height-c.first]
}

// maturing returns the tickets that become live at a height.
func (c *chain) maturing(height int64) []chainhash.Hash {
	return c.at(height - int64(c.params.TicketMaturity)).bought
}

// votesFrom returns the first height whose block holds a lottery.
func (c *chain) votesFrom() int64 { return c.params.StakeValidationHeight - 1 }

// draw holds the lottery of the block at a height. Before voting begins there is none, and headers say so by zeros.
func (c *chain) draw(live *pool, height int64) (lottery, error) {
	if height < c.votesFrom() {
		return lottery{}, nil
	}
	l, err := draw(live, c.at(height).seed, int(c.params.TicketsPerBlock))
	if err != nil {
		return lottery{}, fmt.Errorf("lottery of block %d: %w", height, err)
	}
	return l, nil
}

// maxFirstTurns bounds what is set aside on a node's word, before it has given that many blocks.
const maxFirstTurns = 1 << 17

// readChain reads the blocks from first to the tip and checks that they follow one another to it.
func readChain(ctx context.Context, blocks Blocks, params *chaincfg.Params, tip Tip, first int64, own list, progress func(done, total int64)) (*chain, error) {
	total := tip.Height - first + 1
	c := &chain{params: params, tip: tip, first: first, turns: make([]turn, 0, min(total, maxFirstTurns))}
	var last chainhash.Hash
	if first == 1 {
		last = params.GenesisHash
	}
	for block, err := range blocks.Range(ctx, first, tip) {
		if err != nil {
			return nil, err
		}
		height := first + int64(len(c.turns))
		if int64(block.Header.Height) != height {
			return nil, fmt.Errorf("read block %d: got block %d", height, block.Header.Height)
		}
		if height > 1 && len(c.turns) == 0 {
			last = block.Header.PrevBlock
		}
		if block.Header.PrevBlock != last {
			return nil, fmt.Errorf("read block %d: it follows %v, but block %d is %v", height, block.Header.PrevBlock, height-1, last)
		}
		t, err := newTurn(block, own.has)
		if err != nil {
			return nil, fmt.Errorf("read block %d: %w", height, err)
		}
		last = block.BlockHash()
		c.turns = append(c.turns, t)
		if progress != nil {
			progress(height-first+1, total)
		}
	}
	if last != tip.Hash {
		return nil, fmt.Errorf("read blocks %d to %d: they end in %v, the tip is %v: %w", first, tip.Height, last, tip.Hash, ErrMoved)
	}
	return c, nil
}
