package blocks

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"

	"scrutineer/verifier/votes"
)

// hashes returns the hashes of the blocks from height first to the tip. Asking for headers by the thousand, and computing
// the hashes, saves asking for the hash of each height.
func (n *Node) hashes(ctx context.Context, first int64, tip votes.Tip) ([]chainhash.Hash, error) {
	last, err := n.rpc.BlockHash(ctx, first-1)
	if err != nil {
		return nil, fmt.Errorf("block %d: %w", first-1, err)
	}
	var hashes []chainhash.Hash
	for last != tip.Hash {
		headers, err := n.headersAfter(ctx, last, tip.Hash)
		if err != nil {
			return nil, err
		}
		height := first + int64(len(hashes))
		if len(headers) == 0 || headers[0].PrevBlock != last || height > tip.Height {
			return nil, fmt.Errorf("headers of %s after block %d, %v: %w", n.rpc.Address(), height-1, last, votes.ErrMoved)
		}
		for _, header := range headers {
			last = header.BlockHash()
			hashes = append(hashes, last)
		}
	}
	return hashes, nil
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
