package dcrrpc

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/wire"
)

// Node is the part of a node daemon's interface that we use (dcrd, rpcserver.go).
type Node struct{ *Client }

// NewNode returns a node's client that has not dialled yet.
func NewNode(config Config) *Node { return &Node{New(config)} }

// Version is one entry of the answer to "version".
type Version struct {
	VersionString string `json:"versionstring"`
	Major         uint32 `json:"major"`
	Minor         uint32 `json:"minor"`
	Patch         uint32 `json:"patch"`
}

// Versions returns the versions of the daemon and its interfaces, by name: "dcrd", "dcrdjsonrpcapi"; a wallet adds its
// own to those of the node it is connected to.
func (c *Client) Versions(ctx context.Context) (map[string]Version, error) {
	var v map[string]Version
	err := c.Call(ctx, &v, "version")
	return v, err
}

// BestBlock returns the tip of the main chain.
func (c *Client) BestBlock(ctx context.Context) (height int64, hash chainhash.Hash, err error) {
	var answer struct {
		Hash   hashText `json:"hash"`
		Height int64    `json:"height"`
	}
	err = c.Call(ctx, &answer, "getbestblock")
	return answer.Height, chainhash.Hash(answer.Hash), err
}

// BlockHash returns the hash of the main chain's block at height.
func (c *Client) BlockHash(ctx context.Context, height int64) (chainhash.Hash, error) {
	var answer hashText
	err := c.Call(ctx, &answer, "getblockhash", height)
	return chainhash.Hash(answer), err
}

// CurrentNet returns the network's magic number. Networks share them: the genesis hash tells networks apart.
func (n *Node) CurrentNet(ctx context.Context) (wire.CurrencyNet, error) {
	var net wire.CurrencyNet
	err := n.Call(ctx, &net, "getcurrentnet")
	return net, err
}

// Block returns a whole block.
func (n *Node) Block(ctx context.Context, hash chainhash.Hash) (*wire.MsgBlock, error) {
	block := new(wire.MsgBlock)
	return block, n.decoded(ctx, block, "getblock", hash, false)
}

// Header returns a block's header.
func (n *Node) Header(ctx context.Context, hash chainhash.Hash) (*wire.BlockHeader, error) {
	header := new(wire.BlockHeader)
	return header, n.decoded(ctx, header, "getblockheader", hash, false)
}

// deserializer is a message of package wire.
type deserializer interface{ FromBytes([]byte) error }

// decoded calls a method whose answer is the hex of a message of package wire.
func (n *Node) decoded(ctx context.Context, message deserializer, method string, params ...any) error {
	raw, err := n.hex(ctx, method, params...)
	if err != nil {
		return err
	}
	if err := message.FromBytes(raw); err != nil {
		return fmt.Errorf("%s: decode answer of %s: %w", method, n.Address(), err)
	}
	return nil
}

func (n *Node) hex(ctx context.Context, method string, params ...any) ([]byte, error) {
	var answer json.RawMessage
	if err := n.Call(ctx, &answer, method, params...); err != nil {
		return nil, err
	}
	raw, err := unhex(answer)
	if err != nil {
		return nil, fmt.Errorf("%s: decode answer of %s: %w", method, n.Address(), err)
	}
	return raw, nil
}

// unhex decodes a JSON string of hex digits. A block is up to a megabyte of them, which package json would copy twice.
func unhex(text []byte) ([]byte, error) {
	digits, opened := bytes.CutPrefix(text, []byte{'"'})
	digits, closed := bytes.CutSuffix(digits, []byte{'"'})
	if !opened || !closed {
		return nil, fmt.Errorf("%.20q is no string", text)
	}
	raw := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(raw, digits); err != nil {
		return nil, err
	}
	return raw, nil
}

// Transaction is a transaction and where it stands.
type Transaction struct {
	Tx            *wire.MsgTx
	Confirmations int64          // 0 in the mempool
	BlockHash     chainhash.Hash // zero in the mempool
	BlockHeight   int64          // 0 in the mempool
}

