package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/cmd/program"
	"scrutineer/testnet"
	"scrutineer/verifier/blocks/blockstest"
	"scrutineer/verifier/votes"
)

const recordedChain = "../../verifier/votes/testdata/simnet"

// votesOf runs vspverify votes and returns its exit code, what it wrote, and its error.
func votesOf(stdin string, args ...string) (code int, out, errs string) {
	var stdout bytes.Buffer
	command := votesCommand()
	command.SilenceUsage, command.SilenceErrors = true, true
	command.SetIn(strings.NewReader(stdin))
	command.SetOut(&stdout)
	command.SetErr(io.Discard)
	command.SetArgs(args)
	err := command.ExecuteContext(context.Background())
	if err == nil {
		return program.Done, stdout.String(), ""
	}
	code = program.Impossible
	var failure *program.Failure
	if errors.As(err, &failure) {
		code = failure.Code
	}
	return code, stdout.String(), err.Error()
}

// otherCertificate returns a file with a sound certificate that no node of ours has.
func otherCertificate(t *testing.T) string {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	path := filepath.Join(t.TempDir(), "other.cert")
	raw := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(path, raw, 0o600))
	return path
}

// recordedNode is a real node with the recorded chain, without a transaction index.
type recordedNode struct {
	*blockstest.Node
	dir     string
	all     []string // lines of tickets
	tickets string   // the file with all of them
}

func startRecorded(t *testing.T) *recordedNode {
	checkout, err := testnet.Checkout(".")
	require.NoError(t, err)
	daemons, err := testnet.BuildBinaries(context.Background(), checkout, os.Stderr)
	require.NoError(t, err)
	node, err := blockstest.Start(context.Background(), daemons.Node, t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, node.Close()) })
	_, err = node.Feed(context.Background(), filepath.Join(recordedChain, "blocks.gz"))
	require.NoError(t, err)

	wallet, err := os.ReadFile(filepath.Join(recordedChain, "wallet.txt"))
	require.NoError(t, err)
	n := &recordedNode{Node: node, dir: t.TempDir()}
	for line := range strings.Lines(string(wallet)) {
		n.all = append(n.all, strings.Replace(line, " ", " # ", 1))
	}
	n.tickets = n.file(t, "tickets", strings.Join(n.all, ""))
	return n
}

