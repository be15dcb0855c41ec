package blocks

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"

	"scrutineer/verifier/votes"
)

// hashes yields the hashes of the blocks from height first to the tip. Asking for headers by the thousand, and computing
// the hashes, saves asking for the hash of each height. It ends with the first error, which wraps ErrMoved if the tip has
// left the main chain.
func (n *Node) hashes(ctx context.Context, first int64, tip votes.Tip) iter.Seq2[chainhash.Hash, error] {
	return func(yield func(chainhash.Hash, error) bool) {
		last, err := n.rpc.BlockHash(ctx, first-1)
		if err != nil {
			yield(last, fmt.Errorf("block %d: %w", first-1, err))
			return
		}
		for height := first; last != tip.Hash; {
			headers, err := n.headersAfter(ctx, last, tip.Hash)
			if err == nil && (len(headers) == 0 || headers[0].PrevBlock != last || height > tip.Height) {
				err = fmt.Errorf("headers of %s after block %d, %v: %w", n.rpc.Address(), height-1, last, votes.ErrMoved)
			}
			if err != nil {
				yield(last, err)
				return
			}
			for _, header := range headers {
				last = header.BlockHash()
				if !yield(last, nil) {
					return
				}
			}
			height += int64(len(headers))
		}
	}
}

// headersAfter returns the headers that follow a block on the main chain, up to the stop block, as many as the node gives
// at a time. If the block is not on the main chain, they begin elsewhere.
func (n *Node) headersAfter(ctx context.Context, block, stop chainhash.Hash) ([]wire.BlockHeader, error) {
	var answer struct{ Headers []string }
	if err := n.rpc.Call(ctx, &answer, "getheaders", []string{block.String()}, stop); err != nil {
		return nil, err
	}
	headers := make([]wire.BlockHeader, len(answer.Headers))
	for i, text := range answer.Headers {
		raw, err := hex.DecodeString(text)
		if err == nil {
			err = headers[i].FromBytes(raw)
		}
		if err != nil {
			return nil, fmt.Errorf("getheaders: decode answer of %s: %w", n.rpc.Address(), err)
		}
	}
	return headers, nil
}
