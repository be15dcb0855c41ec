package wallet_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrec"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"scrutineer/testnet"
	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/wallet"
)

// stocked is a ticket as a wallet takes it, ready to be sent.
type stocked struct {
	vsp.Held
	block chainhash.Hash
	tx    string // in hex
}

// The choices that every ticket of a bulk has, one of each kind.
var (
	bulkAgenda = "maxtreasuryspend"
	bulkTSpend = strings.Repeat("ab", 32)
	bulkKey    = "02" + strings.Repeat("cd", 32)
)

// stock buys tickets for keys of our own. Our pool votes with them meanwhile, as the chain could not go on without them
// otherwise, and takes them between blocks, without policies: see setPolicy.
func (f *fleet) stock(count int) []stocked {
	f.t.Helper()
	params := profile(f.t).Params
	keys := make(map[string]vsp.Secret)
	var voters []stdaddr.StakeAddress
	for range count {
		key, err := secp256k1.GeneratePrivateKey()
		require.NoError(f.t, err)
		wif, err := dcrutil.NewWIF(key.Serialize(), params.PrivateKeyID, dcrec.STEcdsaSecp256k1)
		require.NoError(f.t, err)
		hash := stdaddr.Hash160(key.PubKey().SerializeCompressed())
		voter, err := stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(hash, params)
		require.NoError(f.t, err)
		keys[voter.String()] = vsp.Secret(wif.String())
		voters = append(voters, voter)
	}
	var all []stocked
	err := f.net.Chain.Grant(f.t.Context(), voters, func(tickets []testnet.Granted) error {
		for _, g := range tickets {
			held := vsp.Held{Ticket: g.Tx.TxHash(), PurchaseHeight: g.Height, VotingKey: keys[g.Voter.String()]}
			f.Hold(held)
			all = append(all, f.stocked(held))
		}
		f.await(time.Now(), fmt.Sprint(len(all), " tickets held"), func() bool { return f.States()[0].Missing == 0 })
		return nil
	})
	require.NoError(f.t, err)
	for i := range all {
		all[i].Choices = vsp.Choices{Agendas: map[string]string{bulkAgenda: "yes"},
			TSpends: map[string]string{bulkTSpend: "yes"}, Treasury: map[string]string{bulkKey: "no"}}
	}
	return all
}

// stocked looks a ticket up.
func (f *fleet) stocked(held vsp.Held) stocked {
	var tx vsp.ChainTx
	require.Eventually(f.t, func() (mined bool) {
		var err error
		tx, err = f.chain.Transaction(f.t.Context(), held.Ticket)
		return err == nil && tx.Confirmations > 0
	}, soon, tick)
	raw, err := tx.Tx.Bytes()
	require.NoError(f.t, err)
	return stocked{held, tx.Block, hex.EncodeToString(raw)}
}