// Transaction returns a transaction from the mempool or the chain. The node needs --txindex for the latter. A node that
// does not know it answers CodeNoTx.
func (n *Node) Transaction(ctx context.Context, hash chainhash.Hash) (Transaction, error) {
	var answer struct {
		Hex           string `json:"hex"`
		Confirmations int64  `json:"confirmations"`
		BlockHash     string `json:"blockhash"`
		BlockHeight   int64  `json:"blockheight"`
	}
	if err := n.Call(ctx, &answer, "getrawtransaction", hash, 1); err != nil {
		return Transaction{}, err
	}
	t := Transaction{Confirmations: answer.Confirmations, BlockHeight: answer.BlockHeight}
	var err error
	if t.Tx, err = DecodeTx(answer.Hex); err == nil && answer.BlockHash != "" {
		err = chainhash.Decode(&t.BlockHash, answer.BlockHash)
	}
	if err != nil {
		return Transaction{}, fmt.Errorf("getrawtransaction: decode answer of %s: %w", n.Address(), err)
	}
	return t, nil
}

// SendTransaction publishes a transaction, refusing fees that are too high. A node that knows it answers CodeDuplicateTx.
func (n *Node) SendTransaction(ctx context.Context, tx *wire.MsgTx) error {
	raw, err := EncodeTx(tx)
	if err != nil {
		return err
	}
	return n.Call(ctx, nil, "sendrawtransaction", raw, false)
}

// LiveTickets returns the live ticket pool at the tip.
func (n *Node) LiveTickets(ctx context.Context) ([]chainhash.Hash, error) {
	var answer struct {
		Tickets []hashText `json:"tickets"`
	}
	if err := n.Call(ctx, &answer, "livetickets"); err != nil {
		return nil, err
	}
	tickets := make([]chainhash.Hash, len(answer.Tickets))
	for i, ticket := range answer.Tickets {
		tickets[i] = chainhash.Hash(ticket)
	}
	return tickets, nil
}

// LiveTicket reports whether a ticket is in the live pool at the tip.
func (n *Node) LiveTicket(ctx context.Context, hash chainhash.Hash) (bool, error) {
	var live bool
	err := n.Call(ctx, &live, "existsliveticket", hash)
	return live, err
}

// PeerCount returns the number of connected peers.
func (n *Node) PeerCount(ctx context.Context) (int, error) {
	var count int
	err := n.Call(ctx, &count, "getconnectioncount")
	return count, err
}

// Peer is another node that a node is connected to, as that node sees it (dcrd, handleGetPeerInfo).
type Peer struct {
	Address        string `json:"addr"`           // and port
	Inbound        bool   `json:"inbound"`        // it has come to us; anybody can
	StartingHeight int64  `json:"startingheight"` // the height it gave itself when it was connected
	CurrentHeight  int64  `json:"currentheight"`  // the highest that it has told of since, or the former
	TimeOffset     int64  `json:"timeoffset"`     // seconds that its clock was ahead of the node's when it was connected
}

// Peers returns the connected peers.
func (n *Node) Peers(ctx context.Context) ([]Peer, error) {
	var peers []Peer
	err := n.Call(ctx, &peers, "getpeerinfo")
	return peers, err
}

// Info is the part of "getinfo" that we use.
type Info struct {
	TxIndex bool `json:"txindex"`
}

// Info returns how the node is set up.
func (n *Node) Info(ctx context.Context) (Info, error) {
	var info Info
	err := n.Call(ctx, &info, "getinfo")
	return info, err
}

// Unspent reports whether an output is there and unspent in the main chain; the mempool is left out of account.
func (n *Node) Unspent(ctx context.Context, out wire.OutPoint) (bool, error) {
	var answer *struct{}
	err := n.Call(ctx, &answer, "gettxout", out.Hash, out.Index, out.Tree, false)
	return answer != nil, err
}

// StakeDifficulty returns what a ticket costs in the tip, and in the block after it.
func (n *Node) StakeDifficulty(ctx context.Context) (current, next dcrutil.Amount, err error) {
	var answer struct {
		Current float64 `json:"current"`
		Next    float64 `json:"next"`
	}
	if err := n.Call(ctx, &answer, "getstakedifficulty"); err != nil {
		return 0, 0, err
	}
	if current, err = dcrutil.NewAmount(answer.Current); err == nil {
		next, err = dcrutil.NewAmount(answer.Next)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("getstakedifficulty: decode answer of %s: %w", n.Address(), err)
	}
	return current, next, nil
}

// TSpends returns the treasury spends in the mempool.
func (n *Node) TSpends(ctx context.Context) ([]chainhash.Hash, error) {
	var answer []hashText
	if err := n.Call(ctx, &answer, "getrawmempool", false, "tspend"); err != nil {
		return nil, err
	}
	hashes := make([]chainhash.Hash, len(answer))
	for i, h := range answer {
		hashes[i] = chainhash.Hash(h)
	}
	return hashes, nil
}
