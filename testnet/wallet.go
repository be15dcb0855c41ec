package testnet

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp/dcrrpc"
)

// Passphrase unlocks every wallet of a testnet: nothing here is worth anything.
const Passphrase = "12345"

// Wallet is a dcrwallet.
type Wallet struct {
	daemon
	RPC        *dcrrpc.Wallet
	RPCAddress string // host:port
	Node       *Node  // the node that it follows

	access  access
	options []option // besides those that every wallet has

	drill  sync.Mutex // owns locked and vsp
	locked bool       // by Lock
	vsp    []option   // the VSP it buys through
}

func newWallet(name, ip string, node *Node, plan Plan, access access, options ...option) *Wallet {
	rpc := net.JoinHostPort(ip, walletPort)
	return &Wallet{
		daemon: decred(name, plan.Binaries.Wallet, filepath.Join(plan.Dir, "data", fileName(name)), filepath.Join(plan.Dir, "logs")),
		RPC:    dcrrpc.NewWallet(access.config(rpc)), RPCAddress: rpc, Node: node,
		access: access, options: options,
	}
}

// voting lets a wallet vote. The wallets of a VSP know no tickets but those they are given; the miner's own finds its.
var (
	voting      = option{"enablevoting", "1"}
	givenOnly   = option{"manualtickets", "1"}
	walletFlags = []option{{"simnet", "1"}, {"nogrpc", "1"}, {"nofilelogging", "1"}, {"rpcmaxclients", "100"},
		{"rpcmaxwebsockets", "100"}, {"pass", Passphrase},
		{"accountgaplimit", "1"}} // a new wallet looks for used accounts: nine more to derive cost it seconds
)

func (w *Wallet) writeConfig() error {
	options := append([]option{
		{"username", w.access.user}, {"password", w.access.password},
		{"rpccert", w.access.certificate.certFile}, {"rpckey", w.access.certificate.keyFile},
		{"cafile", w.access.certificate.certFile}, {"rpcconnect", w.Node.RPCAddress}, {"rpclisten", w.RPCAddress},
	}, walletFlags...)
	return w.configure(append(options, w.options...), w.vsp)
}

// create makes the wallet's database, from a seed of its own making: a wallet restored from a seed that it is told looks
// for used accounts first, which takes up to ten seconds. dcrwallet asks questions, in this order: use the configured
// passphrase, encrypt public data, have a seed, noted the seed, accounts to import (dcrwallet internal/prompt).
func (w *Wallet) create(ctx context.Context) error {
	if err := w.writeConfig(); err != nil {
		return err
	}
	program := w.program("--create")
	program.Log = filepath.Join(w.dir, "create.log") // has the seed in it
	program.Stdin = strings.NewReader("y\nn\nn\nok\nno\n")
	process, err := StartProcess(program)
	if err != nil {
		return err
	}
	select {
	case <-process.Done():
	case <-ctx.Done():
		process.Kill()
		return fmt.Errorf("create %s: %w", w.name, ctx.Err())
	}
	if err := process.ExitError(); err != nil {
		return fmt.Errorf("create %s: %w", w.name, err)
	}
	if err := os.Remove(program.Log); err != nil {
		return fmt.Errorf("create %s: %w", w.name, err)
	}
	return nil
}

// Start runs the wallet and waits until it has caught up with its node. It comes up unlocked.
func (w *Wallet) Start(ctx context.Context) error {
	w.drill.Lock()
	defer w.drill.Unlock()
	return w.startLocked(ctx)
}

// Wipe ends the wallet as kill -9 does and puts another in its place, with a seed of its own and none of its tickets, as an
// operator does who has lost a machine. It returns when the new one has caught up with the node.
func (w *Wallet) Wipe(ctx context.Context) error {
	w.drill.Lock()
	defer w.drill.Unlock()
	w.Kill()
	if err := os.RemoveAll(w.dir); err != nil {
		return fmt.Errorf("wipe %s: %w", w.name, err)
	}
	if err := w.create(ctx); err != nil {
		return err
	}
	return w.startLocked(ctx)
}

