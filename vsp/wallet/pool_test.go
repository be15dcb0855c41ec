package wallet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrjson/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc/rpctest"
	"scrutineer/vsp/network"
	"scrutineer/vsp/wallet"
)

// soon bounds the waits for what must happen, tick is how often that is looked for.
const (
	soon = 20 * time.Second
	tick = 2 * time.Millisecond
)

// rig is a pool on fake wallets.
type rig struct {
	*wallet.Pool
	t       *testing.T
	chain   *fakeChain
	wallets []*fakeWallet
	end     func() // ends the pool; it is called at the end of the test anyway

	mu  sync.Mutex
	log bytes.Buffer
}

func (r *rig) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *rig) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

var changeLogged = regexp.MustCompile(`msg="wallet changed" wallet=(\w+) problem=(?:"([^"]*)"|(\S+))`)

// changed returns the changes of problems that were logged: "name: problem".
func (r *rig) changed() []string {
	var changes []string
	for _, m := range changeLogged.FindAllStringSubmatch(r.logged(), -1) {
		changes = append(changes, m[1]+": "+m[2]+m[3])
	}
	return changes
}

// newRig runs a pool on some fake wallets until the test ends. Calls time out fast.
func newRig(t *testing.T, count int, change ...func(*wallet.Options)) *rig {
	return newRigTimeout(t, count, 500*time.Millisecond, change...)
}

func newRigTimeout(t *testing.T, count int, timeout time.Duration, change ...func(*wallet.Options)) *rig {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	profile, err := network.Lookup("simnet")
	require.NoError(t, err)
	r := &rig{t: t, chain: newFakeChain()}
	var configs []wallet.Config
	for i := range count {
		f := newFakeWallet(t)
		r.wallets = append(r.wallets, f)
		config := f.Config()
		config.Timeout = timeout
		configs = append(configs, wallet.Config{Name: fmt.Sprint("w", i), RPC: config})
	}
	options := wallet.Options{
		CheckEvery: 20 * time.Millisecond,
		Log:        slog.New(slog.NewTextHandler(r, nil)),
	}
	for _, c := range change {
		c(&options)
	}
	r.Pool = wallet.New(configs, r.chain, profile, options)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	r.end = func() { cancel(); <-done }
	t.Cleanup(r.end)
	return r
}

func (r *rig) until(what string, cond func() bool) {
	r.t.Helper()
	require.Eventually(r.t, cond, soon, tick, what)
}

// holds waits until so many wallets hold a ticket.
func (r *rig) holds(ticket vsp.Held, count int) {
	r.t.Helper()
	r.until(fmt.Sprintf("%d holders", count), func() bool { return r.Holders(ticket.Ticket) == count })
}

func (r *rig) problem(i int, problem vsp.Problem) {
	r.t.Helper()
	r.until("problem "+string(problem), func() bool { return r.States()[i].Problem == problem })
}

func TestEveryWalletGetsATicketWithItsChoices(t *testing.T) {
	r := newRig(t, 3)
	ticket := r.chain.ticket(900)
	ticket.Choices = vsp.Choices{
		Agendas:  map[string]string{"agenda-a": "yes"},
		TSpends:  map[string]string{"aa": "no", "bb": "yes", "cc": "abstain"},
		Treasury: map[string]string{"02AB": "yes", "02cd": "invalid"},
	}
	require.Zero(t, r.Holders(ticket.Ticket))
	r.Hold(ticket)
	r.holds(ticket, 3)
	for _, w := range r.wallets {
		require.Equal(t, &vsp.Choices{
			Agendas:  map[string]string{"agenda-a": "yes"},
			TSpends:  map[string]string{"aa": "no", "bb": "yes"},
			Treasury: map[string]string{"02ab": "yes"},
		}, w.choices(ticket.Ticket))
	}

	ticket.Choices = vsp.Choices{Agendas: map[string]string{"agenda-b": "no"}, TSpends: map[string]string{"aa": "yes"}}
	r.Hold(ticket)
	r.holds(ticket, 3)
	for _, w := range r.wallets {
		require.Equal(t, &vsp.Choices{
			Agendas: map[string]string{"agenda-a": "abstain", "agenda-b": "no"},
			TSpends: map[string]string{"aa": "yes"}, Treasury: map[string]string{},
		}, w.choices(ticket.Ticket))
	}

	r.Release(ticket.Ticket)
	require.Zero(t, r.Holders(ticket.Ticket))
	require.NotNil(t, r.wallets[0].choices(ticket.Ticket), "wallets keep what they have")
}

