package testnet

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"scrutineer/vsp/dcrrpc"
)

// Ports as the daemons have them on a simnet by default, so that a VSP needs to be told addresses only.
const (
	peerPort   = "18555"
	nodePort   = "19556"
	walletPort = "19557"
)

// Node is a dcrd.
type Node struct {
	daemon
	RPC         *dcrrpc.Node
	RPCAddress  string // host:port
	PeerAddress string // host:port

	access  access
	options []option // besides those that every node has
	peer    *Node    // the only one that it has; nil for the miner's
	cut     atomic.Bool
}

// firstBlockAge is how long ago the first block claims to have been mined, in seconds. Proof-of-work difficulty follows
// the schedule of one block a second since then: with a million seconds of credit it stays at its minimum, and a block
// costs microseconds, however fast we mine. (chaincfg simnetparams.go: ASERT, half-life 6 s.)
const firstBlockAge = 1_000_000

func newNode(name, ip string, peer *Node, plan Plan, access access, options ...option) *Node {
	rpc := net.JoinHostPort(ip, nodePort)
	return &Node{
		daemon: decred(name, plan.Binaries.Node, filepath.Join(plan.Dir, "data", fileName(name)), filepath.Join(plan.Dir, "logs")),
		RPC:    dcrrpc.NewNode(access.config(rpc)), RPCAddress: rpc, PeerAddress: net.JoinHostPort(ip, peerPort),
		access: access, options: options, peer: peer,
	}
}

// Cut takes the node's only peer from it: it goes on answering, and hears of no more blocks.
func (n *Node) Cut(ctx context.Context) error {
	if err := n.RPC.Call(ctx, nil, "node", "remove", n.peer.PeerAddress); err != nil {
		return fmt.Errorf("cut %s from its peer: %w", n.name, err)
	}
	n.cut.Store(true)
	return nil
}

// Join gives the node its peer back.
func (n *Node) Join(ctx context.Context) error {
	if err := n.RPC.Call(ctx, nil, "node", "connect", n.peer.PeerAddress, "perm"); err != nil {
		return fmt.Errorf("give %s its peer back: %w", n.name, err)
	}
	n.cut.Store(false)
	return nil
}

// follows reports whether the node answers and hears of blocks as far as we know.
func (n *Node) follows() bool { return n.fit() && !n.cut.Load() }

// Start runs the node, with its peer, and waits until it answers.
func (n *Node) Start(ctx context.Context) error {
	options := []option{
		{"simnet", "1"}, {"rpcuser", n.access.user}, {"rpcpass", n.access.password},
		{"rpclisten", n.RPCAddress}, {"listen", n.PeerAddress},
		{"rpccert", n.access.certificate.certFile}, {"rpckey", n.access.certificate.keyFile},
		// All peers come from 127.0.0.1 as far as dcrd can see: neither their number nor their conduct may count.
		{"maxsameip", "0"}, {"whitelist", "127.0.0.0/8"}, {"nodiscoverip", "1"}, {"noseeders", "1"},
		{"rpcmaxclients", "100"}, {"rpcmaxwebsockets", "100"}, {"nofilelogging", "1"}, {"utxocachemaxsize", "25"},
	}
	if n.peer != nil {
		options = append(options, option{"connect", n.peer.PeerAddress})
	}
	if err := n.configure(append(options, n.options...), nil); err != nil {
		return err
	}
	n.cut.Store(false)
	return n.start(ctx, func(ctx context.Context) (bool, string) {
		height, _, err := n.RPC.BestBlock(ctx)
		if err != nil {
			return false, err.Error()
		}
		return true, "at block " + strconv.FormatInt(height, 10)
	})
}

// mining lets a node make blocks that pay to address. Nonaggressive: it waits for votes on the tip rather than make the
// tip a sibling, which would hide misses.
func mining(address string) []option {
	return []option{{"miningaddr", address}, {"nonaggressive", "1"}}
}

// firstBlock makes block 1 on a node of its own and returns it in hex, as submitblock wants it. That node alone lives in
// the past: were it the miner, all its blocks would, and no node would think itself synced.
func firstBlock(ctx context.Context, ip string, mining []option, plan Plan, access access) (string, error) {
	node := newNode("first block", ip, nil, plan, access,
		append(mining[:len(mining):len(mining)], option{"miningtimeoffset", strconv.Itoa(firstBlockAge)})...)
	defer node.RPC.Close()
	defer node.Kill() // what it has besides the block is of no use
	if err := node.Start(ctx); err != nil {
		return "", err
	}
	if err := node.RPC.Call(ctx, nil, "generate", 1); err != nil {
		return "", err
	}
	_, hash, err := node.RPC.BestBlock(ctx)
	if err != nil {
		return "", err
	}
	var block string
	err = node.RPC.Call(ctx, &block, "getblock", hash, false)
	return block, err
}