// startLocked must be called with drill held.
func (w *Wallet) startLocked(ctx context.Context) error {
	if err := w.writeConfig(); err != nil {
		return err
	}
	w.locked = false
	return w.start(ctx, w.synced)
}

// synced reports whether the wallet follows its node and has its tip. A wallet that has the tip but is still looking for
// its addresses may lose the next block.
func (w *Wallet) synced(ctx context.Context) (bool, string) {
	_, want, err := w.Node.RPC.BestBlock(ctx)
	if err != nil {
		return false, err.Error()
	}
	var status struct {
		Synced bool `json:"synced"`
	}
	if err := w.RPC.Call(ctx, &status, "syncstatus"); err != nil {
		return false, err.Error()
	}
	height, have, err := w.RPC.BestBlock(ctx)
	if err != nil {
		return false, err.Error()
	}
	return status.Synced && have == want, fmt.Sprintf("at block %d, synced: %t", height, status.Synced)
}

// Lock keeps the wallet from voting, as an operator does who forgets to unlock it after a restart.
func (w *Wallet) Lock(ctx context.Context) error {
	w.drill.Lock()
	defer w.drill.Unlock()
	if err := w.RPC.Call(ctx, nil, "walletlock"); err != nil {
		return fmt.Errorf("lock %s: %w", w.name, err)
	}
	w.locked = true
	return nil
}

// Unlock lets the wallet vote again, on the tip too: by itself it would miss what was drawn while it was locked.
func (w *Wallet) Unlock(ctx context.Context) error {
	w.drill.Lock()
	defer w.drill.Unlock()
	if err := w.unlock(ctx); err != nil {
		return err
	}
	w.locked = false
	return recallWinners(ctx, w.Node)
}

func (w *Wallet) unlock(ctx context.Context) error {
	if err := w.RPC.Call(ctx, nil, "walletpassphrase", Passphrase, 0); err != nil {
		return fmt.Errorf("unlock %s: %w", w.name, err)
	}
	return nil
}

// votes reports whether the wallet is able to vote as far as we know: nothing was done to it or to its node.
func (w *Wallet) votes() bool {
	w.drill.Lock()
	defer w.drill.Unlock()
	return !w.locked && w.fit() && w.Node.follows()
}

// Tickets returns every ticket that the wallet knows.
func (w *Wallet) Tickets(ctx context.Context) ([]dcrrpc.TicketInfo, error) {
	return w.RPC.Tickets(ctx, 0)
}

// SetVoteChoice sets how a ticket of this wallet votes on an agenda; the wallet tells the ticket's VSP by itself.
func (w *Wallet) SetVoteChoice(ctx context.Context, agenda, choice string, ticket chainhash.Hash) error {
	return w.RPC.SetVoteChoice(ctx, agenda, choice, ticket)
}

// address returns a fresh address. The wallet's limit of unused addresses in a row is let wrap around.
func (w *Wallet) address(ctx context.Context) (string, error) {
	var address string
	err := w.RPC.Call(ctx, &address, "getnewaddress", "default", "wrap")
	return address, err
}

// newAccount makes an account and returns its extended public key.
func (w *Wallet) newAccount(ctx context.Context, name string) (string, error) {
	if err := w.RPC.Call(ctx, nil, "createnewaccount", name); err != nil {
		return "", err
	}
	var key string
	err := w.RPC.Call(ctx, &key, "getmasterpubkey", name)
	return key, err
}

// transaction returns a transaction of the wallet's own, mined or not.
func (w *Wallet) transaction(ctx context.Context, hash chainhash.Hash) (*wire.MsgTx, error) {
	var answer struct {
		Hex string `json:"hex"`
	}
	if err := w.RPC.Call(ctx, &answer, "gettransaction", hash); err != nil {
		return nil, err
	}
	tx, err := dcrrpc.DecodeTx(answer.Hex)
	if err != nil {
		return nil, fmt.Errorf("transaction %s of %s: %w", hash, w.name, err)
	}
	return tx, nil
}
