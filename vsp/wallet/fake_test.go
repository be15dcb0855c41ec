package wallet_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrjson/v4"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/dcrrpc/rpctest"
)

// fakeWallet behaves as dcrwallet does towards a pool, and fails on demand.
type fakeWallet struct {
	*rpctest.Server
	t *testing.T

	mu       sync.Mutex
	height   int64
	info     dcrrpc.WalletInfo
	keys     map[string]bool
	tickets  map[string]*fakeTicket
	treasury map[string]map[string]string // by ticket, then key
	tspends  map[string]map[string]string // by ticket, then hash
	recalls  int
	changes  int // made to all of the above by calls

	// fail is asked before each call; what it returns is answered instead, and the call is carried out only if it says so.
	fail func(method string, params []json.RawMessage) (apply bool, err error)

	idle []string // calls that were to change something and left all as it was: "method parameters", without keys
}

type fakeTicket struct {
	agendas map[string]string
}

// The agendas that a fakeWallet knows.
var fakeAgendas = []string{"agenda-a", "agenda-b"}

// soundInfo is what a wallet says of itself that can vote.
var soundInfo = dcrrpc.WalletInfo{DaemonConnected: true, Unlocked: true, Voting: true, ManualTickets: true, VoteVersion: 12}

func newFakeWallet(t *testing.T) *fakeWallet {
	f := &fakeWallet{Server: rpctest.New(t), t: t, height: 1000,
		info: soundInfo}
	f.wipe()
	for method, answer := range map[string]func(params []string) (any, error){
		"walletinfo": func([]string) (any, error) { return f.info, nil },
		"getbestblock": func([]string) (any, error) {
			return map[string]any{"height": f.height, "hash": chainhash.Hash{1}.String()}, nil
		},
		"getblockhash": func([]string) (any, error) { return f.genesis(), nil },
		"version": func([]string) (any, error) {
			return map[string]any{"dcrwallet": map[string]any{"versionstring": "9.9.9"}}, nil
		},
		"rebroadcastwinners": func([]string) (any, error) { f.recalls++; return nil, nil },
		"importprivkey":      f.importKey,
		"addtransaction":     f.addTransaction,
		"getvotechoices":     f.voteChoices,
		"setvotechoice":      f.setVoteChoice,
		"treasurypolicy":     f.treasuryPolicy,
		"settreasurypolicy":  func(p []string) (any, error) { return nil, f.setPolicy(f.treasury, p) },
		"settspendpolicy":    func(p []string) (any, error) { return nil, f.setPolicy(f.tspends, p) },
		"tspendpolicy":       f.tspendPolicy,
	} {
		f.Handle(method, func(params []json.RawMessage) (any, error) {
			f.mu.Lock()
			fail := f.fail
			f.mu.Unlock()
			apply, fault := true, error(nil)
			if fail != nil {
				apply, fault = fail(method, params)
			}
			if fault != nil && !apply {
				return nil, fault
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			before := f.changes
			result, err := answer(texts(params))
			if changing[method] && err == nil && f.changes == before {
				f.idle = append(f.idle, strings.Join(append([]string{method}, texts(params)[1:]...), " "))
			}
			if fault != nil {
				return nil, fault
			}
			return result, err
		})
	}
	return f
}

// changing is the methods that are called to change something.
var changing = map[string]bool{"importprivkey": true, "addtransaction": true, "setvotechoice": true, "settreasurypolicy": true,
	"settspendpolicy": true}

// genesis is the first block of the network that the wallet is on.
func (f *fakeWallet) genesis() string { return chaincfg.SimNetParams().GenesisHash.String() }

// texts returns parameters as text, without the quotes of strings.
func texts(params []json.RawMessage) []string {
	list := make([]string, len(params))
	for i, p := range params {
		list[i] = strings.Trim(string(p), `"`)
	}
	return list
}

// set changes the wallet.
func (f *fakeWallet) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// recalled returns how often the winners were recalled.
func (f *fakeWallet) recalled() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.recalls
}

// failing sets what fails, and is not carried out; nothing if fail is nil.
func (f *fakeWallet) failing(fail func(method string, params []json.RawMessage) error) {
	f.set(func() {
		if f.fail = nil; fail == nil {
			return
		}
		f.fail = func(method string, params []json.RawMessage) (bool, error) { return false, fail(method, params) }
	})
}

// backup returns a function that brings the wallet back to what it holds now.
func (f *fakeWallet) backup() (restore func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	keys, tickets := maps.Clone(f.keys), make(map[string]*fakeTicket)
	for hash, ticket := range f.tickets {
		tickets[hash] = &fakeTicket{agendas: maps.Clone(ticket.agendas)}
	}
	treasury, tspends := clonePolicies(f.treasury), clonePolicies(f.tspends)
	return func() { f.keys, f.tickets, f.treasury, f.tspends = keys, tickets, treasury, tspends }
}

func clonePolicies(policies map[string]map[string]string) map[string]map[string]string {
	clone := make(map[string]map[string]string)
	for ticket, of := range policies {
		clone[ticket] = maps.Clone(of)
	}
	return clone
}

// wipe empties the wallet.
func (f *fakeWallet) wipe() {
	f.keys = make(map[string]bool)
	f.tickets = make(map[string]*fakeTicket)
	f.treasury = make(map[string]map[string]string)
	f.tspends = make(map[string]map[string]string)
}