func TestHoldingAgainCostsNothing(t *testing.T) {
	r := newRig(t, 1)
	ticket := r.chain.ticket(900)
	r.Hold(ticket)
	r.holds(ticket, 1)
	calls := count(r.wallets[0], "getvotechoices")
	for range 100 {
		r.Hold(ticket)
		require.Equal(t, 1, r.Holders(ticket.Ticket))
	}
	looks := count(r.wallets[0], "walletinfo")
	r.until("two more looks", func() bool { return count(r.wallets[0], "walletinfo") > looks+1 })
	require.Equal(t, calls, count(r.wallets[0], "getvotechoices"))
}

func count(f *fakeWallet, method string) int {
	n := 0
	for _, m := range f.Calls() {
		if m == method {
			n++
		}
	}
	return n
}

// chosen gives a ticket a choice of each kind.
func chosen(ticket vsp.Held) vsp.Held {
	ticket.Choices = vsp.Choices{Agendas: map[string]string{"agenda-a": "yes"}, TSpends: map[string]string{"aa": "no"},
		Treasury: map[string]string{"02ab": "yes"}}
	return ticket
}

// TestAHangingWalletDelaysNobody: one wallet does not answer, and its calls' deadline is further away than the test is long.
func TestAHangingWalletDelaysNobody(t *testing.T) {
	for _, hung := range []string{"walletinfo", "getblockhash", "treasurypolicy", "tspendpolicy", "settspendpolicy",
		"getvotechoices", "importprivkey", "addtransaction", "setvotechoice"} {
		t.Run(hung, func(t *testing.T) {
			r := newRigTimeout(t, 3, 3*soon)
			release := make(chan struct{})
			defer close(release)
			r.wallets[1].failing(func(method string, _ []json.RawMessage) error {
				if method == hung {
					<-release // the far side's answer comes, if ever, after the test
				}
				return nil
			})
			ticket := chosen(r.chain.ticket(900))
			r.Hold(ticket)
			r.holds(ticket, 2)
			for _, s := range r.States() {
				require.Equal(t, s.Name == "w1", s.Missing == 1)
			}
		})
	}
}

func TestAWalletThatWasAwayGetsWhatItMissed(t *testing.T) {
	r := newRig(t, 2)
	first, second := r.chain.ticket(900), r.chain.ticket(901)
	r.Hold(first)
	r.holds(first, 2)
	r.wallets[1].Stop()
	r.problem(1, vsp.Unreachable)
	r.Hold(second)
	r.holds(second, 1)
	require.Equal(t, 2, r.Holders(first.Ticket))
	r.wallets[1].Start()
	r.holds(second, 2)
	r.until("all told", func() bool { return len(of("w1", r.changed())) >= 3 })
	require.Equal(t, []string{"w1: ", "w1: unreachable", "w1: "}, of("w1", r.changed()))
}

func of(name string, changes []string) []string {
	return slices.DeleteFunc(changes, func(c string) bool { return c[:len(name)] != name })
}

func TestAReplacedWalletGetsEverything(t *testing.T) {
	r := newRig(t, 2)
	var tickets []vsp.Held
	for i := range 450 {
		tickets = append(tickets, r.chain.ticket(int64(500+i)))
		r.Hold(tickets[i])
	}
	for _, ticket := range tickets {
		r.holds(ticket, 2)
	}
	r.wallets[0].Stop()
	r.wallets[0].set(func() { r.wallets[0].wipe(); r.wallets[0].height = 0 })
	r.wallets[0].Start()
	r.until("the loss is noticed", func() bool { return r.States()[0].Missing == len(tickets) })
	require.Zero(t, count(r.wallets[0], "addtransaction")-len(tickets), "nothing is added before the wallet has caught up")
	r.wallets[0].set(func() { r.wallets[0].height = 1000 })
	for _, ticket := range tickets {
		r.holds(ticket, 2)
		require.NotNil(t, r.wallets[0].choices(ticket.Ticket))
	}
	require.Contains(t, r.logged(), "wallet has lost tickets or choices")
	r.until("winners recalled", func() bool { return r.wallets[0].recalled() > 0 })
}

