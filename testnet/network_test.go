package testnet

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(helperVariable) != "" {
		helper()
		return
	}
	goleak.VerifyTestMain(m)
}

// testTimeout bounds each wait of a test for a real daemon.
const testTimeout = 90 * time.Second

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

// testDaemons builds the daemons of this checkout, which takes a second once they have been built before.
func testDaemons(t testing.TB) Binaries {
	checkout, err := Checkout(".")
	require.NoError(t, err)
	binaries, err := BuildBinaries(t.Context(), checkout, os.Stderr)
	require.NoError(t, err)
	return binaries
}

// testPrograms builds programs of this checkout, and returns their files in the same order.
func testPrograms(t testing.TB, names ...string) []string {
	checkout, err := Checkout(".")
	require.NoError(t, err)
	programs, err := BuildPrograms(t.Context(), checkout, os.Stderr, names...)
	require.NoError(t, err)
	return programs
}

func startTest(t testing.TB, plan Plan) *Network {
	plan.Dir, plan.Binaries = t.TempDir(), testDaemons(t)
	ctx := testContext(t)
	begin := time.Now()
	n, err := Start(ctx, plan)
	require.NoError(t, err)
	t.Logf("network up with votes cast after %.1f s", time.Since(begin).Seconds())
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n
}

// blocks returns the blocks of a node's main chain from a height on.
func blocks(t *testing.T, node *Node, from int64) []*wire.MsgBlock {
	tip, _, err := node.RPC.BestBlock(t.Context())
	require.NoError(t, err)
	var all []*wire.MsgBlock
	for height := from; height <= tip; height++ {
		hash, err := node.RPC.BlockHash(t.Context(), height)
		require.NoError(t, err)
		block, err := node.RPC.Block(t.Context(), hash)
		require.NoError(t, err)
		all = append(all, block)
	}
	return all
}

// requireFullVotes says that the chain has no missing vote from a height on, and no block that was left aside.
func requireFullVotes(t *testing.T, n *Network, from int64) {
	all := blocks(t, n.Miner, from)
	require.NotEmpty(t, all)
	for _, block := range all {
		require.EqualValues(t, 5, block.Header.Voters, "votes in block %d", block.Header.Height)
		require.Zero(t, block.Header.Revocations, "revocations in block %d", block.Header.Height)
	}
	var tips []struct {
		Height int64  `json:"height"`
		Status string `json:"status"`
	}
	require.NoError(t, n.Miner.RPC.Call(t.Context(), &tips, "getchaintips"))
	require.Len(t, tips, 1, "%v", tips)
}

func TestNetworkVotes(t *testing.T) {
	t.Parallel()
	n := startTest(t, Plan{Seed: 1})
	ctx := testContext(t)
	begin, const20 := time.Now(), 20
	require.NoError(t, n.Chain.Mine(ctx, const20))
	t.Logf("%.1f blocks a second, tickets bought", float64(const20)/time.Since(begin).Seconds())
	requireFullVotes(t, n, n.Chain.params.StakeValidationHeight)

	var tickets int
	for _, block := range blocks(t, n.Miner, 1) {
		tickets += int(block.Header.FreshStake) - int(block.Header.Voters)
	}
	require.InDelta(t, n.Plan.Tickets, tickets, 25, "tickets in play")

	_, err := Start(ctx, n.Plan)
	require.ErrorContains(t, err, "must not have been used before")

	var processes []*Process
	for _, node := range n.Nodes() {
		processes = append(processes, node.process)
	}
	for _, wallet := range n.Wallets() {
		processes = append(processes, wallet.process)
	}
	require.NoError(t, n.Close())
	for _, process := range processes {
		require.False(t, process.Running(), process.Program.Name)
		require.False(t, process.entry.alive(), process.Program.Name)
	}
	require.NoError(t, n.Close(), "closing twice")
}

// A start that fails says which daemon and why, and leaves nothing running.
func TestStartFails(t *testing.T) {
	daemons := testDaemons(t)
	plan := Plan{Dir: t.TempDir(), Binaries: Binaries{Node: daemons.Node, Wallet: "/bin/false"}}
	_, err := Start(testContext(t), plan)
	require.ErrorContains(t, err, "create miner wallet")
	require.Empty(t, register.running)

	plan.Dir = t.TempDir()
	plan.Binaries = Binaries{Node: "/bin/false", Wallet: daemons.Wallet}
	_, err = Start(testContext(t), plan)
	require.ErrorContains(t, err, "ended")
}

// entrust gives the client's tickets to all voting wallets, as a VSP does.
func entrust(t *testing.T, n *Network, tickets []chainhash.Hash) {
	ctx := testContext(t)
	require.NoError(t, n.awaitTip(ctx, n.FrontEnd))
	for _, hash := range tickets {
		ticket, err := n.FrontEnd.RPC.Transaction(ctx, hash)
		require.NoError(t, err)
		var answer struct {
			Vout []struct {
				ScriptPubKey struct {
					Addresses []string `json:"addresses"`
				} `json:"scriptPubKey"`
			} `json:"vout"`
		}
		require.NoError(t, n.FrontEnd.RPC.Call(ctx, &answer, "getrawtransaction", hash, 1))
		var key string
		require.NoError(t, n.Client.RPC.Call(ctx, &key, "dumpprivkey", answer.Vout[0].ScriptPubKey.Addresses[0]))
		for _, host := range n.Voting {
			require.NoError(t, n.awaitTip(ctx, host.Node))
			require.NoError(t, host.Wallet.RPC.ImportVotingKey(ctx, key))
			require.NoError(t, host.Wallet.RPC.AddTransaction(ctx, ticket.BlockHash, ticket.Tx))
		}
	}
}

