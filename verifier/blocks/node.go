// Package blocks is votes.Blocks on a node.
//
// It promises that each block is the one asked for, its transactions the ones its header commits to: a node cannot leave
// out a vote or slip in a ticket. Which chain is the main one, and which tickets are live at its tip, it takes from the
// node; that this is true, the final states tell whoever accounts.
//
// The node needs no transaction index, except for FirstPurchase.
package blocks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier/votes"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/network"
)

// ErrNoIndex says that the node keeps no transaction index.
var ErrNoIndex = errors.New("the node keeps no transaction index (--txindex)")

// ErrSyncing says that the node does not know the whole chain yet.
var ErrSyncing = errors.New("the node is still syncing")

// Node reads blocks from a node.
type Node struct {
	rpc      *dcrrpc.Node   // asked for all but blocks
	fetchers []*dcrrpc.Node // asked for blocks, all at the same time
}

// New returns Blocks on a node, over a connection that belongs to the caller.
func New(rpc *dcrrpc.Node) *Node { return &Node{rpc, []*dcrrpc.Node{rpc}} }

// Open returns Blocks on a node, over several connections that end with Close. None is made before it is needed.
func Open(config dcrrpc.Config) *Node {
	n := new(Node)
	for range connections {
		n.fetchers = append(n.fetchers, dcrrpc.NewNode(config))
	}
	n.rpc = n.fetchers[0]
	return n
}

// Close ends the connections of a node that was opened.
func (n *Node) Close() {
	for _, rpc := range n.fetchers {
		rpc.Close()
	}
}

// Network returns the network that the node is on, found by its first block.
func (n *Node) Network(ctx context.Context) (network.Profile, error) {
	genesis, err := n.rpc.BlockHash(ctx, 0)
	if err != nil {
		return network.Profile{}, err
	}
	for _, name := range network.Names() {
		profile, err := network.Lookup(name)
		if err == nil && profile.Params.GenesisHash == genesis {
			return profile, nil
		}
	}
	return network.Profile{}, fmt.Errorf("%s: its chain begins with %v, which is no network we know", n.rpc.Address(), genesis)
}

// Address returns the host:port of the node.
func (n *Node) Address() string { return n.rpc.Address() }

// Height returns the height of the node's tip.
func (n *Node) Height(ctx context.Context) (int64, error) {
	height, _, err := n.rpc.BestBlock(ctx)
	return height, err
}

// arriving is how many blocks a node may know of, by their headers, and not have taken into its chain while nothing is
// amiss: a header is there a moment before its block.
const arriving = 2

// Synced returns ErrSyncing, with heights, if the node knows of blocks that it has not taken into its chain.
func (n *Node) Synced(ctx context.Context) error {
	var chain struct{ Blocks, Headers, SyncHeight int64 }
	if err := n.rpc.Call(ctx, &chain, "getblockchaininfo"); err != nil {
		return err
	}
	if known := max(chain.Headers, chain.SyncHeight); chain.Blocks+arriving < known {
		return fmt.Errorf("%s: %w: it is at block %d of %d", n.rpc.Address(), ErrSyncing, chain.Blocks, known)
	}
	return nil
}

// FirstPurchase returns the height of the first block with one of the tickets in it, and 0 if no ticket is in any.
func (n *Node) FirstPurchase(ctx context.Context, tickets []chainhash.Hash) (int64, error) {
	info, err := n.rpc.Info(ctx)
	if err != nil {
		return 0, err
	}
	if !info.TxIndex {
		return 0, fmt.Errorf("%s: %w", n.rpc.Address(), ErrNoIndex)
	}
	var heights []int64
	for _, ticket := range tickets {
		tx, err := n.rpc.Transaction(ctx, ticket)
		switch {
		case dcrrpc.IsCode(err, dcrrpc.CodeNoTx):
		case err != nil:
			return 0, fmt.Errorf("look up ticket %v: %w", ticket, err)
		case tx.BlockHeight > 0:
			heights = append(heights, tx.BlockHeight)
		}
	}
	if len(heights) == 0 {
		return 0, nil
	}
	return slices.Min(heights), nil
}

// tipPatience is how long Tip waits for a moment in which no block arrives. Asking for mainnet's live tickets takes a
// fraction of a second.
const tipPatience = 30 * time.Second

// Tip asks for the live tickets between two looks at the tip that agree.
func (n *Node) Tip(ctx context.Context) (votes.Tip, error) {
	deadline := time.Now().Add(tipPatience)
	height, hash, err := n.rpc.BestBlock(ctx)
	if err != nil {
		return votes.Tip{}, err
	}
	for {
		live, err := n.rpc.LiveTickets(ctx)
		if err != nil {
			return votes.Tip{}, err
		}
		height2, hash2, err := n.rpc.BestBlock(ctx)
		if err != nil {
			return votes.Tip{}, err
		}
		if hash == hash2 {
			return votes.Tip{Height: height, Hash: hash, Live: live}, nil
		}
		if time.Now().After(deadline) {
			return votes.Tip{}, fmt.Errorf("read the live tickets of %s: the tip moved each time in %v, last from %v to %v",
				n.rpc.Address(), tipPatience, hash, hash2)
		}
		height, hash = height2, hash2
	}
}
