package vsp

import (
	"context"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/wire"
)

// Chain is the network as our node sees it. An error other than those named says that the node could not be asked, and
// nothing about the network.
type Chain interface {
	// Tip returns the newest block of the main chain.
	Tip(ctx context.Context) (Tip, error)

	// Moved is signalled after the tip has changed, whether or not anybody listens: at least once after each change,
	// and a few times too often. It is never closed.
	Moved() <-chan struct{}

	// Block returns the main chain's block at a height, or ErrNoBlock above the tip.
	Block(ctx context.Context, height int64) (*wire.MsgBlock, error)

	// Transaction returns a transaction from the mempool or the main chain, or ErrNoTransaction.
	Transaction(ctx context.Context, hash chainhash.Hash) (ChainTx, error)

	// Publish sends a transaction to the network. It is no error if the network has it. ErrRefused wraps the reason why it
	// will never be taken, ErrOrphan that it spends what is not known.
	Publish(ctx context.Context, tx *wire.MsgTx) error

	// Live reports whether a ticket is in the live pool at the tip.
	Live(ctx context.Context, ticket chainhash.Hash) (bool, error)
}

// Tip is the newest block of the main chain.
type Tip struct {
	Position
	StakeDifficulty dcrutil.Amount // what a ticket costs in it
	PoolSize        uint32         // live tickets
}

// ChainTx is a transaction and where it stands.
type ChainTx struct {
	Tx            *wire.MsgTx
	Confirmations int64          // 0 in the mempool
	Block         chainhash.Hash // zero in the mempool
	Height        int64          // 0 in the mempool
}
