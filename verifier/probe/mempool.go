package probe

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	chainjson "github.com/decred/dcrd/rpc/jsonrpc/types/v4"
	"github.com/decred/dcrd/rpcclient/v8"
	"github.com/decred/dcrd/txscript/v4"
	"github.com/decred/dcrd/wire"

	"scrutineer/verifier"
	"scrutineer/vsp/dcrrpc"
)

// Mempool listens to our own node and writes down which votes reach it while which block is its tip. A vote that was not
// mined is removed from the mempool with the block that misses it, because that block revokes the ticket (DCP0009): asking
// now and then would not do.
//
// The node's notifications come in order from one goroutine; Keep and Take are called by the owner.
type Mempool struct {
	vantage string
	now     func() time.Time
	node    *dcrrpc.Node

	mu          sync.Mutex // owns what follows
	connections int        // how often the client connected
	hears       bool       // the node tells this connection of each transaction
	tip         *verifier.TipVotes
	since       time.Time // when the tip came
	closed      []verifier.Observation
}

// maxClosed bounds how many records wait to be taken; more than that are lost, as if nobody had listened.
const maxClosed = 10000

// NewMempool returns a listener on a node's client, which must not have been used yet.
func NewMempool(node *dcrrpc.Node, vantage string, now func() time.Time) *Mempool {
	m := &Mempool{vantage: vantage, now: now, node: node}
	node.Subscribe(&rpcclient.NotificationHandlers{
		OnClientConnected:   m.reconnected,
		OnBlockConnected:    m.block,
		OnTxAcceptedVerbose: m.accepted,
	}, "notifyblocks")
	return m
}

// Keep sees to it that the node keeps telling us. It must be called again and again: only a call notices that the
// connection is gone.
func (m *Mempool) Keep(ctx context.Context) error {
	for range 2 { // the first call may have had to dial, and then it is not known which connection it went to
		before := m.connected()
		if err := m.node.Call(ctx, nil, "notifynewtransactions", true); err != nil {
			return fmt.Errorf("watch votes in the mempool: %w", err)
		}
		if m.subscribed(before) {
			break
		}
	}
	return nil
}

// subscribed notes that the node tells of each transaction, if the connection is still the same.
func (m *Mempool) subscribed(connection int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hears = m.connections == connection
	return m.hears
}

func (m *Mempool) connected() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.connections
}

// Take returns the records of tips that are no longer the tip, and forgets them.
func (m *Mempool) Take() []verifier.Observation {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.closed
	m.closed = nil
	return taken
}

// reconnected notes that something may not have been heard. It runs beside the other handlers and may be late by a block.
func (m *Mempool) reconnected() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.connections++
	m.hears = false
	if m.tip != nil {
		m.tip.Whole = false
	}
	if n := len(m.closed); n > 0 {
		m.closed[n-1].Tip.Whole = false
	}
}

func (m *Mempool) block(raw []byte, _ [][]byte) {
	var header wire.BlockHeader
	if err := header.FromBytes(raw); err != nil {
		m.reconnected() // whatever it was, we did not hear it
		return
	}
	m.follow(header)
}

// follow takes a new tip. One that does not follow the tip before means that something was not heard.
func (m *Mempool) follow(header wire.BlockHeader) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := &verifier.TipVotes{Height: int64(header.Height), Hash: verifier.Hash(header.BlockHash()), Votes: []verifier.SeenVote{}}
	next.Whole = m.hears && m.tip != nil && m.tip.Hash == verifier.Hash(header.PrevBlock)
	if m.tip != nil && len(m.closed) < maxClosed {
		m.closed = append(m.closed, verifier.Observation{At: m.since, Kind: verifier.KindMempool, Vantage: m.vantage,
			Endpoint: "own node", Code: verifier.OK, Took: m.now().Sub(m.since), Tip: m.tip})
	}
	m.tip, m.since = next, m.now().UTC()
}

// accepted takes a transaction that the node accepted. A vote's second input is its ticket, and its first output holds the
// block that it votes on.
func (m *Mempool) accepted(tx *chainjson.TxRawResult) {
	if len(tx.Vin) < 2 || len(tx.Vout) < 1 || !tx.Vin[0].IsStakeBase() {
		return
	}
	var seen verifier.SeenVote
	block, ok := votedOn(tx.Vout[0].ScriptPubKey.Hex)
	if !ok || seen.Ticket.UnmarshalText([]byte(tx.Vin[1].Txid)) != nil || seen.Vote.UnmarshalText([]byte(tx.Txid)) != nil {
		return
	}
	seen.Block = block
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tip == nil || slices.ContainsFunc(m.tip.Votes, func(v verifier.SeenVote) bool { return v.Vote == seen.Vote }) {
		return
	}
	seen.After = m.now().Sub(m.since)
	m.tip.Votes = append(m.tip.Votes, seen)
}

// votedOn reads a vote's reference to a block: OP_RETURN, a push of 36 bytes, the block's hash and its height (dcrd
// blockchain/stake, SSGenBlockVotedOn).
func votedOn(script string) (verifier.Hash, bool) {
	raw, err := hex.DecodeString(script)
	if err != nil || len(raw) != 2+chainhash.HashSize+4 || raw[0] != txscript.OP_RETURN || raw[1] != txscript.OP_DATA_36 {
		return verifier.Hash{}, false
	}
	return verifier.Hash(raw[2 : 2+chainhash.HashSize]), true
}
