package wallet_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/rpcclient/v8"
	"github.com/stretchr/testify/require"

	"scrutineer/testnet"
	"scrutineer/vsp"
	"scrutineer/vsp/chain"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/network"
	"scrutineer/vsp/wallet"
)

// drawing is the tickets that are to vote on a block.
type drawing struct {
	height  int64
	winners []chainhash.Hash
}

// fleet is a pool on the real wallets of a test network.
type fleet struct {
	*wallet.Pool
	t       testing.TB
	net     *testnet.Network
	chain   *chain.Chain
	log     *slog.Logger
	drawing chan drawing // of each new tip
}

// newFleet starts a network with so many voting hosts, and a pool on the first few of them.
func newFleet(t testing.TB, hosts, pooled int) *fleet {
	if testing.Short() {
		require.Empty(t, os.Getenv("CI"), "real wallets must be tested")
		t.Skip("not checked: the pool on real wallets")
	}
	checkout, err := testnet.Checkout(".")
	require.NoError(t, err)
	binaries, err := testnet.BuildBinaries(t.Context(), checkout, nil)
	require.NoError(t, err)
	n, err := testnet.Start(t.Context(), testnet.Plan{Dir: t.TempDir(), Binaries: binaries, VotingHosts: hosts})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })

	f := &fleet{t: t, net: n, drawing: make(chan drawing, 1000), log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	node := dcrrpc.NewNode(f.access(n.FrontEnd.RPCAddress))
	t.Cleanup(node.Close)
	f.chain = chain.New(node, profile(t), f.log)
	f.Pool = f.pool(n.Voting[:pooled], wallet.Options{CheckEvery: 250 * time.Millisecond, Log: f.log})
	f.listen()
	t.Cleanup(f.run(f.Pool))
	return f
}

func profile(t testing.TB) network.Profile {
	profile, err := network.Lookup("simnet")
	require.NoError(t, err)
	return profile
}

// pool returns a pool on the wallets of some hosts.
func (f *fleet) pool(hosts []testnet.Host, options wallet.Options) *wallet.Pool {
	var configs []wallet.Config
	for _, host := range hosts {
		configs = append(configs, wallet.Config{Name: host.Wallet.Name(), RPC: f.access(host.Wallet.RPCAddress)})
	}
	return wallet.New(configs, f.chain, profile(f.t), options)
}

// run runs a pool until end is called.
func (f *fleet) run(p *wallet.Pool) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	return func() { cancel(); <-done }
}

func (f *fleet) access(address string) dcrrpc.Config {
	return dcrrpc.Config{Address: address, User: f.net.User, Password: f.net.Password, CertPEM: f.net.CertPEM,
		Timeout: 5 * time.Second}
}

// listen passes on the winners of each new tip of the front end's node.
func (f *fleet) listen() {
	node := dcrrpc.NewNode(f.access(f.net.FrontEnd.RPCAddress))
	node.Subscribe(&rpcclient.NotificationHandlers{
		OnWinningTickets: func(_ *chainhash.Hash, height int64, tickets []*chainhash.Hash) {
			d := drawing{height: height}
			for _, ticket := range tickets {
				d.winners = append(d.winners, *ticket)
			}
			f.drawing <- d
		},
	}, "notifywinningtickets")
	_, err := node.Connect(f.t.Context())
	require.NoError(f.t, err)
	f.t.Cleanup(node.Close)
}

// buy lets the client buy tickets, mines until they are confirmed, and returns what a pool needs of them.
func (f *fleet) buy(count int) []vsp.Held {
	tickets, err := f.net.Buy(f.t.Context(), count)
	require.NoError(f.t, err)
	require.NoError(f.t, f.net.Chain.Mine(f.t.Context(), vsp.Confirmations))
	var infos []struct {
		Hash          string `json:"hash"`
		BlockHeight   int64  `json:"blockheight"`
		VotingAddress string `json:"votingaddress"`
	}
	require.NoError(f.t, f.net.Client.RPC.Call(f.t.Context(), &infos, "ticketinfo", 0))
	var held []vsp.Held
	for _, info := range infos {
		var hash chainhash.Hash
		require.NoError(f.t, chainhash.Decode(&hash, info.Hash))
		if !slices.Contains(tickets, hash) {
			continue
		}
		var wif string
		require.NoError(f.t, f.net.Client.RPC.Call(f.t.Context(), &wif, "dumpprivkey", info.VotingAddress))
		held = append(held, vsp.Held{Ticket: hash, PurchaseHeight: info.BlockHeight, VotingKey: vsp.Secret(wif)})
	}
	require.Len(f.t, held, count)
	return held
}

