// Package votes is what each ticket should have done and did; pure.
//
// A Decred block carries the votes of five tickets that the block before it drew from all live tickets. The draw follows
// from that block's header alone, and every header commits to the draw before it (the final state). So the ledger of any
// tickets follows from public blocks, and each step of it is proven by a header: what Tally says was won, voted, missed
// or expired, the chain says.
//
// Fetching blocks, and that a block's content is the one its header commits to, is left to implementations of Blocks.
// Who is to blame for a miss is left to others.
package votes

import (
	"context"
	"errors"
	"iter"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
)

// ErrMoved says that the chain was reorganised while it was read: what was read must be read again.
var ErrMoved = errors.New("the chain moved while it was read")

// Blocks is a chain to read.
type Blocks interface {
	// Tip returns the newest block of the main chain and the live tickets after it, both of the same moment.
	Tip(ctx context.Context) (Tip, error)

	// Range returns the blocks from height first, which is at least 1, up to the tip, in order. A block's transactions are
	// those that its header commits to. The sequence ends with the first error, which wraps ErrMoved if the tip has left
	// the main chain.
	Range(ctx context.Context, first int64, tip Tip) iter.Seq2[*wire.MsgBlock, error]
}

// Tip is the newest block of a chain.
type Tip struct {
	Height int64
	Hash   chainhash.Hash
	Live   []chainhash.Hash // the live tickets after it, in no order
}