// A node that is asked while a block comes in would have the wallet cast a void vote.
func TestWinnersAreRecalledOnlyOnATipThatHasStood(t *testing.T) {
	r := newRig(t, 1)
	f := r.wallets[0]
	f.set(func() { f.info.Unlocked = false })
	r.problem(0, vsp.Locked)
	looks := func() int { return count(f, "walletinfo") }
	f.set(func() { f.info.Unlocked = true })
	for range 10 {
		f.set(func() { f.height++ })
		seen := looks()
		r.until("another look", func() bool { return looks() > seen })
	}
	r.problem(0, vsp.NoProblem)
	seen := looks()
	r.until("more looks", func() bool { return looks() > seen+10 })
	require.Zero(t, f.recalled(), "the wallet was told of the winners of each block after it was unlocked")
}

func TestAWalletThatForgotAChoiceIsRepaired(t *testing.T) {
	for name, forget := range map[string]func(f *fakeWallet, ticket string){
		"agenda":       func(f *fakeWallet, ticket string) { f.tickets[ticket].agendas["agenda-a"] = "no" },
		"other agenda": func(f *fakeWallet, ticket string) { f.tickets[ticket].agendas["agenda-b"] = "yes" },
		"tspend":       func(f *fakeWallet, ticket string) { delete(f.tspends, ticket) },
		"treasury":     func(f *fakeWallet, ticket string) { f.treasury[ticket]["02ab"] = "no" },
		"other key":    func(f *fakeWallet, ticket string) { f.treasury[ticket]["02ff"] = "no" },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1, func(o *wallet.Options) { o.AuditEvery = 50 * time.Millisecond })
			ticket := chosen(r.chain.ticket(900))
			r.Hold(ticket)
			r.holds(ticket, 1)
			f := r.wallets[0]
			require.Empty(t, f.idle)
			f.set(func() { forget(f, ticket.Ticket.String()) })
			r.until("repaired", func() bool {
				c := f.choices(ticket.Ticket)
				return c.Agendas["agenda-a"] == "yes" && c.Agendas["agenda-b"] != "yes" && c.TSpends["aa"] == "no" &&
					len(c.Treasury) == 1 && c.Treasury["02ab"] == "yes"
			})
			r.holds(ticket, 1)
			require.Empty(t, f.idle, "what it has is not brought again")
		})
	}
}

func TestALockedWalletGetsItsTicketsWhenItIsUnlocked(t *testing.T) {
	r := newRig(t, 1)
	f := r.wallets[0]
	f.set(func() { f.info.Unlocked = false })
	r.problem(0, vsp.Locked)
	ticket := r.chain.ticket(900)
	r.Hold(ticket)
	r.until("a try", func() bool { return count(f, "importprivkey") > 1 })
	require.Equal(t, 1, r.States()[0].Missing)
	f.set(func() { f.info.Unlocked = true })
	r.holds(ticket, 1)
	r.until("winners recalled", func() bool { return f.recalled() > 0 })
}

func TestOneTicketDoesNotBlockTheOthers(t *testing.T) {
	r := newRig(t, 1)
	bad, good := r.chain.ticket(900), r.chain.ticket(901)
	bad.VotingKey = "Ps another ticket's key"
	unknown := r.chain.ticket(902)
	r.chain.mu.Lock()
	delete(r.chain.txs, unknown.Ticket)
	r.chain.mu.Unlock()
	for _, ticket := range []vsp.Held{bad, unknown, good} {
		r.Hold(ticket)
	}
	r.holds(good, 1)
	r.until("both put off", func() bool { return r.States()[0].Missing == 2 })
	looks := count(r.wallets[0], "walletinfo")
	r.until("five more looks", func() bool { return count(r.wallets[0], "walletinfo") > looks+5 })
	require.LessOrEqual(t, count(r.wallets[0], "importprivkey"), 4, "no hammering")
	require.Contains(t, r.logged(), "does not have the ticket")
	require.NotContains(t, r.logged(), string(bad.VotingKey))
	require.Equal(t, 1, strings.Count(r.logged(), bad.Ticket.String()))
}

