package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/testnet"
	"scrutineer/vsp"
)

const patience = 3 * time.Minute // on a machine that does much else

// operated is a VSP on real daemons, and what its operator types.
type operated struct {
	t      *testing.T
	config string
}

// run carries out a command and returns its output, which must come with the exit code wanted.
func (o operated) run(code int, args ...string) string {
	o.t.Helper()
	out, err := exec.CommandContext(o.t.Context(), "vsp", append(args, "--config", o.config)...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		require.Equal(o.t, code, exit.ExitCode(), "vsp %v:\n%s", args, out)
	} else {
		require.NoError(o.t, err)
		require.Zero(o.t, code, "vsp %v:\n%s", args, out)
	}
	return string(out)
}

func (o operated) wallets(code int) (views []walletView) {
	o.t.Helper()
	out, err := exec.CommandContext(o.t.Context(), "vsp", "wallets", "status", "--json", "--config", o.config).Output()
	var exit *exec.ExitError
	require.Equal(o.t, code != 0, errors.As(err, &exit), "%v", err)
	require.NoError(o.t, json.Unmarshal(out, &views))
	return views
}

// awaitFees waits until the fees of so many tickets have come so far.
func (o operated) awaitFees(tickets int, status vsp.FeeStatus) (views []ticketView) {
	o.t.Helper()
	require.Eventually(o.t, func() bool {
		require.NoError(o.t, json.Unmarshal([]byte(o.run(0, "tickets", "list", "--json")), &views))
		return len(views) == tickets && !slices.ContainsFunc(views, func(v ticketView) bool { return v.Fee.Status != string(status) })
	}, patience, 100*time.Millisecond, "fees to be %s", status)
	return views
}

// TestWalletsOfARealNetwork looks at wallets that are well, wiped and locked, and brings one what it lacks.
func TestWalletsOfARealNetwork(t *testing.T) {
	if testing.Short() {
		require.Empty(t, os.Getenv("CI"), "real wallets must be tested")
		t.Skip("not checked: administration on real wallets")
	}
	const tickets = 4
	n, v := startOperated(t, tickets)
	o := operated{t, filepath.Join(n.Plan.Dir, "data", "vsp", "vsp.toml")}
	require.Contains(t, o.run(0, "check"), "wallet-2 (")
	for _, w := range o.wallets(0) {
		require.True(t, w.Ready, "%+v", w)
		require.Zero(t, *w.Missing)
		require.NotNil(t, w.Since, "the running service was asked")
	}

	require.NoError(t, v.Stop(t.Context()))
	require.NoError(t, n.Voting[1].Wallet.Wipe(t.Context()))
	views := o.wallets(0)
	require.Zero(t, *views[0].Missing)
	require.Equal(t, tickets, *views[1].Missing)
	require.Nil(t, views[1].Since)
	require.Equal(t, "wallet-2: has all 4 tickets\n", o.run(0, "wallets", "resync", "wallet-2"))
	require.Zero(t, *o.wallets(0)[1].Missing)

	require.NoError(t, n.Voting[0].Wallet.RPC.Call(t.Context(), nil, "walletlock"))
	n.Voting[1].Wallet.Kill()
	views = o.wallets(1)
	require.Equal(t, "locked", views[0].Problem)
	require.Equal(t, "unreachable", views[1].Problem)
	require.Contains(t, o.run(1, "check"), "is locked: unlock it")
	require.Contains(t, o.run(1, "wallets", "resync", "wallet-2"), "wallet-2: cannot be reached:")
	require.Contains(t, o.run(2, "wallets", "resync", "wallet-9"), "there are wallet-1, wallet-2")
}

// startOperated starts a network with a VSP that has so many tickets, all of them in its wallets and none yet live.
func startOperated(t *testing.T, tickets int) (*testnet.Network, *testnet.VSP) {
	checkout, err := testnet.Checkout(".")
	require.NoError(t, err)
	binaries, err := testnet.BuildBinaries(t.Context(), checkout, nil)
	require.NoError(t, err)
	n, err := testnet.Start(t.Context(), testnet.Plan{Dir: t.TempDir(), Binaries: binaries, VotingHosts: 2, Tickets: 200})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	program, err := exec.LookPath("vsp") // this test, which TestMain has made a command
	require.NoError(t, err)
	v, err := n.StartVSP(t.Context(), testnet.VSPPlan{Program: program, CheckEvery: 250 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, v.Stop(context.Background())) })
	require.NoError(t, n.StartClient(t.Context(), v.URL, v.PublicKey))
	bought, err := n.Buy(t.Context(), tickets)
	require.NoError(t, err)
	require.Len(t, bought, tickets)
	// Each step is waited for, so that no more blocks come than it takes: twelve, and a ticket is live with the sixteenth.
	o := operated{t, filepath.Join(n.Plan.Dir, "data", "vsp", "vsp.toml")}
	require.NoError(t, n.Chain.Mine(t.Context(), vsp.Confirmations-1))
	broadcast := o.awaitFees(tickets, vsp.FeeBroadcast)
	require.Eventually(t, func() bool { // what the miner has not heard of would be in none of the next blocks
		var pending []string
		require.NoError(t, n.Miner.RPC.Call(t.Context(), &pending, "getrawmempool", false, "regular"))
		return !slices.ContainsFunc(broadcast, func(v ticketView) bool {
			return !slices.Contains(pending, v.Fee.TxHash) && !mined(t, n, v.Fee.TxHash)
		})
	}, patience, 100*time.Millisecond, "the miner has the fees")
	require.NoError(t, n.Chain.Mine(t.Context(), vsp.Confirmations+1))
	for _, ticket := range o.awaitFees(tickets, vsp.FeeConfirmed) {
		require.Empty(t, ticket.Outcome, "tickets are live before they are paid for")
	}
	return n, v
}

// mined reports whether a transaction is in a block.
func mined(t *testing.T, n *testnet.Network, text string) bool {
	hash, err := chainhash.NewHashFromStr(text)
	require.NoError(t, err)
	tx, err := n.FrontEnd.RPC.Transaction(t.Context(), *hash)
	return err == nil && tx.Confirmations > 0
}
