package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/cmd/program"
	"scrutineer/testnet"
	"scrutineer/verifier"
	"scrutineer/verifier/blocks/blockstest"
	"scrutineer/verifier/report"
	"scrutineer/vsp/vspapi"
)

// asProgram makes this test binary be vspverify.
const asProgram = "BE_VSPVERIFY"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(program.Run(newCommand()))
	}
	os.Exit(m.Run())
}

func vspverify(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, errs := new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, errs
	return cmd, out, errs
}

// daemon is the executable of a real node.
func daemon(t *testing.T) string {
	checkout, err := testnet.Checkout(".")
	require.NoError(t, err)
	daemons, err := testnet.BuildBinaries(t.Context(), checkout, os.Stderr)
	require.NoError(t, err)
	return daemons.Node
}

// realNode is a node with the recorded chain up to a height, and one peer.
func realNode(t *testing.T, height int) *blockstest.Node {
	dcrd, address := daemon(t), freeAddress(t)
	peer := exec.CommandContext(t.Context(), dcrd, "--simnet", "--appdata="+t.TempDir(), "--norpc", "--listen="+address, "--nodiscoverip")
	peer.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, peer.Start())
	t.Cleanup(func() { _ = peer.Process.Kill(); _ = peer.Wait() })

	node, err := blockstest.Start(t.Context(), dcrd, t.TempDir(), "--addpeer="+address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, node.Close()) })
	chain, err := readRecording(height)
	require.NoError(t, err)
	require.NoError(t, node.FeedBlocks(t.Context(), chain.blocks))
	eventually(t, "the node to have a peer", func() bool {
		n, err := node.PeerCount(t.Context())
		return err == nil && n > 0
	})
	return node
}

// freeAddress is one that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// eventually waits for what must come.
func eventually(t *testing.T, what string, come func() bool) {
	deadline := time.Now().Add(60 * time.Second)
	for !come() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// writeTrial writes a trial of a VSP, judged with the help of a node, and the list of all tickets of the recorded chain.
func writeTrial(t *testing.T, vsp string, node *blockstest.Node) string {
	dir := t.TempDir()
	wallet, err := os.ReadFile(filepath.Join(recordedChain, "wallet.txt"))
	require.NoError(t, err)
	tickets := new(strings.Builder)
	for line := range strings.Lines(string(wallet)) {
		hash, _, _ := strings.Cut(line, " ")
		fmt.Fprintln(tickets, strings.TrimSpace(hash))
	}
	config := fmt.Sprintf(`url = %q
pubkey = %q
network = "simnet"
tickets = "tickets"
slot = "1s"
duration = "0s"
from_height = 1
metrics_listen = %q
[node]
address = %q
user = %q
password_file = %q
cert_file = %q
[policy]
target_latency = "100ms"
`, vsp, base64.StdEncoding.EncodeToString(publicKey), freeAddress(t), node.Config.Address, node.Config.User, node.PassFile, node.CertFile)
	path := filepath.Join(dir, "trial.toml")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tickets"), []byte(tickets.String()), 0o600))
	return path
}

// servedVSP is a VSP that says of itself always the same, and is in order.
func servedVSP(t *testing.T, height uint32, voted int64) (url string) {
	vsp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<p>A VSP.")
			return
		}
		body, signature := info(height, voted)
		w.Header().Set(vspapi.ServerSignature, signature)
		_, _ = w.Write(body)
	}))
	t.Cleanup(vsp.Close)
	return vsp.URL
}

