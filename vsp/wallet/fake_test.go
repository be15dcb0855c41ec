package wallet_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
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

	// fail is asked before each call; what it returns is answered instead.
	fail func(method string, params []json.RawMessage) error
}

type fakeTicket struct {
	agendas map[string]string
}

// The agendas that a fakeWallet knows.
var fakeAgendas = []string{"agenda-a", "agenda-b"}

func newFakeWallet(t *testing.T) *fakeWallet {
	f := &fakeWallet{Server: rpctest.New(t), t: t, height: 1000,
		info: dcrrpc.WalletInfo{DaemonConnected: true, Unlocked: true, Voting: true, ManualTickets: true}}
	f.wipe()
	for method, answer := range map[string]func(params []string) (any, error){
		"walletinfo": func([]string) (any, error) { return f.info, nil },
		"getbestblock": func([]string) (any, error) {
			return map[string]any{"height": f.height, "hash": chainhash.Hash{1}.String()}, nil
		},
		"getblockhash": func([]string) (any, error) { return chaincfg.SimNetParams().GenesisHash.String(), nil },
		"version": func([]string) (any, error) {
			return map[string]any{"dcrwallet": map[string]any{"versionstring": "9.9.9"}}, nil
		},
		"rebroadcastwinners": func([]string) (any, error) { f.recalls++; return nil, nil },
		"importprivkey":      f.importKey,
		"addtransaction":     f.addTransaction,
		"getvotechoices":     f.voteChoices,
		"setvotechoice":      f.setVoteChoice,
		"treasurypolicy":     f.treasuryPolicy,
		"settreasurypolicy":  func(p []string) (any, error) { return nil, setPolicy(f.treasury, p) },
		"settspendpolicy":    func(p []string) (any, error) { return nil, setPolicy(f.tspends, p) },
		"tspendpolicy":       f.tspendPolicy,
	} {
		f.Handle(method, func(params []json.RawMessage) (any, error) {
			f.mu.Lock()
			fail := f.fail
			f.mu.Unlock()
			if fail != nil {
				if err := fail(method, params); err != nil {
					return nil, err
				}
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			return answer(texts(params))
		})
	}
	return f
}

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

// failing sets what fails.
// recalled returns how often the winners were recalled.
func (f *fakeWallet) recalled() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.recalls
}

func (f *fakeWallet) failing(fail func(method string, params []json.RawMessage) error) {
	f.set(func() { f.fail = fail })
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

func setPolicy(policies map[string]map[string]string, p []string) error {
	key, policy, ticket := p[0], p[1], p[2]
	if policies[ticket] == nil {
		policies[ticket] = make(map[string]string)
	}
	if policy == "abstain" {
		delete(policies[ticket], key)
		return nil
	}
	policies[ticket][key] = policy
	return nil
}

// fakeChain knows the tickets that were made with ticket.
type fakeChain struct {
	vsp.Chain
	mu  sync.Mutex
	txs map[chainhash.Hash]vsp.ChainTx
	err error
}

func newFakeChain() *fakeChain { return &fakeChain{txs: make(map[chainhash.Hash]vsp.ChainTx)} }

func (c *fakeChain) Transaction(_ context.Context, hash chainhash.Hash) (vsp.ChainTx, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
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