// choices returns what a ticket votes, or nil if the wallet does not hold it.
func (f *fakeWallet) choices(ticket chainhash.Hash) *vsp.Choices {
	f.mu.Lock()
	defer f.mu.Unlock()
	held := f.tickets[ticket.String()]
	if held == nil {
		return nil
	}
	c := vsp.Choices{Agendas: map[string]string{}, TSpends: map[string]string{}, Treasury: map[string]string{}}
	for from, to := range map[*map[string]string]map[string]string{
		&held.agendas: c.Agendas, ptr(f.tspends[ticket.String()]): c.TSpends, ptr(f.treasury[ticket.String()]): c.Treasury,
	} {
		for k, v := range *from {
			to[k] = v
		}
	}
	return &c
}

func ptr[T any](v T) *T { return &v }

func (f *fakeWallet) importKey(p []string) (any, error) {
	if !f.info.Unlocked {
		return nil, &dcrjson.RPCError{Code: dcrrpc.CodeLocked, Message: "wallet or account locked"}
	}
	if !f.keys[p[0]] {
		f.changes++
	}
	f.keys[p[0]] = true
	return nil, nil
}

func (f *fakeWallet) addTransaction(p []string) (any, error) {
	raw, err := hex.DecodeString(p[1])
	require.NoError(f.t, err)
	var tx wire.MsgTx
	require.NoError(f.t, tx.FromBytes(raw))
	if !f.keys[keyOf(tx.TxHash())] {
		return nil, nil // none of its own
	}
	if f.tickets[tx.TxHash().String()] == nil {
		f.changes++
		f.tickets[tx.TxHash().String()] = &fakeTicket{agendas: map[string]string{}}
	}
	return nil, nil
}

func (f *fakeWallet) voteChoices(p []string) (any, error) {
	ticket := f.tickets[p[0]]
	if ticket == nil {
		return nil, errors.New("wallet.AgendaChoices: item does not exist: ticket not found")
	}
	var choices []dcrrpc.Choice
	for _, id := range fakeAgendas {
		choice := ticket.agendas[id]
		if choice == "" {
			choice = "abstain"
		}
		choices = append(choices, dcrrpc.Choice{AgendaID: id, ChoiceID: choice})
	}
	return map[string]any{"choices": choices}, nil
}

func (f *fakeWallet) setVoteChoice(p []string) (any, error) {
	ticket := f.tickets[p[2]]
	if ticket == nil {
		return nil, errors.New("item does not exist: ticket not found")
	}
	for _, id := range fakeAgendas {
		if id == p[0] {
			if ticket.agendas[id] != p[1] {
				f.changes++
			}
			ticket.agendas[id] = p[1]
			return nil, nil
		}
	}
	return nil, fmt.Errorf("wallet.SetAgendaChoices: invalid operation: no agenda with ID %q", p[0])
}

func (f *fakeWallet) treasuryPolicy([]string) (any, error) {
	list := []dcrrpc.TreasuryPolicy{}
	for ticket, policies := range f.treasury {
		for key, policy := range policies {
			list = append(list, dcrrpc.TreasuryPolicy{Key: key, Policy: policy, Ticket: ticket})
		}
	}
	return list, nil
}

func (f *fakeWallet) tspendPolicy(p []string) (any, error) {
	policy := f.tspends[p[1]][p[0]]
	if policy == "" {
		policy = "abstain"
	}
	return map[string]string{"hash": p[0], "policy": policy}, nil
}

func (f *fakeWallet) setPolicy(policies map[string]map[string]string, p []string) error {
	key, policy, ticket := p[0], p[1], p[2]
	if policies[ticket] == nil {
		policies[ticket] = make(map[string]string)
	}
	if policy == "abstain" {
		policy = ""
	}
	if policies[ticket][key] != policy {
		f.changes++
	}
	policies[ticket][key] = policy
	if policy == "" {
		delete(policies[ticket], key)
	}
	return nil
}

// fakeChain knows the tickets that were made with ticket.
type fakeChain struct {
	vsp.Chain
	mu    sync.Mutex
	txs   map[chainhash.Hash]vsp.ChainTx
	err   error
	hook  func(chainhash.Hash) error // asked first, if there is one
	calls int
}

func newFakeChain() *fakeChain { return &fakeChain{txs: make(map[chainhash.Hash]vsp.ChainTx)} }

func (c *fakeChain) Transaction(_ context.Context, hash chainhash.Hash) (vsp.ChainTx, error) {
	c.mu.Lock()
	hook := c.hook
	c.mu.Unlock()
	if hook != nil {
		if err := hook(hash); err != nil {
			return vsp.ChainTx{}, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if c.err != nil {
		return vsp.ChainTx{}, c.err
	}
	tx, ok := c.txs[hash]
	if !ok {
		return tx, vsp.ErrNoTransaction
	}
	return tx, nil
}

// ticket makes a ticket that was bought at a height, and what a pool is to hold of it. Its key follows from its hash.
func (c *fakeChain) ticket(height int64) vsp.Held {
	c.mu.Lock()
	defer c.mu.Unlock()
	tx := wire.NewMsgTx()
	tx.LockTime = uint32(height)
	tx.Expiry = uint32(len(c.txs))
	tx.AddTxIn(&wire.TxIn{})
	hash := tx.TxHash()
	c.txs[hash] = vsp.ChainTx{Tx: tx, Confirmations: 6, Height: height, Block: chainhash.Hash{byte(height)}}
	return vsp.Held{Ticket: hash, PurchaseHeight: height, VotingKey: vsp.Secret(keyOf(hash))}
}

func keyOf(ticket chainhash.Hash) string { return "Ps" + ticket.String()[:50] }