// TestKilledAndGoneOn kills a trial on a real node as hard as can be, goes on with it, and derives its report again.
func TestKilledAndGoneOn(t *testing.T) {
	node := realNode(t, stagedEnd)
	path := writeTrial(t, servedVSP(t, 560, 140), node)
	config, err := load(path)
	require.NoError(t, err)
	beats := func(n int) func() bool {
		return func() bool {
			s, err := config.readJournal()
			return err == nil && len(s.Beats) >= n
		}
	}

	first, _, errs := vspverify(t, "run", "--config", path)
	require.NoError(t, first.Start())
	eventually(t, "three rounds", beats(3))
	second, _, refusal := vspverify(t, "run", "--config", path)
	require.Error(t, second.Run())
	require.Equal(t, program.Impossible, second.ProcessState.ExitCode())
	require.Contains(t, refusal.String(), "in use by another process")
	require.NoError(t, first.Process.Signal(syscall.SIGKILL))
	require.Error(t, first.Wait(), "%s", errs)
	file, err := os.OpenFile(filepath.Join(config.Journal, "journal.jsonl"), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = file.WriteString(`{"n":`) // the kill came amid a write
	require.NoError(t, err)
	require.NoError(t, file.Close())
	killed, err := config.readJournal()
	require.NoError(t, err)
	eventually(t, "two slots to pass", func() bool { return time.Since(killed.Last) > 2500*time.Millisecond })

	again, out, errs := vspverify(t, "run", "--config", path)
	require.NoError(t, again.Start())
	eventually(t, "three more rounds", beats(len(killed.Beats)+3))
	requireShown(t, path, config.MetricsListen)
	require.NoError(t, again.Process.Signal(syscall.SIGTERM))
	require.NoError(t, again.Wait(), "%s", errs)
	require.Contains(t, out.String(), "report.json")

	raw, err := os.ReadFile(filepath.Join(filepath.Dir(path), "report.json"))
	require.NoError(t, err)
	var r report.Report
	require.NoError(t, json.Unmarshal(raw, &r))
	require.Equal(t, 1, r.Evidence.Gaps)
	require.Len(t, r.Uptime, 2)
	for _, endpoint := range r.Uptime {
		require.Zero(t, endpoint.Slots.Down, "%s", r.Text())
		require.GreaterOrEqual(t, endpoint.Slots.Unknown, 1, "nobody looked while the verifier was dead")
		require.GreaterOrEqual(t, endpoint.Slots.Up, 4)
	}
	require.Equal(t, [3]int{140, 14, 417}, [3]int{r.Ledger.Made, r.Ledger.Missed, r.Ledger.FinalStates})
	require.Zero(t, r.Ledger.MissedBy.Operator, "all was missed before anybody watched")
	for _, f := range r.Rows {
		switch f.Row {
		case "TR-5":
			require.Equal(t, verifier.Refuted, f.Verdict, "14 misses were kept back: %v", f.Says)
		case "OP-3":
			require.Contains(t, f.Says[0], "own votes are of the majority's version", "the census has seen every vote")
		}
	}

	derived, out, _ := vspverify(t, "report", "--config", path, "--json")
	require.Error(t, derived.Run())
	require.Equal(t, program.No, derived.ProcessState.ExitCode())
	require.Equal(t, string(raw), out.String(), "the same journal and chain give the same bytes")

	upheld, out, errs := vspverify(t, checkArgs(node, filepath.Dir(path), config.Journal, "--key", config.JournalKey+".pub")...)
	require.NoError(t, upheld.Run(), "%s%s", out, errs)
	require.Contains(t, out.String(), "is upheld")
}

// requireShown looks at a trial in which votes were missed, while it goes, as a person and as Prometheus do.
func requireShown(t *testing.T, path, metrics string) {
	var scraped []byte
	eventually(t, "the chain to be read", func() bool {
		answer, err := http.Get("http://" + metrics + "/metrics")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		scraped, err = io.ReadAll(answer.Body)
		return err == nil && bytes.Contains(scraped, []byte("vspverify_votes_made_total "))
	})
	require.Contains(t, string(scraped), "vspverify_votes_made_total 139\n", "one is not final")
	require.Contains(t, string(scraped), `vspverify_votes_missed_total{blame="unknown"} 14`)
	require.Contains(t, string(scraped), `vspverify_slots_total{endpoint="/",state="down"} 0`)
	require.Contains(t, string(scraped), "vspverify_ledger_up 1\n")
	watched, out, errs := vspverify(t, "watch", "--config", path)
	require.Error(t, watched.Run())
	require.Equal(t, program.No, watched.ProcessState.ExitCode(), "a row is refuted: %s", errs)
	require.Contains(t, out.String(), "votes: 139 made, 1 not final, 14 missed (14 unknown)")
	require.NotContains(t, out.String(), "\x1b", "it is no terminal")
}

func TestReportWithoutATrial(t *testing.T) {
	config := testTrial(t, time.Minute, time.Hour)
	_, err := config.derive(context.Background())
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestCheckNamesAllMistakes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trial.toml")
	require.NoError(t, os.WriteFile(path, []byte(`url = "ftp://vsp.example.org"
pubkey = "c2hvcnQ="
network = "paradise"
slot = "5s"
colour = "blue"
[node]
address = "127.0.0.1"
user = "u"
[policy]
uptime = 99
`), 0o600))
	cmd, out, errs := vspverify(t, "check", "--config", path)
	require.Error(t, cmd.Run())
	require.Equal(t, program.No, cmd.ProcessState.ExitCode())
	require.Empty(t, out.String())
	for _, want := range []string{":1: url", ":2: pubkey", ":3: network", ":4: slot", ":5: colour", ":7: node.address",
		"node.password_file", "node.cert_file", ":10: policy.uptime"} {
		require.Contains(t, errs.String(), want)
	}
	cmd, _, _ = vspverify(t, "run", "--config", path)
	require.Error(t, cmd.Run())
	require.Equal(t, program.Misused, cmd.ProcessState.ExitCode())
}
