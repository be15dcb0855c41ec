package blocks_test

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"scrutineer/testnet"
	"scrutineer/verifier/blocks"
	"scrutineer/verifier/blocks/blockstest"
	"scrutineer/verifier/votes"
	"scrutineer/vsp/dcrrpc"
)

const recorded = "../votes/testdata/simnet"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startNode runs a real node.
func startNode(t testing.TB, flags ...string) *blockstest.Node {
	t.Helper()
	checkout, err := testnet.Checkout(".")
	require.NoError(t, err)
	daemons, err := testnet.BuildBinaries(context.Background(), checkout, os.Stderr)
	require.NoError(t, err)
	node, err := blockstest.Start(context.Background(), daemons.Node, t.TempDir(), flags...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, node.Close()) })
	return node
}

// startRecorded runs a real node with the recorded chain.
func startRecorded(t testing.TB, flags ...string) *blockstest.Node {
	t.Helper()
	node := startNode(t, flags...)
	fed, err := node.Feed(context.Background(), filepath.Join(recorded, "blocks.gz"))
	require.NoError(t, err)
	require.Equal(t, 560, fed)
	return node
}

func readTickets(t testing.TB, name string) []chainhash.Hash {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(recorded, name))
	require.NoError(t, err)
	var firsts []string
	for line := range strings.Lines(string(text)) {
		firsts = append(firsts, strings.Fields(line)[0])
	}
	tickets, err := votes.ReadTickets(strings.NewReader(strings.Join(firsts, "\n")))
	require.NoError(t, err)
	require.NotEmpty(t, tickets)
	return tickets
}

func TestRealNode(t *testing.T) {
	rpc := startRecorded(t, "--txindex")
	node, ctx := blocks.Open(rpc.Config), t.Context()
	defer node.Close()

	profile, err := node.Network(ctx)
	require.NoError(t, err)
	require.Equal(t, "simnet", profile.Name)
	require.NoError(t, node.Synced(ctx))

	tip, err := node.Tip(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 560, tip.Height)
	require.ElementsMatch(t, readTickets(t, "live.txt"), tip.Live)

	tickets := readTickets(t, "wallet.txt")
	first, err := node.FirstPurchase(ctx, append([]chainhash.Hash{{1}}, tickets...))
	require.NoError(t, err)
	require.EqualValues(t, 28, first)
	first, err = node.FirstPurchase(ctx, []chainhash.Hash{{1}})
	require.NoError(t, err)
	require.Zero(t, first)

	for _, from := range []int64{1, 28, 300, 560} {
		ledger, err := votes.Tally(ctx, node, profile.Params, votes.Query{Tickets: tickets, From: from})
		require.NoError(t, err)
		require.Nil(t, ledger.Mismatch)
		if from <= 28 {
			require.Equal(t, []int{14, 140, 1}, []int{ledger.Count(votes.Missed), ledger.Count(votes.Voted), ledger.Count(votes.Expired)})
		}
	}

	t.Run("breaking off", func(t *testing.T) {
		for block, err := range node.Range(ctx, 1, tip) {
			require.NoError(t, err)
			if block.Header.Height == 5 {
				break
			}
		}
		cancelled, cancel := context.WithCancel(ctx)
		defer cancel()
		var last error
		for block, err := range node.Range(cancelled, 1, tip) {
			if last = err; err == nil && block.Header.Height == 5 {
				cancel()
			}
		}
		require.ErrorIs(t, last, context.Canceled)
	})

	t.Run("reorganisation", func(t *testing.T) {
		require.NoError(t, rpc.Call(ctx, nil, "invalidateblock", tip.Hash))
		require.ErrorIs(t, lastError(node.Range(ctx, 550, tip)), votes.ErrMoved)
		ledger, err := votes.Tally(ctx, node, profile.Params, votes.Query{Tickets: tickets, From: 300})
		require.NoError(t, err)
		require.EqualValues(t, 559, ledger.To)
		require.Nil(t, ledger.Mismatch)
		require.NoError(t, rpc.Call(ctx, nil, "reconsiderblock", tip.Hash))
	})

	t.Run("a block the node does not have", func(t *testing.T) {
		require.ErrorIs(t, lastError(node.Range(ctx, 561, votes.Tip{Height: 561, Hash: chainhash.Hash{1}})), votes.ErrMoved)
		require.ErrorContains(t, lastError(node.Range(ctx, 700, tip)), "block 699: getblockhash")
	})
}

// lastError reads all that there is and returns how it ended.
func lastError(all iter.Seq2[*wire.MsgBlock, error]) (err error) {
	for _, err = range all {
	}
	return err
}

func TestNodeWithoutIndex(t *testing.T) {
	node := blocks.New(startNode(t).Node)
	_, err := node.FirstPurchase(t.Context(), []chainhash.Hash{{1}})
	require.ErrorIs(t, err, blocks.ErrNoIndex)
}

func TestNobodyThere(t *testing.T) {
	rpc := dcrrpc.NewNode(dcrrpc.Config{Address: "127.0.0.1:1", User: "u", Password: "p"})
	defer rpc.Close()
	_, err := votes.Tally(t.Context(), blocks.New(rpc), nil, votes.Query{From: 1})
	require.ErrorIs(t, err, dcrrpc.ErrUnreachable)
}
