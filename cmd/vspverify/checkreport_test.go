package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/cmd/program"
	"scrutineer/verifier/blocks/blockstest"
	"scrutineer/verifier/report"
)

// checkArgs are the arguments that check a report on a node.
func checkArgs(node *blockstest.Node, out, journal string, more ...string) []string {
	return append([]string{"check-report", filepath.Join(out, report.JSONFile), "--journal", journal, "--node", node.Config.Address,
		"--cert", node.CertFile, "--user", node.Config.User, "--pass-file", node.PassFile}, more...)
}

// watchFor runs a trial until it has so many more rounds.
func watchFor(t *testing.T, path string, rounds int) {
	config, err := load(path)
	require.NoError(t, err)
	beats := func() int {
		s, err := config.readJournal()
		if err != nil {
			return 0
		}
		return len(s.Beats)
	}
	want := beats() + rounds
	cmd, _, errs := vspverify(t, "run", "--config", path)
	require.NoError(t, cmd.Start())
	eventually(t, "rounds", func() bool { return beats() >= want })
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), "%s", errs)
}

func replaceIn(t *testing.T, path, from, to string) {
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(raw), from)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(raw), from, to, 1)), 0o600))
}

// TestCheckReportOnALaterNode checks a report when the chain is 260 blocks further, which are undone to get at the live tickets,
// when the journal has grown, and when its plan was changed: with copies of report and journal, and none of the trial's files.
func TestCheckReportOnALaterNode(t *testing.T) {
	node := realNode(t, stagedReport)
	path := writeTrial(t, servedVSP(t, stagedReport, 80), node)
	replaceIn(t, path, "from_height = 1\n", "from_height = 200\n")
	watchFor(t, path, 2)
	dir := t.TempDir()
	out, folder := filepath.Join(dir, "out"), filepath.Join(dir, "journal")
	require.NoError(t, os.Mkdir(out, 0o755))
	for _, name := range append(report.Renderings[:], report.SignatureFile) {
		raw, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(out, name), raw, 0o600))
	}

	chain, err := readRecording(stagedEnd)
	require.NoError(t, err)
	require.NoError(t, node.FeedBlocks(t.Context(), chain.blocks[stagedReport:]))
	replaceIn(t, path, "[policy]\n", "[policy]\nmiss_rate = 0.5\n")
	watchFor(t, path, 2)
	require.NoError(t, os.Rename(filepath.Join(filepath.Dir(path), "journal"), folder))

	cmd, printed, errs := vspverify(t, checkArgs(node, out, folder)...)
	require.NoError(t, cmd.Run(), "%s%s", printed, errs)
	require.Contains(t, printed.String(), "blocks 200 to 300")

	cmd, printed, errs = vspverify(t, checkArgs(node, filepath.Dir(path), folder)...)
	require.NoError(t, cmd.Run(), "%s%s", printed, errs)
	require.Contains(t, printed.String(), "blocks 200 to 560")
	text, err := os.ReadFile(filepath.Join(filepath.Dir(path), report.TextFile))
	require.NoError(t, err)
	require.Contains(t, strings.Join(strings.Fields(string(text)), " "), "policy.miss_rate was 0.01 and is 0.5")

	behind, err := blockstest.Start(t.Context(), daemon(t), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, behind.Close()) })
	require.NoError(t, behind.FeedBlocks(t.Context(), chain.blocks[:100]))
	cmd, _, errs = vspverify(t, checkArgs(behind, out, folder)...)
	require.Error(t, cmd.Run())
	require.Equal(t, program.Impossible, cmd.ProcessState.ExitCode())
	require.Contains(t, errs.String(), "is at block 100, and the report accounts for blocks up to 300")
}
