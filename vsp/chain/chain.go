// Package chain is vsp.Chain on a node.
//
// It answers only for the network it was made for: whenever the node is reached anew, its genesis block and its index of
// transactions are checked before anything is believed or published. It tells apart a node that could not be asked, or
// cannot say for now, from a network that refuses; what follows from either is left to the service.
package chain

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/rpcclient/v8"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/network"
)

// DefaultPoll is how often Run asks for the tip: how late a lost connection is noticed.
const DefaultPoll = 3 * time.Second

// Chain is the network as one node sees it. It is safe for concurrent use.
type Chain struct {
	Poll time.Duration // how often Run asks for the tip; set before Run

	node    *dcrrpc.Node
	profile network.Profile
	log     *slog.Logger
	moved   chan struct{}

	mu      sync.Mutex // guards what follows
	checked uint64     // serial of the connection whose node was found fit
	version string     // of that node
	tip     tip        // the last one read: a tip of this hash needs no second look
}

var (
	_ vsp.Chain = (*Chain)(nil)
	_ vsp.Node  = (*Chain)(nil)
)

// tip is the newest block, and when its header says that it was made.
type tip struct {
	vsp.Tip
	time time.Time // UTC
}

// New returns a Chain on a node that has not been used yet. It takes over the node's notifications; closing the node is
// left to the caller.
func New(node *dcrrpc.Node, profile network.Profile, log *slog.Logger) *Chain {
	c := &Chain{Poll: DefaultPoll, node: node, profile: profile, log: log, moved: make(chan struct{}, 1)}
	node.Subscribe(&rpcclient.NotificationHandlers{
		OnBlockConnected:    func([]byte, [][]byte) { c.signal() },
		OnBlockDisconnected: func([]byte) { c.signal() },
	}, "notifyblocks")
	return c
}

func (c *Chain) signal() {
	select {
	case c.moved <- struct{}{}:
	default:
	}
}

// Moved is as vsp.Chain says while Run runs.
func (c *Chain) Moved() <-chan struct{} { return c.moved }

// Run notices new blocks until the context ends. A node that goes away, and its return, are logged once.
func (c *Chain) Run(ctx context.Context) {
	ticker := time.NewTicker(c.Poll)
	defer ticker.Stop()
	var last chainhash.Hash
	var away bool
	for ctx.Err() == nil {
		switch tip, err := c.Tip(ctx); {
		case ctx.Err() != nil:
		case err != nil && !away:
			away = true
			c.log.Error("node is away", "node", c.node.Address(), "err", err)
		case err == nil && (away || tip.Hash != last):
			if away {
				c.log.Info("node is back", "node", c.node.Address(), "height", tip.Height)
			}
			away, last = false, tip.Hash
			c.signal()
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// Tip returns the newest block of the main chain.
func (c *Chain) Tip(ctx context.Context) (vsp.Tip, error) {
	newest, err := c.newest(ctx)
	return newest.Tip, err
}

func (c *Chain) newest(ctx context.Context) (tip, error) {
	if err := c.Check(ctx); err != nil {
		return tip{}, err
	}
	height, hash, err := c.node.BestBlock(ctx)
	if err != nil {
		return tip{}, err
	}
	c.mu.Lock()
	known := c.tip
	c.mu.Unlock()
	if known.Hash == hash {
		return known, nil
	}
	header, err := c.node.Header(ctx, hash)
	if err != nil {
		return tip{}, err
	}
	newest := tip{time: header.Timestamp.UTC(), Tip: vsp.Tip{
		Position:        vsp.Position{Height: height, Hash: hash},
		StakeDifficulty: dcrutil.Amount(header.SBits),
		PoolSize:        header.PoolSize,
	}}
	c.mu.Lock()
	c.tip = newest
	c.mu.Unlock()
	return newest, nil
}

// Block returns the main chain's block at a height, or vsp.ErrNoBlock above the tip.
func (c *Chain) Block(ctx context.Context, height int64) (*wire.MsgBlock, error) {
	if err := c.Check(ctx); err != nil {
		return nil, err
	}
	hash, err := c.node.BlockHash(ctx, height)
	if dcrrpc.IsCode(err, dcrrpc.CodeOutOfRange) {
		return nil, fmt.Errorf("block %d: %w", height, vsp.ErrNoBlock)
	}
	if err != nil {
		return nil, fmt.Errorf("block %d: %w", height, err)
	}
	block, err := c.node.Block(ctx, hash)
	if err != nil {
		return nil, fmt.Errorf("block %d: %w", height, err)
	}
	return block, nil
}

// Transaction returns a transaction from the mempool or the main chain, or vsp.ErrNoTransaction.
func (c *Chain) Transaction(ctx context.Context, hash chainhash.Hash) (vsp.ChainTx, error) {
	if err := c.Check(ctx); err != nil {
		return vsp.ChainTx{}, err
	}
	tx, err := c.node.Transaction(ctx, hash)
	if dcrrpc.IsCode(err, dcrrpc.CodeNoTx) {
		err = vsp.ErrNoTransaction
	}
	if err != nil {
		return vsp.ChainTx{}, fmt.Errorf("transaction %s: %w", hash, err)
	}
	return vsp.ChainTx{Tx: tx.Tx, Confirmations: tx.Confirmations, Block: tx.BlockHash, Height: tx.BlockHeight}, nil
}

// Live reports whether a ticket is in the live pool at the tip.
func (c *Chain) Live(ctx context.Context, ticket chainhash.Hash) (bool, error) {
	if err := c.Check(ctx); err != nil {
		return false, err
	}
	return c.node.LiveTicket(ctx, ticket)
}

// Check reports what keeps the node from being of use: it is unreachable, does not take our credentials, is on another
// network, or has no index of transactions. It asks again only on a new connection.
func (c *Chain) Check(ctx context.Context) error {
	serial, err := c.node.Connect(ctx)
	if err != nil {
		return c.advise(err)
	}
	c.mu.Lock()
	known := c.checked
	c.mu.Unlock()
	if serial == known {
		return nil
	}
	version, err := c.inspect(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.checked, c.version = serial, version
	c.mu.Unlock()
	return nil
}

// advise puts what can be done about an error before it.
func (c *Chain) advise(err error) error {
	if remedy := dcrrpc.Remedy(err); remedy != "" {
		return fmt.Errorf("node %s: %s (%w)", c.node.Address(), remedy, err)
	}
	return err
}

// inspect finds out whether the node is one for us, and returns its version.
func (c *Chain) inspect(ctx context.Context) (string, error) {
	genesis, err := c.node.BlockHash(ctx, 0)
	if err != nil {
		return "", err
	}
	if want := c.profile.Params.GenesisHash; genesis != want {
		return "", fmt.Errorf("node %s is on %s, not on %s", c.node.Address(), networkOf(genesis), c.profile.Name)
	}
	info, err := c.node.Info(ctx)
	if err != nil {
		return "", err
	}
	if !info.TxIndex {
		return "", fmt.Errorf("node %s has no index of transactions: start it with --txindex", c.node.Address())
	}
	versions, err := c.node.Versions(ctx)
	return versions["dcrd"].VersionString, err
}

// networkOf names the network that begins with a genesis block.
func networkOf(genesis chainhash.Hash) string {
	for _, name := range network.Names() {
		if profile, err := network.Lookup(name); err == nil && profile.Params.GenesisHash == genesis {
			return name
		}
	}
	return fmt.Sprintf("an unknown network (genesis block %s)", genesis)
}
