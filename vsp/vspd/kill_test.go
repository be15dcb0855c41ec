package vspd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

// killFolder and killAfter name the environment variables with which TestKilledImport runs itself as an import that is
// killed: the folder of both databases, and after how many tickets.
const (
	killFolder = "VSPD_KILL_FOLDER"
	killAfter  = "VSPD_KILL_AFTER"
)

func importThere(t *testing.T, folder string, progress Progress) Report {
	d, err := Open(filepath.Join(folder, "vspd.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	c, err := d.Look(t.Context(), still)
	require.NoError(t, err)
	report, err := d.Import(t.Context(), c, openSQLite(t, filepath.Join(folder, "vsp.db")), &blocks{height: 400}, progress)
	require.NoError(t, err)
	return report
}

// killSelf is kill -9 after so many tickets, while some are being written.
func killSelf(after int) Progress {
	return func(done, _ int) error {
		if done == after {
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return nil
	}
}

// TestKilledImport kills imports into one SQLite database, one after the other. The one that comes to its end leaves what a
// single import leaves.
func TestKilledImport(t *testing.T) {
	if folder := os.Getenv(killFolder); folder != "" {
		after, err := strconv.Atoi(os.Getenv(killAfter))
		require.NoError(t, err)
		importThere(t, folder, killSelf(after))
		return
	}
	f := newFile()
	for n := range 150 {
		f.add(paidFields(n, "confirmed", []string{"", "voted"}[n%2], nil), payRequest(n, 5), choiceRequest(n, 6))
		f.signers[ticketHash(n).String()] = signerFields(address(n))
	}
	file := f.write(t)
	want, folder := t.TempDir(), t.TempDir()
	for _, dir := range []string{want, folder} {
		require.NoError(t, os.Link(file, filepath.Join(dir, "vspd.db")))
	}
	importThere(t, want, still)
	for _, after := range []int{0, 1, 40, 41, 149} {
		child := exec.Command(os.Args[0], "-test.run=^TestKilledImport$")
		child.Env = append(os.Environ(), killFolder+"="+folder, killAfter+"="+strconv.Itoa(after))
		out, err := child.CombinedOutput()
		require.ErrorContains(t, err, "killed", "%s", out)
	}
	report := importThere(t, folder, still)
	require.Positive(t, report.Tickets.There)
	require.Positive(t, report.Tickets.Taken+report.Tickets.Updated)

	a, b := openSQLite(t, filepath.Join(want, "vsp.db")), openSQLite(t, filepath.Join(folder, "vsp.db"))
	for n := range 150 {
		hash := ticketHash(n)
		wantTicket, err := a.Ticket(t.Context(), hash)
		require.NoError(t, err)
		got, err := b.Ticket(t.Context(), hash)
		require.NoError(t, err)
		require.Equal(t, wantTicket, got)
		wantChanges, err := a.Changes(t.Context(), hash)
		require.NoError(t, err)
		changes, err := b.Changes(t.Context(), hash)
		require.NoError(t, err)
		require.Equal(t, wantChanges, changes)
		_, err = b.AltSigner(t.Context(), hash)
		require.NoError(t, err)
	}
	p, err := b.Position(t.Context())
	require.NoError(t, err)
	require.Equal(t, (&blocks{}).position(100), p)
	next, err := b.NextFeeIndex(t.Context(), xpub(1))
	require.NoError(t, err)
	require.EqualValues(t, 150, next)
	all, err := b.Select(t.Context(), vsp.Filter{})
	require.NoError(t, err)
	require.Len(t, all, 150)
}
