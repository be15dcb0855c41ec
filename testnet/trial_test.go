package testnet

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/txscript/v4/stdscript"
	"github.com/stretchr/testify/require"
)

// TestTrial plays the trial, and holds its report against three counts that know nothing of lotteries: what spent each
// ticket, what the wallets say of it, and what the headers count.
func TestTrial(t *testing.T) {
	programs := testPrograms(t, "vsp", "vspverify")
	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	trial, err := StartTrial(ctx, TrialPlan{
		Network: Plan{Dir: t.TempDir(), Binaries: testDaemons(t)}, VSP: programs[0], Verifier: programs[1],
		Say: func(format string, args ...any) {
			t.Logf("%5.1f s  "+format, append([]any{time.Since(begin).Seconds()}, args...)...)
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, trial.Close()) })
	require.NoError(t, trial.Play(ctx))
	require.NoError(t, trial.Check())

	voted, revoked := trial.Fates.Count(trial.Tickets)
	require.GreaterOrEqual(t, len(trial.Tickets), 60)
	require.GreaterOrEqual(t, voted+revoked, 40)
	require.GreaterOrEqual(t, revoked, votesMissed)
	t.Run("wallets", func(t *testing.T) { walletsAgree(t, trial) })
	t.Run("headers", func(t *testing.T) { headersAgree(t, trial) })
	t.Run("ledger command", func(t *testing.T) { ledgerAgrees(t, trial, voted, revoked) })
	t.Run("report", func(t *testing.T) { reportIsUpheld(t, trial) })
	t.Run("no secret in a log", func(t *testing.T) { logsKeepSecrets(t, trial) })
}

// walletsAgree asks a voting wallet and the holder's own what became of each ticket. A wallet that does not look for a
// revocation, which pays somebody else, calls a lost ticket missed.
func walletsAgree(t *testing.T, trial *Trial) {
	for _, wallet := range []*Wallet{trial.Network.Voting[0].Wallet, trial.Network.Client} {
		infos, err := wallet.Tickets(t.Context())
		require.NoError(t, err)
		status := make(map[chainhash.Hash]string)
		for _, info := range infos {
			status[info.Hash] = info.Status
		}
		for _, ticket := range trial.Tickets {
			want := []string{"live", "unspent"}
			switch fate, spent := trial.Fates.Of(ticket); {
			case spent && fate.Voted:
				want = []string{"voted"}
			case spent:
				want = []string{"missed", "revoked"}
			}
			require.Contains(t, want, status[ticket], "ticket %s in the %s", ticket, wallet.Name())
		}
	}
}

// headersAgree makes sure that every missing vote of the chain is one of the holder's tickets, revoked in that block.
func headersAgree(t *testing.T, trial *Trial) {
	own := make(map[int64]int)
	for _, ticket := range trial.Tickets {
		if fate, spent := trial.Fates.Of(ticket); spent && !fate.Voted {
			own[fate.Height]++
		}
	}
	for _, block := range blocks(t, trial.Network.Miner, 145) {
		height := int64(block.Header.Height)
		require.EqualValues(t, 5-own[height], block.Header.Voters, "votes in block %d", height)
		require.EqualValues(t, own[height], block.Header.Revocations, "revocations in block %d", height)
	}
}

// ledgerAgrees lets vspverify votes account for the tickets, as anybody could.
func ledgerAgrees(t *testing.T, trial *Trial, voted, revoked int) {
	args := append([]string{"votes", "--tickets", trial.Verifier.Tickets, "--from", "1", "--json"}, trial.Verifier.node...)
	out, code, err := trial.Verifier.Command(t.Context(), args...)
	require.NoError(t, err)
	require.Equal(t, 1, code, "tickets were missed")
	var ledger struct {
		Totals   map[string]int  `json:"totals"`
		Mismatch json.RawMessage `json:"mismatch"`
	}
	require.NoError(t, json.Unmarshal(out, &ledger), "%s", out)
	require.Equal(t, voted, ledger.Totals["voted"], "%s", out)
	require.Equal(t, revoked, ledger.Totals["missed"])
}

// reportIsUpheld derives each number of the report anew, as anybody could.
func reportIsUpheld(t *testing.T, trial *Trial) {
	out, code, err := trial.Verifier.Command(t.Context(), trial.Verifier.CheckArgs()...)
	require.NoError(t, err)
	require.Zero(t, code, "%s", out)
	require.Contains(t, string(out), "is upheld")
}

// logsKeepSecrets looks through everything that our programs have logged, mailed and reported.
func logsKeepSecrets(t *testing.T, trial *Trial) {
	dir := trial.Network.Plan.Dir
	files := []string{filepath.Join(dir, "logs", "vsp.log"), filepath.Join(dir, "logs", "vspverify.log"),
		filepath.Join(dir, "report.txt"), filepath.Join(dir, "report.json"),
		filepath.Join(filepath.Dir(trial.Verifier.ConfigFile), "journal", "journal.jsonl")}
	mails, err := filepath.Glob(filepath.Join(dir, "mail", "*.eml"))
	require.NoError(t, err)
	require.NotEmpty(t, mails)
	tx, err := trial.Network.FrontEnd.RPC.Transaction(t.Context(), trial.Tickets[0])
	require.NoError(t, err)
	out := tx.Tx.TxOut[0]
	_, addresses := stdscript.ExtractAddrs(out.Version, out.PkScript, chaincfg.SimNetParams())
	var key string
	require.NoError(t, trial.Network.Voting[0].Wallet.RPC.Call(t.Context(), &key, "dumpprivkey", addresses[0].String()))
	require.NotEmpty(t, key)
	for _, file := range append(files, mails...) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotEmpty(t, text, file)
		require.False(t, strings.Contains(string(text), key), "%s has a voting key in it", file)
		require.False(t, strings.Contains(string(text), trial.Network.Password), "%s has the RPC password in it", file)
	}
}
