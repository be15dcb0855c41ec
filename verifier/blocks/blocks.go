package blocks

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/decred/dcrd/blockchain/standalone/v2"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"

	"scrutineer/verifier/votes"
	"scrutineer/vsp/dcrrpc"
)

// connections is how many connections to a node Open uses. The node writes and we read on each of them at the same time,
// where one would be the narrow place. dcrd allows 25 (--rpcmaxwebsockets).
const connections = 4

// inFlight is how many blocks are asked for ahead of the one wanted, over all connections: four on each keep both sides
// busy. It stays under what dcrd does for one connection at a time (--rpcmaxconcurrentreqs, 20), and it bounds the memory: a
// block is at most 1.25 MB (wire.MaxBlockPayload), and on Decred's mainnet 393,216 bytes (chaincfg, MaximumBlockSizes).
const inFlight = 16

type answer struct {
	block *wire.MsgBlock
	err   error
}

// Range returns the blocks from height first to the tip, in order, while the next ones are already being fetched.
func (n *Node) Range(ctx context.Context, first int64, tip votes.Tip) iter.Seq2[*wire.MsgBlock, error] {
	return func(yield func(*wire.MsgBlock, error) bool) {
		var fetches sync.WaitGroup
		defer fetches.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		ahead := make(chan chan answer, inFlight)
		fetches.Go(func() {
			defer close(ahead)
			n.fetch(ctx, &fetches, first, tip, ahead)
		})
		for answers := range ahead {
			a := <-answers
			if !yield(a.block, a.err) || a.err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// fetch has each block fetched by a connection that is free, and gives the answers to ahead in order, each before it is
// there. Where ahead is full, or no connection is free, it waits. Blocks are fetched while headers are, too.
func (n *Node) fetch(ctx context.Context, fetches *sync.WaitGroup, first int64, tip votes.Tip, ahead chan<- chan answer) {
	free := make(chan *dcrrpc.Node, inFlight)
	for i := range inFlight {
		free <- n.fetchers[i%len(n.fetchers)]
	}
	height := first
	for hash, err := range n.hashes(ctx, first, tip) {
		answers := make(chan answer, 1)
		select {
		case ahead <- answers:
		case <-ctx.Done():
			return
		}
		if err != nil {
			answers <- answer{err: err}
			return
		}
		rpc, at := <-free, height
		fetches.Go(func() {
			block, err := fetchBlock(ctx, rpc, at, hash)
			free <- rpc
			answers <- answer{block, err}
		})
		height++
	}
}

// fetchBlock fetches a block and makes sure that it is the one asked for.
func fetchBlock(ctx context.Context, rpc *dcrrpc.Node, height int64, hash chainhash.Hash) (*wire.MsgBlock, error) {
	block, err := rpc.Block(ctx, hash)
	if err == nil {
		err = verify(block, hash)
	}
	if err != nil {
		return nil, fmt.Errorf("block %d, %v, of %s: %w", height, hash, rpc.Address(), err)
	}
	return block, nil
}

// verify holds a block against its hash: the header by hashing it, the transactions by the header's merkle root. Up to
// DCP-0005 a header had one root for each of the two trees of transactions, since then one for both.
func verify(block *wire.MsgBlock, hash chainhash.Hash) error {
	header := &block.Header
	if got := block.BlockHash(); got != hash {
		return fmt.Errorf("the answer is another block, %v", got)
	}
	if standalone.CalcCombinedTxTreeMerkleRoot(block.Transactions, block.STransactions) == header.MerkleRoot {
		return nil
	}
	if standalone.CalcTxTreeMerkleRoot(block.Transactions) == header.MerkleRoot &&
		standalone.CalcTxTreeMerkleRoot(block.STransactions) == header.StakeRoot {
		return nil
	}
	return fmt.Errorf("its transactions are not those that its header commits to")
}
