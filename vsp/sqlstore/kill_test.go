package sqlstore

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

// The environment by which this test binary is told to be the child of TestKill.
const (
	childDatabase = "SQLSTORE_TEST_DATABASE"
	childRound    = "SQLSTORE_TEST_ROUND"
)

// perRound is more tickets than a child inserts in its life.
const perRound = 10_000

// write inserts and updates tickets, and prints the number of each when its acts are acknowledged, until it is killed.
func write(path, round string) {
	first, err := strconv.Atoi(round)
	if err == nil {
		err = insertEach(path, first*perRound)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func insertEach(path string, first int) error {
	ctx := context.Background()
	sealer, err := NewSealer(append([]byte{1}, make([]byte, 31)...))
	if err != nil {
		return err
	}
	s, err := Open(ctx, path, sealer)
	if err != nil {
		return err
	}
	for n := first; ; n++ {
		if err := s.Insert(ctx, ticket(n)); err != nil {
			return err
		}
		fmt.Println("inserted", n)
		_, err := s.Update(ctx, ticket(n).Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
			t.Confirmed = true
			return &vsp.Change{Answered: int64(n)}, nil
		})
		if err != nil {
			return err
		}
		fmt.Println("updated", n)
		index, err := s.NextFeeIndex(ctx, "spub")
		if err != nil {
			return err
		}
		fmt.Println("index", index)
	}
}

// TestKill kills -9 a process that writes, at a random moment, again and again, and finds all that it was told is done.
func TestKill(t *testing.T) {
	const rounds = 25
	path := filepath.Join(t.TempDir(), "vsp.db")
	var total, lastIndex int
	for round := range rounds {
		acknowledged := killed(t, path, round)
		s := database(t, path)
		for _, a := range acknowledged {
			if a.act == "index" {
				require.Greater(t, a.n, lastIndex, "an index was given twice")
				lastIndex = a.n
				continue
			}
			kept(t, s, a)
		}
		total += len(acknowledged)
		var sound string
		require.NoError(t, s.reader.QueryRow("PRAGMA integrity_check").Scan(&sound))
		require.Equal(t, "ok", sound)
		require.NoError(t, s.Close())
	}
	require.Greater(t, total, rounds, "most children were killed before they did anything")
	t.Logf("%d acts were acknowledged in %d processes", total, rounds)
}

type acknowledgement struct {
	act string
	n   int
}

// killed runs a child, kills it, and returns what it said before.
func killed(t *testing.T, path string, round int) (all []acknowledgement) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDatabase+"="+path, childRound+"="+strconv.Itoa(round))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	// A child takes about 30 ms to begin, and each of its acts 2.
	timer := time.AfterFunc(time.Duration(rand.IntN(150))*time.Millisecond, func() { _ = child.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewReader(out)
	for {
		var a acknowledgement
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // what is left is a line cut short
		}
		require.NoError(t, err)
		_, err = fmt.Sscan(line, &a.act, &a.n)
		require.NoError(t, err)
		all = append(all, a)
	}
	require.ErrorContains(t, child.Wait(), "killed")
	return all
}

// kept requires that an acknowledged act was done, and done whole.
func kept(t *testing.T, s *Store, a acknowledgement) {
	want := ticket(a.n)
	got, err := s.Ticket(t.Context(), want.Hash)
	require.NoError(t, err, "%s %d was acknowledged", a.act, a.n)
	want.Confirmed = got.Confirmed // the update may have been done and not acknowledged
	require.Equal(t, want, got)
	require.True(t, want.VotingKey == got.VotingKey)
	changes, err := s.Changes(t.Context(), want.Hash)
	require.NoError(t, err)
	require.Equal(t, got.Confirmed, len(changes) == 1, "an update was done by half")
	require.True(t, got.Confirmed || a.act != "updated", "%s %d was acknowledged", a.act, a.n)
}
