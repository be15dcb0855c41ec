package chain_test

import (
	"context"
	"encoding/hex"
	"os"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/testnet"
	"scrutineer/vsp"
	"scrutineer/vsp/chain"
	"scrutineer/vsp/dcrrpc"
)

func startNetwork(t *testing.T) *testnet.Network {
	if testing.Short() {
		require.Empty(t, os.Getenv("CI"), "a real node must be tested")
		t.Skip("not checked: the chain on a real node")
	}
	checkout, err := testnet.Checkout(".")
	require.NoError(t, err)
	binaries, err := testnet.BuildBinaries(t.Context(), checkout, nil)
	require.NoError(t, err)
	n, err := testnet.Start(t.Context(), testnet.Plan{Dir: t.TempDir(), Binaries: binaries, VotingHosts: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n
}

// coin is an output that the client can spend.
type coin struct {
	TxID   string  `json:"txid"`
	Vout   uint32  `json:"vout"`
	Tree   int8    `json:"tree"`
	Amount float64 `json:"amount"`
}

// purse makes transactions of the client's coins.
type purse struct {
	t     *testing.T
	rpc   *dcrrpc.Wallet
	coins []coin
}

// take returns a coin that was not taken yet.
func (p *purse) take() coin {
	p.t.Helper()
	require.NotEmpty(p.t, p.coins)
	c := p.coins[0]
	p.coins = p.coins[1:]
	return c
}

// spend returns a signed transaction of coins that leaves a fee, in coins.
func (p *purse) spend(fee float64, coins ...coin) *wire.MsgTx {
	p.t.Helper()
	var address, unsigned string
	require.NoError(p.t, p.rpc.Call(p.t.Context(), &address, "getnewaddress", "default", "wrap"))
	sum := -fee
	for _, c := range coins {
		sum += c.Amount
	}
	outputs := map[string]float64{address: float64(int64(sum*1e8+0.5)) / 1e8}
	require.NoError(p.t, p.rpc.Call(p.t.Context(), &unsigned, "createrawtransaction", coins, outputs))
	var signed struct {
		Hex string `json:"hex"`
	}
	require.NoError(p.t, p.rpc.Call(p.t.Context(), &signed, "signrawtransaction", unsigned))
	raw, err := hex.DecodeString(signed.Hex)
	require.NoError(p.t, err)
	tx := new(wire.MsgTx)
	require.NoError(p.t, tx.FromBytes(raw))
	return tx
}

// outOf returns the first output of a transaction as a coin.
func outOf(tx *wire.MsgTx) coin {
	return coin{TxID: tx.TxHash().String(), Amount: float64(tx.TxOut[0].Value) / 1e8}
}

// respend returns a transaction that spends what another does, in another way.
func respend(tx *wire.MsgTx, to chainhash.Hash) *wire.MsgTx {
	changed := tx.Copy()
	changed.TxIn[0].PreviousOutPoint.Hash = to
	return changed
}

// TestRealNode takes a real node through what the chain promises. Its parts go on from one another.
func TestRealNode(t *testing.T) {
	n := startNetwork(t)
	ctx := t.Context()
	config := dcrrpc.Config{Address: n.FrontEnd.RPCAddress, User: n.User, Password: n.Password, CertPEM: n.CertPEM}
	c := newChain(t, config, new(buffer))
	c.Poll = 200 * time.Millisecond
	require.NoError(t, c.Check(ctx))
	tickets, err := n.Buy(ctx, 2)
	require.NoError(t, err)
	p := &purse{t: t, rpc: n.Client.RPC}
	require.NoError(t, n.Client.RPC.Call(ctx, &p.coins, "listunspent", 2))

	mine := func() {
		t.Helper()
		require.NoError(t, n.Chain.Mine(ctx, 3))
		height, err := n.Chain.Height(ctx)
		require.NoError(t, err)
		require.Eventually(t, func() bool { tip, err := c.Tip(ctx); return err == nil && tip.Height == height }, soon, time.Millisecond)
	}
	mined := func(tx *wire.MsgTx) {
		t.Helper()
		require.Eventually(t, func() bool {
			mine()
			found, err := c.Transaction(ctx, tx.TxHash())
			return err == nil && found.Confirmations > 0
		}, soon, time.Millisecond)
	}

	t.Run("reading", func(t *testing.T) {
		mine()
		tip, err := c.Tip(ctx)
		require.NoError(t, err)
		require.Positive(t, tip.PoolSize)
		require.Positive(t, tip.StakeDifficulty)
		block, err := c.Block(ctx, tip.Height)
		require.NoError(t, err)
		require.Equal(t, tip.Hash, block.BlockHash())
		for _, height := range []int64{tip.Height + 1, -1} {
			_, err = c.Block(ctx, height)
			require.ErrorIs(t, err, vsp.ErrNoBlock)
		}
		ticket, err := c.Transaction(ctx, tickets[0])
		require.NoError(t, err)
		require.Equal(t, tip.Height-ticket.Height+1, ticket.Confirmations)
		bought, err := c.Block(ctx, ticket.Height)
		require.NoError(t, err)
		require.Equal(t, ticket.Block, bought.BlockHash())
		_, err = c.Transaction(ctx, chainhash.Hash{1})
		require.ErrorIs(t, err, vsp.ErrNoTransaction)
		live, err := c.Live(ctx, tickets[0])
		require.NoError(t, err)
		require.False(t, live, "too young")
	})

	t.Run("the node's other methods", func(t *testing.T) {
		node := n.FrontEnd.RPC
		pool, err := node.LiveTickets(ctx)
		require.NoError(t, err)
		require.NotEmpty(t, pool)
		live, err := c.Live(ctx, pool[0])
		require.NoError(t, err)
		require.True(t, live)
		peers, err := node.PeerCount(ctx)
		require.NoError(t, err)
		require.Positive(t, peers)
		net, err := node.CurrentNet(ctx)
		require.NoError(t, err)
		require.Equal(t, chaincfg.SimNetParams().Net, net)
		versions, err := node.Versions(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 2, versions["dcrd"].Major)
	})

	t.Run("publishing", func(t *testing.T) {
		first := p.spend(0.001, p.take())
		for range 2 {
			require.NoError(t, c.Publish(ctx, first), "new, then in the mempool")
		}
		pooled, err := c.Transaction(ctx, first.TxHash())
		require.NoError(t, err)
		require.Zero(t, pooled.Confirmations)
		double := p.spend(0.002, coin{first.TxIn[0].PreviousOutPoint.Hash.String(), first.TxIn[0].PreviousOutPoint.Index, 0,
			float64(first.TxIn[0].ValueIn) / 1e8})
		err = c.Publish(ctx, double)
		require.ErrorIs(t, err, vsp.ErrRefused)
		require.ErrorContains(t, err, "already spends the same coins")

		mined(first)
		require.NoError(t, c.Publish(ctx, first), "mined")
		require.ErrorIs(t, c.Publish(ctx, double), vsp.ErrRefused, "its coin is spent in a block")

		second := p.spend(0.001, outOf(first))
		require.NoError(t, c.Publish(ctx, second))
		mined(second)
		require.NoError(t, c.Publish(ctx, first), "mined, and all its outputs spent")

		require.ErrorIs(t, c.Publish(ctx, respend(first, chainhash.Hash{7})), vsp.ErrOrphan)
		require.ErrorIs(t, c.Publish(ctx, p.spend(0, p.coins[0])), vsp.ErrRefused, "no fee")
		require.ErrorIs(t, c.Publish(ctx, p.spend(p.coins[0].Amount/2, p.coins[0])), vsp.ErrRefused, "too high a fee")
		forged := p.spend(0.001, p.take())
		forged.TxOut[0].Value--
		require.ErrorIs(t, c.Publish(ctx, forged), vsp.ErrRefused, "bad signature")

		tip, err := c.Tip(ctx)
		require.NoError(t, err)
		young, err := c.Block(ctx, tip.Height)
		require.NoError(t, err)
		immature := respend(first, young.Transactions[0].TxHash())
		immature.TxIn[0].PreviousOutPoint.Index = uint32(len(young.Transactions[0].TxOut) - 1)
		err = c.Publish(ctx, immature)
		require.ErrorContains(t, err, "before required maturity")
		require.NotErrorIs(t, err, vsp.ErrRefused)
	})

	t.Run("standing", func(t *testing.T) { standingOfRealNode(t, n, c) })

	t.Run("the node restarts", func(t *testing.T) {
		runCtx, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); c.Run(runCtx) }()
		defer func() { cancel(); <-done }()
		await := func() {
			t.Helper()
			select {
			case <-c.Moved():
			case <-time.After(soon):
				require.FailNow(t, "not moved")
			}
		}
		await()
		require.NoError(t, n.Chain.Mine(ctx, 1))
		await()
		require.NoError(t, n.FrontEnd.Stop(ctx))
		unreachable(t, c)
		require.NoError(t, n.FrontEnd.Start(ctx))
		_, err := c.Tip(ctx)
		require.NoError(t, err, "the first call after the restart")
		await()
		require.NoError(t, n.Chain.Mine(ctx, 1))
		await()
	})
}

