// Package testnet is a private simnet of real dcrd and dcrwallet, our programs, and what they stand on.
//
// Start brings a network up on loopback addresses and returns it with its first votes cast. It has a miner with a wallet
// of its own, whose tickets keep the chain going, voting hosts of a node and a voting wallet each, the front end's node
// with a transaction index, and the wallet of a stake holder. Close ends all of it. Several networks can run at the same
// time. What a killed run leaves behind is ended by the next, and never anything else.
//
// The chain moves only when it is told to: see Chain. Daemons and our own programs are Processes. A Sink receives mail.
//
// It is for Linux: loopback addresses, /proc and death signals as there. What is done with a network, and what must come
// of it, is left to the callers.
package testnet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Network is a running simnet.
type Network struct {
	Plan     Plan // as completed
	User     string
	Password string // of all daemons' RPC; never logged
	CertFile string // the certificate that all daemons show
	CertPEM  []byte

	Miner       *Node
	MinerWallet *Wallet
	Voting      []Host
	FrontEnd    *Node   // has a transaction index
	Client      *Wallet // of a stake holder, on the front end's node; does not vote
	Watch       *Node   // the verifier's, if StartWatch has started one
	Chain       *Chain

	block *addressBlock
}

// Host is a voting host.
type Host struct {
	Node   *Node
	Wallet *Wallet
}