func (n *recordedNode) file(t *testing.T, name, text string) string {
	path := filepath.Join(n.dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// flags returns a command line that works, but for what is changed, and more.
func (n *recordedNode) flags(changed map[string]string, more ...string) []string {
	set := map[string]string{"node": "wss://" + n.Config.Address, "cert": n.CertFile, "user": n.Config.User,
		"pass-file": n.PassFile, "tickets": n.tickets}
	maps.Copy(set, changed)
	for name, value := range set {
		more = append(more, "--"+name, value)
	}
	return more
}

func TestVotesOnARealNode(t *testing.T) {
	n := startRecorded(t)
	t.Run("ledgers", func(t *testing.T) { testLedgers(t, n) })
	t.Run("used wrongly", func(t *testing.T) { testMisuse(t, n) })
}

func testLedgers(t *testing.T, n *recordedNode) {
	t.Run("text", func(t *testing.T) {
		code, out, errs := votesOf("", n.flags(nil, "--from", "1")...)
		require.Equal(t, program.No, code, errs)
		require.Equal(t, "14 tickets missed", errs)
		lines := strings.Split(out, "\n")
		require.Equal(t, "Of 194 tickets: 14 missed, 140 voted, 1 expired, 32 live, 7 immature.", lines[0])
		require.Equal(t, "Every final state matched: yes, 417 checked in blocks 1 to 560.", lines[1])
		for _, line := range lines {
			require.LessOrEqual(t, len(line), 80)
		}
		require.Len(t, lines, 194+6)
	})
	t.Run("JSON", func(t *testing.T) {
		code, out, _ := votesOf("", n.flags(nil, "--from", "1", "--json")...)
		require.Equal(t, program.No, code)
		var ledger struct {
			Matched bool           `json:"final_states_matched"`
			Totals  map[string]int `json:"totals"`
			Tickets []struct{ Ticket, Outcome string }
		}
		require.NoError(t, json.Unmarshal([]byte(out), &ledger))
		require.True(t, ledger.Matched)
		require.Equal(t, 14, ledger.Totals["missed"])
		require.Len(t, ledger.Tickets, 194)
	})
	t.Run("nothing missed, from standard input", func(t *testing.T) {
		code, out, errs := votesOf(n.all[0], n.flags(map[string]string{"tickets": "-"}, "--from", "100", "--to", "200")...)
		require.Equal(t, program.Done, code, errs)
		require.Contains(t, out, "Of 1 ticket: 0 missed, 1 voted.\n")
		require.Contains(t, out, "blocks 100 to 200")
	})
}

func testMisuse(t *testing.T, n *recordedNode) {
	wrong := []struct {
		name    string
		changed map[string]string
		more    []string
		code    int
		says    string
	}{
		{"no index", nil, nil, program.Misused, "give --from"},
		{"wrong password", map[string]string{"pass-file": n.file(t, "wrong", "no")}, nil, program.Impossible, "look at --user and --pass-file"},
		{"wrong user", map[string]string{"user": "nobody"}, nil, program.Impossible, "look at --user and --pass-file"},
		{"wrong certificate", map[string]string{"cert": otherCertificate(t)}, nil, program.Impossible, "--cert is not the certificate"},
		{"no certificate", map[string]string{"cert": n.tickets}, nil, program.Misused, "no certificate in it"},
		{"no certificate file", map[string]string{"cert": n.dir + "/none"}, nil, program.Misused, "--cert: open"},
		{"no password file", map[string]string{"pass-file": n.dir + "/none"}, nil, program.Misused, "--pass-file: open"},
		{"nobody there", map[string]string{"node": "127.0.0.1:1"}, []string{"--from", "1"}, program.Impossible, "connection refused"},
		{"no port", map[string]string{"node": "127.0.0.1"}, nil, program.Misused, "is not host:port"},
		{"another scheme", map[string]string{"node": "http://127.0.0.1:1"}, nil, program.Misused, "neither host:port nor"},
		{"no tickets file", map[string]string{"tickets": n.dir + "/none"}, nil, program.Misused, "--tickets: open"},
		{"no tickets", map[string]string{"tickets": n.file(t, "empty", "# none\n")}, nil, program.Misused, "no tickets in it"},
		{"not tickets", map[string]string{"tickets": n.file(t, "text", n.all[0]+"hello\n")}, nil, program.Misused, `line 2: "hello" is not a ticket's hash`},
		{"beyond the tip", nil, []string{"--from", "1", "--to", "561"}, program.Impossible, "the chain has blocks 1 to 560"},
		{"backwards", nil, []string{"--from", "20", "--to", "10"}, program.Misused, "--from and --to"},
		{"from nothing", nil, []string{"--from", "0"}, program.Misused, "--from and --to"},
	}
	for _, test := range wrong {
		t.Run(test.name, func(t *testing.T) {
			code, out, errs := votesOf("", n.flags(test.changed, test.more...)...)
			require.Equal(t, test.code, code, errs)
			require.Contains(t, errs, test.says)
			require.NotContains(t, errs, n.Config.Password)
			require.Empty(t, out)
		})
	}
}

// TestMismatchInText shows what is written if a node's chain contradicts itself.
func TestMismatchInText(t *testing.T) {
	ledger := votes.Ledger{From: 5, To: 8, Tip: 20, Checked: 4, Entries: []votes.Entry{{Ticket: chainhash.Hash{1}, Outcome: votes.Live}},
		Mismatch: &votes.Mismatch{Height: 9, Header: votes.State{PoolSize: 3, FinalState: [6]byte{1}}, Account: votes.State{PoolSize: 4}}}
	var out strings.Builder
	require.NoError(t, writeLedger(&out, &ledger))
	require.Contains(t, out.String(), "Every final state matched: NO. 4 matched, then the header of block 9 has\n"+
		"010000000000 over 3 live tickets, our account 000000000000 over 4.\n")
	require.ErrorContains(t, verdict(&ledger), "block 9 contradicts the account")
}

func TestPrefixesDiffer(t *testing.T) {
	ledger := votes.Ledger{Entries: []votes.Entry{{Ticket: chainhash.Hash{24: 1}}, {Ticket: chainhash.Hash{23: 1}}}}
	require.Equal(t, 16, prefixLength(&ledger))
}