// standingOfRealNode lets peers come and go, and lie.
func standingOfRealNode(t *testing.T, n *testnet.Network, c *chain.Chain) {
	ctx := t.Context()
	until := func(what string, cond func(vsp.Standing) bool) vsp.Standing {
		t.Helper()
		var last vsp.Standing
		require.Eventually(t, func() bool {
			standing, err := c.Standing(ctx)
			require.NoError(t, err)
			last = standing
			return cond(standing)
		}, soon, 10*time.Millisecond, what)
		return last
	}
	begin := time.Now()
	const looks = 100
	for range looks {
		_, err := c.Standing(ctx)
		require.NoError(t, err)
	}
	t.Logf("%v for each look", time.Since(begin)/looks)

	tip, err := c.Tip(ctx)
	require.NoError(t, err)
	standing := until("one peer", func(s vsp.Standing) bool { return s.Peers == 1 })
	require.Equal(t, tip, standing.Tip)
	require.WithinDuration(t, time.Now(), standing.TipTime, time.Hour)
	require.Regexp(t, `^2\.\d+\.\d+`, standing.Version)
	require.Zero(t, standing.Offset)
	require.Equal(t, tip.Height, standing.PeerHeight, "who mines tells of each block")

	liars := newImpostor(t, 100_000, 24*time.Hour)
	for range 5 {
		liars.call(n.FrontEnd.PeerAddress)
	}
	standing = until("six peers", func(s vsp.Standing) bool { return s.Peers == 6 })
	require.Equal(t, tip.Height, standing.PeerHeight, "nobody asked them")
	require.Zero(t, standing.Offset)

	require.NoError(t, n.FrontEnd.Cut(ctx))
	standing = until("five peers", func(s vsp.Standing) bool { return s.Peers == 5 })
	require.EqualValues(t, 100_000, standing.PeerHeight, "there is nobody else")
	require.InDelta(t, 24*time.Hour, standing.Offset, float64(2*time.Second))
	liars.end()
	standing = until("alone", func(s vsp.Standing) bool { return s.Peers == 0 })
	require.Zero(t, standing.PeerHeight)
	require.NoError(t, n.FrontEnd.Join(ctx))
	until("its peer again", func(s vsp.Standing) bool { return s.Peers == 1 && s.PeerHeight == tip.Height })

	ahead := newImpostor(t, 1000, 0)
	require.NoError(t, n.FrontEnd.RPC.Call(ctx, nil, "node", "connect", ahead.listen(), "temp"))
	standing = until("a peer ahead", func(s vsp.Standing) bool { return s.Peers == 2 })
	require.Equal(t, tip.Height, standing.PeerHeight, "one of two")
	require.NoError(t, n.FrontEnd.Cut(ctx))
	until("the peer ahead alone", func(s vsp.Standing) bool { return s.Peers == 1 && s.PeerHeight == 1000 })
	ahead.end()
	require.NoError(t, n.FrontEnd.Join(ctx))
	until("its peer at last", func(s vsp.Standing) bool { return s.Peers == 1 && s.PeerHeight == tip.Height })
}

func unreachable(t *testing.T, c *chain.Chain) {
	t.Helper()
	tx := wire.NewMsgTx()
	for _, err := range []error{second(c.Tip(t.Context())), c.Publish(t.Context(), tx)} {
		require.ErrorIs(t, err, dcrrpc.ErrUnreachable)
		require.NotErrorIs(t, err, vsp.ErrRefused)
	}
}
