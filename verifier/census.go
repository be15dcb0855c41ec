package verifier

import (
	"context"
	"iter"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"

	"scrutineer/verifier/votes"
)

// Census is a chain that notes, while it is read, each block's hash and the votes in it.
type Census struct {
	votes.Blocks
	blocks map[int64]counted
}

type counted struct {
	hash     chainhash.Hash
	voted    []chainhash.Hash                             // tickets
	versions map[uint32]int                               // how many votes of each version
	spends   map[chainhash.Hash][]stake.TreasuryVoteTuple // on treasury spends, by ticket, of votes that have any
}

// NewCensus returns a census of what will be read from blocks.
func NewCensus(blocks votes.Blocks) *Census { return &Census{Blocks: blocks} }

// Range is that of the chain. A new reading begins the census anew.
func (c *Census) Range(ctx context.Context, first int64, tip votes.Tip) iter.Seq2[*wire.MsgBlock, error] {
	c.blocks = make(map[int64]counted)
	return func(yield func(*wire.MsgBlock, error) bool) {
		for block, err := range c.Blocks.Range(ctx, first, tip) {
			if err == nil {
				c.note(block)
			}
			if !yield(block, err) {
				return
			}
		}
	}
}

func (c *Census) note(block *wire.MsgBlock) {
	n := counted{hash: block.BlockHash(), versions: make(map[uint32]int)}
	for _, tx := range block.STransactions {
		if stake.IsSSGen(tx) {
			n.voted = append(n.voted, tx.TxIn[1].PreviousOutPoint.Hash) // the first input is the stake base
			n.versions[stake.SSGenVersion(tx)]++
			n.noteSpends(tx)
		}
	}
	c.blocks[int64(block.Header.Height)] = n
}

// noteSpends notes how a vote votes on treasury spends, if it does.
func (n *counted) noteSpends(vote *wire.MsgTx) {
	cast, err := stake.CheckSSGenVotes(vote)
	if err != nil || len(cast) == 0 {
		return
	}
	if n.spends == nil {
		n.spends = make(map[chainhash.Hash][]stake.TreasuryVoteTuple)
	}
	n.spends[vote.TxIn[1].PreviousOutPoint.Hash] = cast
}

// Hash returns the hash of the main chain's block at a height, if it was read.
func (c *Census) Hash(height int64) (chainhash.Hash, bool) {
	if c == nil {
		return chainhash.Hash{}, false
	}
	block, ok := c.blocks[height]
	return block.hash, ok
}

// voted returns the tickets whose votes are in the block at a height.
func (c *Census) voted(height int64) []chainhash.Hash {
	if c == nil {
		return nil
	}
	return c.blocks[height].voted
}

// majority returns the version of most votes in a block, one of version own left out. It reports false where there is no
// majority of the others.
func (c *Census) majority(height int64, own uint32) (uint32, bool) {
	if c == nil {
		return 0, false
	}
	total := 0
	for _, n := range c.blocks[height].versions {
		total += n
	}
	for version, n := range c.blocks[height].versions {
		if version == own {
			n--
		}
		if 2*n > total-1 {
			return version, true
		}
	}
	return 0, false
}