// holdAll gives tickets to the pool and returns how long it took until so many wallets held every one of them.
func (f *fleet) holdAll(tickets []vsp.Held, holders int) time.Duration {
	f.t.Helper()
	begin := time.Now()
	for _, ticket := range tickets {
		f.Hold(ticket)
	}
	return f.await(begin, fmt.Sprintf("%d tickets in %d wallets", len(tickets), holders), func() bool {
		return !slices.ContainsFunc(tickets, func(t vsp.Held) bool { return f.Holders(t.Ticket) != holders })
	})
}

// await waits for a condition and returns how long it took since begin.
func (f *fleet) await(begin time.Time, what string, cond func() bool) time.Duration {
	f.t.Helper()
	require.Eventually(f.t, cond, 30*time.Second, 5*time.Millisecond, what)
	took := time.Since(begin)
	f.t.Logf("%s after %v", what, took.Round(time.Millisecond))
	return took
}

// choices returns what a wallet itself says that it would vote with a ticket other than to abstain, and whether it has it.
func (f *fleet) choices(host int, ticket vsp.Held) (map[string]string, bool) {
	f.t.Helper()
	list, has, err := f.net.Voting[host].Wallet.RPC.VoteChoices(f.t.Context(), ticket.Ticket)
	require.NoError(f.t, err)
	chosen := make(map[string]string)
	for _, choice := range list {
		if choice.ChoiceID != "abstain" {
			chosen[choice.AgendaID] = choice.ChoiceID
		}
	}
	return chosen, has
}

// requireTicket returns the choices of a ticket that a wallet must have.
func (f *fleet) requireTicket(host int, ticket vsp.Held) map[string]string {
	f.t.Helper()
	chosen, has := f.choices(host, ticket)
	require.True(f.t, has, "wallet %d lacks a ticket that it is said to hold", host)
	return chosen
}