// mineUntil mines until cond holds for the newest block.
func mineUntil(t *testing.T, n *Network, what string, atMost int, cond func(wire.BlockHeader) bool) int64 {
	ctx := testContext(t)
	for range atMost {
		require.NoError(t, n.Chain.Mine(ctx, 1))
		_, hash, err := n.Miner.RPC.BestBlock(ctx)
		require.NoError(t, err)
		header, err := n.Miner.RPC.Header(ctx, hash)
		require.NoError(t, err)
		if cond(*header) {
			return int64(header.Height)
		}
	}
	require.Fail(t, "not in time", "%s in %d blocks", what, atMost)
	return 0
}

// The drills of a trial on tickets of which the voting hosts have the keys: nothing is missed while one of them can vote,
// something is while none can, the chain goes on all the time, and once they are back nothing is missed any more.
func TestDrills(t *testing.T) {
	t.Parallel()
	n := startTest(t, Plan{Seed: 2, Tickets: 200, VotingHosts: 2})
	ctx := testContext(t)
	begin := time.Now()
	tickets, err := n.Buy(ctx, 30)
	require.NoError(t, err)
	require.Len(t, tickets, 30)
	t.Logf("30 tickets bought by the client in %.1f s", time.Since(begin).Seconds())
	entrust(t, n, tickets)
	require.NoError(t, n.Chain.Mine(ctx, int(n.Chain.params.TicketMaturity)))
	first, second := n.Voting[0].Wallet, n.Voting[1].Wallet

	first.Kill()
	require.False(t, first.Running())
	require.NoError(t, n.Chain.Mine(ctx, 8))
	n.Chain.Run(50 * time.Millisecond)
	require.NoError(t, first.Start(ctx), "while blocks come")
	require.NoError(t, n.Chain.Pause())
	require.NoError(t, second.Lock(ctx))
	require.NoError(t, n.Chain.Mine(ctx, 8))
	requireFullVotes(t, n, n.Chain.params.StakeValidationHeight)
	require.NotZero(t, votesOf(t, n, tickets), "none of the tickets in question has voted")

	require.NoError(t, first.Lock(ctx))
	missed := mineUntil(t, n, "a miss", 40, func(h wire.BlockHeader) bool { return h.Voters < 5 })
	for _, block := range blocks(t, n.Miner, missed) {
		require.EqualValues(t, 5-block.Header.Voters, block.Header.Revocations)
	}
	var unlocked int64
	require.NoError(t, n.Chain.Between(ctx, func(height int64) error {
		unlocked = height
		require.NoError(t, first.Unlock(ctx))
		return second.Unlock(ctx)
	}))
	require.NoError(t, n.Chain.Mine(ctx, 10))
	requireFullVotes(t, n, unlocked+1)
}

// votesOf counts the votes of some tickets on the chain.
func votesOf(t *testing.T, n *Network, tickets []chainhash.Hash) int {
	mine := make(map[chainhash.Hash]bool)
	for _, ticket := range tickets {
		mine[ticket] = true
	}
	count := 0
	for _, block := range blocks(t, n.Miner, n.Chain.params.StakeValidationHeight) {
		for _, tx := range block.STransactions {
			if len(tx.TxIn) == 2 && mine[tx.TxIn[1].PreviousOutPoint.Hash] {
				count++
			}
		}
	}
	return count
}

// A block that lacks votes gets them once the wallets are brought back, and they end as they were.
func TestStallIsRevived(t *testing.T) {
	t.Parallel()
	n := startTest(t, Plan{Seed: 3, VotingHosts: 1})
	ctx, wallet := testContext(t), n.MinerWallet
	require.NoError(t, wallet.Lock(ctx))
	require.NoError(t, n.Chain.Mine(ctx, 2)) // it may have voted on the first before it was locked
	info, err := wallet.RPC.Info(ctx)
	require.NoError(t, err)
	require.False(t, info.Unlocked, "left unlocked")
	require.NoError(t, wallet.Unlock(ctx))

	require.NoError(t, wallet.Stop(ctx))
	require.NoError(t, n.Chain.Mine(ctx, 2))
	require.False(t, wallet.Running(), "left running")
	require.NoError(t, wallet.Start(ctx))
	require.NoError(t, n.Chain.Mine(ctx, 2))
	requireFullVotes(t, n, n.Chain.params.StakeValidationHeight)
}

func BenchmarkNetworkStart(b *testing.B) {
	binaries := testDaemons(b)
	for i := range b.N {
		n, err := Start(b.Context(), Plan{Dir: fmt.Sprintf("%s/%d", b.TempDir(), i), Binaries: binaries})
		require.NoError(b, err)
		b.StopTimer()
		require.NoError(b, n.Close())
		b.StartTimer()
	}
}
