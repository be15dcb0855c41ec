package sqlstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"scrutineer/vsp"
)

// The environment by which this test binary is told to be the child of TestKill.
const (
	childDatabase = "SQLSTORE_TEST_DATABASE"
	childRound    = "SQLSTORE_TEST_ROUND"
)

// perWriter is more tickets than a goroutine of a child inserts in its life. A child has several, so that what they write is
// committed together.
const (
	perWriter       = 10_000
	writersPerChild = 4
)

// write inserts and updates tickets, and prints the number of each when its acts are acknowledged, until it is killed.
func write(path, round string) {
	child, err := strconv.Atoi(round)
	if err == nil {
		err = writeAll(path, child)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func writeAll(path string, child int) error {
	sealer, err := NewSealer(append([]byte{1}, make([]byte, 31)...))
	if err != nil {
		return err
	}
	s, err := Open(context.Background(), Config{Path: path}, sealer)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(context.Background())
	for n := range writersPerChild {
		group.Go(func() error { return insertEach(ctx, s, (writersPerChild*child+n)*perWriter) })
	}
	return group.Wait()
}

func insertEach(ctx context.Context, s *Store, first int) error {
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

// TestKill kills -9 two processes that write to one database, each at a random moment, again and again, and finds all
// that they were told is done.
func TestKill(t *testing.T) {
	const rounds, children = 8, 2
	path := filepath.Join(t.TempDir(), "vsp.db")
	var total int
	indexes := make(map[int]bool)
	for round := range rounds {
		acknowledged := make([][]acknowledgement, children)
		errs := make([]error, children)
		var all sync.WaitGroup
		for n := range children {
			all.Go(func() { acknowledged[n], errs[n] = killed(path, children*round+n, round%2 == 0) })
		}
		all.Wait()
		require.NoError(t, errors.Join(errs...))

		s := database(t, path)
		for _, a := range slices.Concat(acknowledged...) {
			total++
			if a.act == "index" {
				require.False(t, indexes[a.n], "index %d was given twice", a.n)
				indexes[a.n] = true
				continue
			}
			kept(t, s, a)
		}
		require.NoError(t, mustBeSound(t.Context(), s.db))
		require.NoError(t, s.Close())
	}
	require.GreaterOrEqual(t, total, rounds/2*children, "a child that was given time did nothing")
	t.Logf("%d acts were acknowledged in %d processes", total, rounds*children)
}

type acknowledgement struct {
	act string
	n   int
}

// killed runs a child, kills it, and returns what it said before. It is killed early, as it opens the database, or
// some time after it first said something.
func killed(path string, round int, early bool) (all []acknowledgement, err error) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDatabase+"="+path, childRound+"="+strconv.Itoa(round))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, err
	}
	// A child takes some 50 ms to open the database, and each of its acts 2; with -race ten times that.
	moment := time.Duration(rand.IntN(100)) * time.Millisecond
	patience := 20 * time.Second
	if early {
		patience = moment
	}
	kill := time.AfterFunc(patience, func() { _ = child.Process.Kill() })
	defer kill.Stop()
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // what is left is a line cut short
		}
		var a acknowledgement
		if _, err := fmt.Sscan(line, &a.act, &a.n); err != nil {
			return nil, errors.Join(err, child.Process.Kill())
		}
		if all = append(all, a); len(all) == 1 && !early {
			kill.Reset(moment)
		}
	}
	if err := child.Wait(); err == nil || err.Error() != "signal: killed" {
		return nil, fmt.Errorf("child %d was not killed, but ended: %v", round, err)
	}
	return all, nil
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
