package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/cmd/program"
	"scrutineer/verifier"
	"scrutineer/verifier/blocks/blockstest"
	"scrutineer/vsp/vspapi"
)

// writeVantage sets a vantage up next to a trial with the commands that a reviewer types, and returns its configuration.
func writeVantage(t *testing.T, trial, name string, node *blockstest.Node) string {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	invite, text, errs := vspverify(t, "vantage", "invite", "--config", trial)
	require.NoError(t, invite.Run(), "%s", errs)
	head, _, _ := strings.Cut(strings.ReplaceAll(text.String(), `"paris"`, fmt.Sprintf("%q", name)), "[node]")
	path := filepath.Join(t.TempDir(), "vantage.toml")
	config := strings.ReplaceAll(head, `":7443"`, fmt.Sprintf("%q", address)) + fmt.Sprintf("[node]\naddress = %q\nuser = %q\npassword_file = %q\ncert_file = %q\n",
		node.Config.Address, node.Config.User, node.PassFile, node.CertFile)
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	key, text, errs := vspverify(t, "vantage", "key", "--config", path)
	require.NoError(t, key.Run(), "%s", errs)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	entry := strings.ReplaceAll(text.String(), "HOST:"+port, address)
	file, err := os.OpenFile(trial, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(entry)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return path
}

// TestTrialWithVantages runs a trial and two vantages as processes over loopback. One vantage is killed, and then the trial; both
// go on, and the report is the same whoever derives it.
func TestTrialWithVantages(t *testing.T) {
	node := realNode(t, stagedEnd)
	vsp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<p>A VSP.")
			return
		}
		body, signature := info(560, 140)
		w.Header().Set(vspapi.ServerSignature, signature)
		_, _ = w.Write(body)
	}))
	defer vsp.Close()
	path := writeTrial(t, vsp.URL, node)
	paris, lima := writeVantage(t, path, "paris", node), writeVantage(t, path, "lima", node)
	config, err := load(path)
	require.NoError(t, err)
	start := func(args ...string) *exec.Cmd {
		cmd, _, errs := vspverify(t, args...)
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%v:\n%s", args, errs)
			}
		})
		return cmd
	}
	kill := func(cmd *exec.Cmd) {
		require.NoError(t, cmd.Process.Signal(syscall.SIGKILL))
		require.Error(t, cmd.Wait())
	}
	held := func(name string) int64 {
		record, err := config.readJournal()
		if err != nil || record.Witness(name) == nil {
			return 0
		}
		entries, _ := record.Witness(name).Held()
		return entries
	}
	more := func(names ...string) {
		for _, name := range names {
			before := held(name)
			eventually(t, name+" to have shown more", func() bool { return held(name) > before+12 })
		}
	}

	first, second, run := start("vantage", "--config", paris), start("vantage", "--config", lima), start("run", "--config", path)
	more("paris", "lima")
	kill(first)
	more("lima")
	kill(run)
	first, run = start("vantage", "--config", paris), start("run", "--config", path)
	more("paris", "lima")
	require.NoError(t, run.Process.Signal(syscall.SIGTERM))
	require.NoError(t, run.Wait())
	kill(first)
	kill(second)

	record := merged(t, config)
	_, alive := shares(record, 1)
	for _, name := range []string{"local", "paris", "lima"} {
		require.GreaterOrEqual(t, alive[name], 3, "%v", alive)
	}
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(path), "report.json"))
	require.NoError(t, err)
	require.Contains(t, string(raw), `"vantage": "paris"`)
	copied := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(copied, os.DirFS(config.Journal)))
	check := []string{"check-report", filepath.Dir(path), "--journal", copied, "--node", node.Config.Address, "--cert", node.CertFile,
		"--user", node.Config.User, "--pass-file", node.PassFile}
	cmd, out, errs := vspverify(t, check...)
	require.NoError(t, cmd.Run(), "%s%s", out, errs)

	// The vantages' journals are a part of the evidence: a bit of one is found, and it is named.
	file := filepath.Join(mirrorFolder(copied, "lima"), "journal.jsonl")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	text[len(text)/2] ^= 1
	require.NoError(t, os.WriteFile(file, text, 0o600))
	cmd, out, _ = vspverify(t, check...)
	require.Error(t, cmd.Run())
	require.Equal(t, program.No, cmd.ProcessState.ExitCode())
	require.Contains(t, out.String(), "vantage lima")
}

// TestFullDisk fills the disk of the journal: the watch ends, and says what to do; with room again it goes on.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=200k"); err != nil {
		if os.Getenv("CI") != "" && os.Geteuid() == 0 {
			t.Fatal(err)
		}
		t.Skipf("not checked: a disk that is full: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	synctest.Test(t, func(t *testing.T) {
		trial := testTrial(t, time.Minute, 10*time.Hour)
		trial.Journal = filepath.Join(dir, "journal")
		healthy := &world{vspDown: never, nodeDown: never}
		err := watchOut(t.Context(), t, trial, healthy)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorContains(t, explainFull(err, trial.Journal), "Make room")
		before := merged(t, trial)
		require.NotEmpty(t, before.Beats, "what was written until then is in order")

		require.NoError(t, syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT, "size=20m"))
		time.Sleep(time.Hour)
		watchIn(t.Context(), t, trial, healthy)
		after := merged(t, trial)
		w := after.Window()
		share := verifier.Uptimes(w, after.Seen, after.Beats, 1)[0].Share()
		require.True(t, w.Complete())
		require.Zero(t, share.Down)
		require.InDelta(t, 60, share.Unknown, 2)
	})
}