func TestAnUnknownAgendaIsLoggedOnce(t *testing.T) {
	r := newRig(t, 1, func(o *wallet.Options) { o.AuditEvery = 30 * time.Millisecond })
	var tickets []vsp.Held
	for i := range 20 {
		ticket := r.chain.ticket(int64(900 + i))
		ticket.Choices.Agendas = map[string]string{"no-such-agenda": "yes", "agenda-a": "no"}
		tickets = append(tickets, ticket)
		r.Hold(ticket)
	}
	for _, ticket := range tickets {
		r.holds(ticket, 1)
		require.Equal(t, map[string]string{"agenda-a": "no"}, r.wallets[0].choices(ticket.Ticket).Agendas)
	}
	require.Equal(t, 1, strings.Count(r.logged(), "key=no-such-agenda"))
}

func TestEachProblemIsToldOnce(t *testing.T) {
	r := newRig(t, 1)
	f := r.wallets[0]
	r.problem(0, vsp.NoProblem)
	for _, step := range []struct {
		problem vsp.Problem
		change  func()
	}{
		{vsp.Locked, func() { f.info.Unlocked = false }},
		{vsp.NotVoting, func() { f.info.Voting = false }},
		{vsp.NoNode, func() { f.info.DaemonConnected = false }},
		{vsp.SPV, func() { f.info.SPV = true }},
		{vsp.NoProblem, func() { f.info = soundInfo }},
	} {
		f.set(step.change)
		r.problem(0, step.problem)
		looks := count(f, "walletinfo")
		r.until("three more looks", func() bool { return count(f, "walletinfo") > looks+3 })
	}
	r.until("all told", func() bool { return len(r.changed()) >= 6 })
	require.Equal(t, []string{"w0: ", "w0: locked", "w0: not voting", "w0: no node", "w0: spv", "w0: "}, r.changed())
	state := r.States()[0]
	require.Equal(t, "9.9.9", state.Version)
	require.Equal(t, int64(1000), state.Height)
	require.False(t, state.Seen.IsZero())
	require.True(t, state.Unlocked && state.Voting && state.NodeConnected)
	require.EqualValues(t, 12, state.VoteVersion)
}

func TestNoSecretIsShown(t *testing.T) {
	r := newRig(t, 1)
	ticket := r.chain.ticket(900)
	r.wallets[0].failing(func(method string, params []json.RawMessage) error {
		if method == "importprivkey" {
			return &dcrjson.RPCError{Code: dcrjson.ErrRPCInvalidAddressOrKey, Message: "bad key " + string(params[0])}
		}
		return nil
	})
	r.Hold(ticket)
	r.until("refused", func() bool { return strings.Contains(r.logged(), "does not take a ticket") })
	require.NotContains(t, r.logged(), string(ticket.VotingKey))
	require.NotContains(t, r.logged(), rpctest.Password)
}

func TestANodeThatCannotBeAskedIsToldOnce(t *testing.T) {
	r := newRig(t, 1)
	r.chain.mu.Lock()
	r.chain.err = errors.New("node is away")
	r.chain.mu.Unlock()
	ticket := r.chain.ticket(900)
	r.Hold(ticket)
	r.until("told", func() bool { return strings.Contains(r.logged(), "node is away") })
	looks := count(r.wallets[0], "walletinfo")
	r.until("five more looks", func() bool { return count(r.wallets[0], "walletinfo") > looks+5 })
	require.Equal(t, 1, strings.Count(r.logged(), "node is away"))
	r.chain.mu.Lock()
	r.chain.err = nil
	r.chain.mu.Unlock()
	r.holds(ticket, 1)
}