// Start starts a network and returns when its first blocks with votes are mined. On error nothing is left running.
func Start(ctx context.Context, plan Plan) (*Network, error) {
	plan, err := plan.complete()
	if err != nil {
		return nil, err
	}
	ended, err := EndLeftovers()
	if err != nil {
		return nil, err
	}
	if ended > 0 {
		plan.Log.Info("ended what a killed run left behind", "processes", ended)
	}
	n, err := newNetwork(plan)
	if err != nil {
		return nil, err
	}
	if err := n.start(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// newNetwork prepares a network of which nothing runs yet.
func newNetwork(plan Plan) (*Network, error) {
	block, err := takeBlock(plan.Block)
	if err != nil {
		return nil, err
	}
	n := &Network{Plan: plan, User: "scrutineer", Password: rand.Text(), block: block}
	if err := n.furnish(); err != nil {
		block.release()
		return nil, err
	}
	return n, nil
}

func (n *Network) furnish() error {
	if err := os.MkdirAll(n.Plan.Dir, 0o755); err != nil {
		return fmt.Errorf("make the network's directory: %w", err)
	}
	if err := os.Mkdir(filepath.Join(n.Plan.Dir, "data"), 0o700); err != nil {
		return fmt.Errorf("make the network's directory, which must not have been used before: %w", err)
	}
	hosts := []int{hostMiner, hostFrontEnd, hostClient, hostMail, hostVerifier}
	for i := range n.Plan.VotingHosts {
		hosts = append(hosts, i+1)
	}
	var addresses []string
	for _, host := range hosts {
		addresses = append(addresses, n.block.address(host))
	}
	certificate, err := newCertificate(n.Plan.Dir, time.Now(), addresses)
	if err != nil {
		return err
	}
	n.CertFile, n.CertPEM = certificate.certFile, certificate.certPEM
	access := access{n.User, n.Password, certificate}
	purse, err := newPurse(n.Plan.Seed)
	if err != nil {
		return err
	}
	n.Miner = newNode("miner node", n.block.address(hostMiner), nil, n.Plan, access, mining(purse.address.String())...)
	n.MinerWallet = newWallet("miner wallet", n.block.address(hostMiner), n.Miner, n.Plan, access, voting)
	for i := range n.Plan.VotingHosts {
		node := newNode(fmt.Sprintf("voting node %d", i+1), n.block.address(i+1), n.Miner, n.Plan, access)
		wallet := newWallet(fmt.Sprintf("voting wallet %d", i+1), n.block.address(i+1), node, n.Plan, access, voting, givenOnly)
		n.Voting = append(n.Voting, Host{node, wallet})
	}
	n.FrontEnd = newNode("front end node", n.block.address(hostFrontEnd), n.Miner, n.Plan, access, option{"txindex", "1"})
	n.Client = newWallet("client wallet", n.block.address(hostClient), n.FrontEnd, n.Plan, access)
	n.Chain = newChain(n, purse)
	return nil
}

// Nodes returns all nodes, the miner's first.
func (n *Network) Nodes() []*Node {
	nodes := []*Node{n.Miner}
	for _, host := range n.Voting {
		nodes = append(nodes, host.Node)
	}
	nodes = append(nodes, n.FrontEnd)
	if n.Watch != nil {
		nodes = append(nodes, n.Watch)
	}
	return nodes
}

// Wallets returns all wallets, the miner's first.
func (n *Network) Wallets() []*Wallet {
	wallets := []*Wallet{n.MinerWallet}
	for _, host := range n.Voting {
		wallets = append(wallets, host.Wallet)
	}
	return append(wallets, n.Client)
}

// start brings up the miner first and lets it mine up to the first votes. The others then fetch the whole chain at once,
// which costs them a fraction of what it does block by block.
func (n *Network) start(ctx context.Context) error {
	begin := time.Now()
	group, groupCtx := errgroup.WithContext(ctx)
	var block string
	group.Go(func() (err error) {
		block, err = firstBlock(groupCtx, n.block.address(hostVerifier), n.Miner.options, n.Plan, n.Miner.access)
		return err
	})
	group.Go(func() error { return n.Miner.Start(groupCtx) })
	group.Go(func() error { return n.MinerWallet.create(groupCtx) })
	if err := group.Wait(); err != nil {
		return err
	}
	if err := n.Miner.RPC.Call(ctx, nil, "submitblock", block); err != nil {
		return err
	}
	if err := n.MinerWallet.Start(ctx); err != nil {
		return err
	}
	if err := n.Chain.bootstrap(ctx); err != nil {
		return err
	}
	n.Plan.Log.Info("the chain votes", "after", time.Since(begin).Round(time.Millisecond))
	return n.startFollowers(ctx)
}

// startFollowers starts all nodes and wallets but the miner's.
func (n *Network) startFollowers(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	follow := func(node *Node, wallet *Wallet) {
		group.Go(func() error {
			if err := wallet.create(ctx); err != nil {
				return err
			}
			if err := node.Start(ctx); err != nil {
				return err
			}
			// A wallet that finds its node behind waits ten seconds before it looks again.
			if err := n.awaitTip(ctx, node); err != nil {
				return err
			}
			return wallet.Start(ctx)
		})
	}
	for _, host := range n.Voting {
		follow(host.Node, host.Wallet)
	}
	follow(n.FrontEnd, n.Client)
	return group.Wait()
}

// StartWatch starts a node for a verifier, which belongs to nobody whom it judges. Chain waits for it as for any other.
func (n *Network) StartWatch(ctx context.Context) error {
	n.Watch = newNode("watch node", n.block.address(hostVerifier), n.Miner, n.Plan, n.Miner.access)
	if err := n.Watch.Start(ctx); err != nil {
		return err
	}
	return n.awaitTip(ctx, n.Watch)
}

// awaitTip waits until a node has the miner's tip.
func (n *Network) awaitTip(ctx context.Context, node *Node) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := waitUntil(ctx, node.Name()+" at the miner's tip", func(ctx context.Context) (bool, string) {
		want, _, err := n.Miner.RPC.BestBlock(ctx)
		if err != nil {
			return false, err.Error()
		}
		have, _, err := node.RPC.BestBlock(ctx)
		return err == nil && have >= want, fmt.Sprintf("block %d of %d, error: %v", have, want, err)
	})
	if err != nil {
		return fmt.Errorf("%w%s", err, node.tail())
	}
	return nil
}

// StartClient starts the stake holder's wallet anew, so that from now on it buys through the VSP at url with this public
// key (base64), or through none if url is empty.
func (n *Network) StartClient(ctx context.Context, url, publicKey string) error {
	if err := n.Client.Stop(ctx); err != nil {
		return err
	}
	n.Client.drill.Lock()
	defer n.Client.drill.Unlock()
	n.Client.vsp = nil
	if url != "" {
		n.Client.vsp = []option{{"vsp.url", url}, {"vsp.pubkey", publicKey}}
	}
	return n.Client.startLocked(ctx)
}

// FeeXPub returns the extended public key of a new account that nobody else uses, for a VSP's fees.
func (n *Network) FeeXPub(ctx context.Context) (string, error) {
	key, err := n.MinerWallet.newAccount(ctx, "fees "+rand.Text())
	if err != nil {
		return "", fmt.Errorf("get the key for fees: %w", err)
	}
	return key, nil
}

// FrontEndIP, MailIP and VerifierIP are where a VSP, a mail server and a verifier of this network belong. The certificate
// covers them.
func (n *Network) FrontEndIP() string { return n.block.address(hostFrontEnd) }

// MailIP is the mail server's place.
func (n *Network) MailIP() string { return n.block.address(hostMail) }

// VerifierIP is the verifier's place.
func (n *Network) VerifierIP() string { return n.block.address(hostVerifier) }

// DatabaseIP is the place of a database server that several front ends share.
func (n *Network) DatabaseIP() string { return n.block.address(hostDatabase) }

// stopTimeout bounds the end of a whole network.
const stopTimeout = 30 * time.Second

// Close ends the network: wallets and nodes at once, in order, then by force. It gives the addresses free. Close of a
// closed network does nothing.
func (n *Network) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_ = n.Chain.Pause() // what it failed on was logged
	var all []interface{ Stop(context.Context) error }
	for _, wallet := range n.Wallets() {
		wallet.RPC.Close()
		all = append(all, wallet)
	}
	for _, node := range n.Nodes() {
		node.RPC.Close()
		all = append(all, node)
	}
	errs := make([]error, len(all))
	var wait sync.WaitGroup
	for i, daemon := range all {
		wait.Go(func() { errs[i] = daemon.Stop(ctx) })
	}
	wait.Wait()
	n.block.release()
	return errors.Join(errs...)
}