// TestRealWallets takes real wallets through what happens to wallets. The network is dear to start, so there is one, and
// each part goes on from where the one before has left it.
func TestRealWallets(t *testing.T) {
	f := newFleet(t, 3, 3)
	ctx := t.Context()
	tspend := strings.Repeat("ab", 32)
	key := "02" + strings.Repeat("cd", 32)
	tickets := f.buy(16)

	t.Run("every wallet gets every ticket and its choices", func(t *testing.T) {
		tickets[0].Choices = vsp.Choices{
			Agendas: map[string]string{"maxtreasuryspend": "yes", "nosuchagenda": "yes"},
			TSpends: map[string]string{tspend: "yes"}, Treasury: map[string]string{key: "no"},
		}
		f.holdAll(tickets, 3)
		for host := range 3 {
			for _, ticket := range tickets {
				f.requireTicket(host, ticket)
			}
			require.Equal(t, map[string]string{"maxtreasuryspend": "yes"}, f.requireTicket(host, tickets[0]))
			rpc := f.net.Voting[host].Wallet.RPC
			policy, err := rpc.TSpendPolicy(ctx, tspend, tickets[0].Ticket)
			require.NoError(t, err)
			require.Equal(t, "yes", policy)
			policies, err := rpc.TreasuryPolicies(ctx)
			require.NoError(t, err)
			require.Equal(t, []dcrrpc.TreasuryPolicy{{Key: key, Policy: "no", Ticket: tickets[0].Ticket.String()}}, policies)
			s := f.States()[host]
			require.True(t, s.Unlocked && s.Voting && s.NodeConnected)
			require.Equal(t, profile(t).VoteVersion, s.VoteVersion)
		}
	})

	t.Run("choices change", func(t *testing.T) {
		tickets[0].Choices = vsp.Choices{Agendas: map[string]string{"maxtreasuryspend": "no"}}
		f.holdAll(tickets[:1], 3)
		for host := range 3 {
			require.Equal(t, map[string]string{"maxtreasuryspend": "no"}, f.requireTicket(host, tickets[0]))
			policy, err := f.net.Voting[host].Wallet.RPC.TSpendPolicy(ctx, tspend, tickets[0].Ticket)
			require.NoError(t, err)
			require.Equal(t, "abstain", policy)
		}
	})

	t.Run("a killed wallet gets what it missed", func(t *testing.T) {
		w := f.net.Voting[2].Wallet
		w.Kill()
		begin := time.Now()
		f.await(begin, "outage seen", func() bool { return f.States()[2].Problem == vsp.Unreachable })
		more := f.buy(4)
		f.holdAll(more, 2)
		require.NoError(t, w.Start(ctx))
		begin = time.Now()
		f.await(begin, "return seen", func() bool { return f.States()[2].Online() })
		f.await(begin, "tickets held after the return", func() bool { return f.States()[2].Missing == 0 })
		for _, ticket := range more {
			f.requireTicket(2, ticket)
		}
		tickets = append(tickets, more...)
	})

	t.Run("an empty wallet gets everything", func(t *testing.T) {
		w := f.net.Voting[1].Wallet
		require.NoError(t, w.Stop(ctx))
		f.await(time.Now(), "outage seen", func() bool { return f.States()[1].Problem == vsp.Unreachable })
		require.NoError(t, w.Wipe(ctx))
		begin := time.Now()
		f.await(begin, "first ticket in the new wallet", func() bool { _, has := f.choices(1, tickets[0]); return has })
		f.await(begin, "everything held by the new wallet", func() bool {
			s := f.States()[1]
			return s.Online() && s.Missing == 0
		})
		for _, ticket := range tickets {
			f.requireTicket(1, ticket)
		}
		require.Equal(t, map[string]string{"maxtreasuryspend": "no"}, f.requireTicket(1, tickets[0]))
	})

	t.Run("a wallet wiped while the chain goes on votes again", func(t *testing.T) {
		tickets = append(tickets, f.buy(30)...)
		f.holdAll(tickets, 3)
		f.net.Chain.Run(500 * time.Millisecond)
		require.NoError(t, f.net.Voting[2].Wallet.Wipe(ctx))
		begin := time.Now()
		f.await(begin, "everything held by the new wallet", func() bool {
			if s := f.States()[2]; !s.Online() || s.Missing > 0 {
				return false
			}
			return !slices.ContainsFunc(tickets, func(ticket vsp.Held) bool { _, has := f.choices(2, ticket); return !has })
		})
		require.NoError(t, f.net.Chain.Pause())
		for _, other := range f.net.Voting[:2] {
			require.NoError(t, other.Wallet.Lock(ctx))
		}
		ticket, ok := f.drawn(f.unspent(tickets))
		require.True(t, ok)
		f.await(begin, "vote of the new wallet alone", func() bool { return f.voted(ticket.Ticket) })
		for _, other := range f.net.Voting[:2] {
			require.NoError(t, other.Wallet.Unlock(ctx))
		}
		f.await(begin, "the others' return", func() bool { return f.States()[0].Online() && f.States()[1].Online() })
	})

	t.Run("a locked wallet gets its tickets when unlocked", func(t *testing.T) {
		w := f.net.Voting[0].Wallet
		require.NoError(t, w.Lock(ctx))
		f.await(time.Now(), "lock seen", func() bool { return f.States()[0].Problem == vsp.Locked })
		more := f.buy(2)
		f.holdAll(more, 2)
		require.NoError(t, w.Unlock(ctx))
		f.await(time.Now(), "tickets held after unlocking", func() bool { return f.States()[0].Missing == 0 })
		f.requireTicket(0, more[0])
		tickets = append(tickets, more...)
	})

	t.Run("a wallet without its node is seen", func(t *testing.T) {
		node := f.net.Voting[0].Node
		for name, away := range map[string]func() error{
			"ended":  func() error { return node.Stop(ctx) },
			"killed": func() error { node.Kill(); return nil },
		} {
			require.NoError(t, away())
			f.await(time.Now(), "missing node seen, "+name, func() bool { return f.States()[0].Problem == vsp.NoNode })
			require.False(t, f.States()[0].NodeConnected)
			require.NoError(t, node.Start(ctx))
			f.await(time.Now(), "node's return seen, "+name, func() bool { return f.States()[0].Online() })
		}
		require.NoError(t, node.Freeze())
		f.await(time.Now(), "hanging node seen", func() bool {
			return f.States()[0].Problem == vsp.NoNode && strings.Contains(f.States()[0].Detail, "hangs")
		})
		require.NoError(t, node.Thaw())
		f.await(time.Now(), "node's awakening seen", func() bool { return f.States()[0].Online() })
	})

	t.Run("a wallet that hangs delays nobody", func(t *testing.T) {
		w := f.net.Voting[1].Wallet
		require.NoError(t, w.Freeze())
		more := f.buy(2)
		took := f.holdAll(more, 2)
		require.Less(t, took, 2*time.Second)
		f.await(time.Now(), "hanging wallet seen", func() bool {
			s := f.States()[1]
			return s.Problem == vsp.Unreachable && strings.Contains(s.Detail, "does not answer")
		})
		require.Equal(t, 2, f.States()[1].Missing)
		require.NoError(t, w.Thaw())
		f.await(time.Now(), "everything held after the awakening", func() bool {
			s := f.States()[1]
			return s.Online() && s.Missing == 0
		})
		tickets = append(tickets, more...)
	})

	t.Run("a key that comes after the drawing still votes", func(t *testing.T) {
		late := make(map[chainhash.Hash]vsp.Held)
		for _, ticket := range f.buy(48) {
			late[ticket.Ticket] = ticket
		}
		ticket, ok := f.drawn(late)
		require.True(t, ok)
		begin := time.Now()
		f.Hold(ticket)
		f.await(begin, "vote of a late ticket", func() bool { return f.voted(ticket.Ticket) })
		delete(late, ticket.Ticket)
		f.holdAll(slices.Collect(maps.Values(late)), 3)
	})

	t.Run("a wallet that is unlocked after the drawing still votes", func(t *testing.T) {
		for _, host := range f.net.Voting {
			require.NoError(t, host.Wallet.Lock(ctx))
		}
		f.await(time.Now(), "locks seen", func() bool {
			return !slices.ContainsFunc(f.States(), func(s vsp.VoterState) bool { return s.Problem != vsp.Locked })
		})
		ticket, ok := f.drawn(f.unspent(tickets))
		require.True(t, ok)
		require.False(t, f.voted(ticket.Ticket))
		require.NoError(t, f.net.Voting[1].Wallet.Unlock(ctx))
		f.await(time.Now(), "vote after unlocking", func() bool { return f.voted(ticket.Ticket) })
	})
}