// eachOf makes calls to a wallet for every ticket, in order for one ticket, eight tickets at a time, which measured as well as
// any other number from 1 to 32. Nothing of ours is in between.
func (f *fleet) eachOf(w *dcrrpc.Wallet, tickets []stocked, calls func(t stocked) [][]any) {
	group, ctx := errgroup.WithContext(f.t.Context())
	group.SetLimit(8)
	for _, t := range tickets {
		group.Go(func() error {
			for _, call := range calls(t) {
				if err := w.Call(ctx, nil, call[0].(string), call[1:]...); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(f.t, group.Wait())
}

func (t stocked) key() []any {
	return []any{"importprivkey", string(t.VotingKey), "imported", false, 0}
}

func (t stocked) choose() [][]any {
	return [][]any{
		{"setvotechoice", bulkAgenda, "yes", t.Ticket},
		{"settspendpolicy", bulkTSpend, "yes", t.Ticket},
		{"settreasurypolicy", bulkKey, "no", t.Ticket},
	}
}

// directly gives a wallet tickets from memory.
func (f *fleet) directly(w *dcrrpc.Wallet, tickets []stocked) {
	f.eachOf(w, tickets, func(t stocked) [][]any {
		return append([][]any{t.key(), {"addtransaction", t.block, t.tx}}, t.choose()...)
	})
}

// byRescan lets a wallet find the tickets in blocks by itself. That saves it five milliseconds a ticket here, where the blocks
// are few, small and full of them. A real VSP's thousand tickets are spread over 40,000 blocks, and its node would have to read
// each, which takes it a tenth of a millisecond even if they are as small as here: the pool does not do it. Nor does a rescan
// always find every ticket: what it has left out is brought directly, and counted.
func (f *fleet) byRescan(w *dcrrpc.Wallet, tickets []stocked) {
	f.eachOf(w, tickets, func(t stocked) [][]any { return [][]any{t.key()} })
	require.NoError(f.t, w.CallTimeout(f.t.Context(), time.Minute, nil, "rescanwallet", tickets[0].PurchaseHeight))
	lacking := slices.DeleteFunc(slices.Clone(tickets), func(t stocked) bool {
		_, has, err := w.VoteChoices(f.t.Context(), t.Ticket)
		require.NoError(f.t, err)
		return has
	})
	f.eachOf(w, lacking, func(t stocked) [][]any { return [][]any{{"addtransaction", t.block, t.tx}} })
	f.eachOf(w, tickets, stocked.choose)
	f.t.Logf("a rescan has left out %d of %d tickets", len(lacking), len(tickets))
}

// byPool has a new pool bring tickets to the wallet of a host.
func (f *fleet) byPool(host testnet.Host, tickets []stocked) {
	p := f.pool([]testnet.Host{host}, wallet.Options{Log: f.log})
	for _, t := range tickets {
		p.Hold(t.Held)
	}
	end := f.run(p)
	defer end()
	require.Eventually(f.t, func() bool { return p.States()[0].Missing == 0 }, 10*time.Minute, tick)
}

// wiped empties a host's wallet, and returns how long an act on it takes then.
func (f *fleet) wiped(host testnet.Host, act func()) time.Duration {
	require.NoError(f.t, host.Wallet.Wipe(f.t.Context()))
	begin := time.Now()
	act()
	return time.Since(begin)
}

// TestBulk brings an empty wallet many tickets and then asks it for every one. It says how long that took, and does not judge
// it: the machine may have other things to do.
func TestBulk(t *testing.T) {
	f := newFleet(t, 2, 1)
	host := f.net.Voting[1]
	tickets := f.stock(120)
	direct := f.wiped(host, func() { f.directly(host.Wallet.RPC, tickets) })
	f.requireAll(host.Wallet.RPC, tickets)
	pool := f.wiped(host, func() { f.byPool(host, tickets) })
	f.requireAll(host.Wallet.RPC, tickets)
	t.Logf("%d tickets: directly %v, by the pool %v", len(tickets), direct, pool)
}

// requireAll asks a wallet itself for all tickets and their choices.
func (f *fleet) requireAll(w *dcrrpc.Wallet, tickets []stocked) {
	f.t.Helper()
	ctx := context.Background()
	policies, err := w.TreasuryPolicies(ctx)
	require.NoError(f.t, err)
	for _, t := range tickets {
		choices, has, err := w.VoteChoices(ctx, t.Ticket)
		require.NoError(f.t, err)
		require.True(f.t, has)
		require.Contains(f.t, choices, dcrrpc.Choice{AgendaID: bulkAgenda, ChoiceID: "yes"})
		policy, err := w.TSpendPolicy(ctx, bulkTSpend, t.Ticket)
		require.NoError(f.t, err)
		require.Equal(f.t, "yes", policy)
		require.Contains(f.t, policies, dcrrpc.TreasuryPolicy{Key: bulkKey, Policy: "no", Ticket: t.Ticket.String()})
	}
}

// BenchmarkBulk is a wallet that has to be replaced while a VSP has a thousand tickets, each with a choice of each kind: how
// long it takes the wallet to write them down, and how long the pool needs for it, in the same run, turn by turn.
func BenchmarkBulk(b *testing.B) {
	f := newFleet(b, 2, 1)
	host := f.net.Voting[1]
	tickets := f.stock(1000)
	var direct, rescan, pool []time.Duration
	for b.Loop() {
		for range 3 {
			direct = append(direct, f.wiped(host, func() { f.directly(host.Wallet.RPC, tickets) }))
			pool = append(pool, f.wiped(host, func() { f.byPool(host, tickets) }))
			rescan = append(rescan, f.wiped(host, func() { f.byRescan(host.Wallet.RPC, tickets) }))
		}
	}
	f.requireAll(host.Wallet.RPC, tickets)
	b.Logf("directly %v, by the pool %v, by a rescan %v", direct, pool, rescan)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(direct).Seconds(), "s/direct")
	b.ReportMetric(median(rescan).Seconds(), "s/rescan")
	b.ReportMetric(median(pool).Seconds(), "s/pool")
	b.ReportMetric(median(pool).Seconds()/median(direct).Seconds(), "pool/direct")
	b.ReportMetric(median(pool).Seconds()/median(rescan).Seconds(), "pool/rescan")
	live, err := f.net.FrontEnd.RPC.LiveTickets(b.Context())
	require.NoError(b, err)
	alive := slices.DeleteFunc(tickets, func(t stocked) bool { return !slices.Contains(live, t.Ticket) })
	b.ReportMetric(float64(len(alive)), "live")
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