// unspent returns the tickets that were neither voted with nor missed.
func (f *fleet) unspent(tickets []vsp.Held) map[chainhash.Hash]vsp.Held {
	fates := testnet.NewFates(f.net.FrontEnd)
	require.NoError(f.t, fates.Follow(f.t.Context()))
	all := make(map[chainhash.Hash]vsp.Held)
	for _, ticket := range tickets {
		if _, spent := fates.Of(ticket.Ticket); !spent {
			all[ticket.Ticket] = ticket
		}
	}
	return all
}

// drawn mines until one of some tickets is to vote on the tip.
func (f *fleet) drawn(tickets map[chainhash.Hash]vsp.Held) (vsp.Held, bool) {
	f.t.Helper()
	for range 60 {
		require.NoError(f.t, f.net.Chain.Mine(f.t.Context(), 1))
		tip, err := f.net.Chain.Height(f.t.Context())
		require.NoError(f.t, err)
		var d drawing
		for d.height != tip {
			select {
			case d = <-f.drawing:
			case <-time.After(20 * time.Second):
				require.FailNow(f.t, "no drawing was told", "block %d, last %d", tip, d.height)
			}
		}
		for _, winner := range d.winners {
			if ticket, ok := tickets[winner]; ok {
				return ticket, true
			}
		}
	}
	return vsp.Held{}, false
}

// voted reports whether a vote of the ticket is in the front end's mempool.
func (f *fleet) voted(ticket chainhash.Hash) bool {
	f.t.Helper()
	var votes []string
	require.NoError(f.t, f.net.FrontEnd.RPC.Call(f.t.Context(), &votes, "getrawmempool", false, "votes"))
	for _, text := range votes {
		var hash chainhash.Hash
		require.NoError(f.t, chainhash.Decode(&hash, text))
		vote, err := f.net.FrontEnd.RPC.Transaction(f.t.Context(), hash)
		if err == nil && vote.Tx.TxIn[1].PreviousOutPoint.Hash == ticket {
			return true
		}
	}
	return false
}
