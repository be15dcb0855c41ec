package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
)

// clock is a clock that goes on by a second at each look.
func clock() func() time.Time {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	return func() time.Time {
		at = at.Add(time.Second)
		return at
	}
}

type remark struct {
	Text string `json:"text"`
}

func newKey(t testing.TB) Key {
	key, err := CreateKey(filepath.Join(t.TempDir(), "journal.key"), "vsp.example.org/local")
	require.NoError(t, err)
	return key
}

func block(n int64) Block {
	return Block{Height: n, Hash: chainhash.HashH(fmt.Append(nil, n))}
}

// written is a closed journal with n entries and a checkpoint after every third.
func written(t testing.TB, key Key, n int) (dir string) {
	dir = filepath.Join(t.TempDir(), "journal")
	j, err := Open(dir, key, clock())
	require.NoError(t, err)
	write(t, j, n)
	require.NoError(t, j.Close())
	return dir
}

func write(t testing.TB, j *Journal, n int) {
	for i := range n {
		number, err := j.Append("note", remark{fmt.Sprintf("<%d>", i)})
		require.NoError(t, err)
		if number%3 == 0 {
			_, err := j.Seal(block(number))
			require.NoError(t, err)
		}
	}
}

// files are the contents of a journal's two files.
type files struct{ entries, marks string }

func load(t testing.TB, dir string) files {
	entries, err := os.ReadFile(filepath.Join(dir, FileName))
	require.NoError(t, err)
	marks, err := os.ReadFile(filepath.Join(dir, CheckpointsName))
	require.NoError(t, err)
	return files{string(entries), string(marks)}
}

// store puts files into a folder, instead of what is there.
func (f files) store(t testing.TB, dir string) string {
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, FileName), []byte(f.entries), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, CheckpointsName), []byte(f.marks), 0o600))
	return dir
}

// readAll returns a journal's entries, as far as they are in order.
func readAll(dir string, key PublicKey) (all []Entry, sum Summary, err error) {
	sum, err = Read(dir, key, func(e Entry) error {
		all = append(all, e)
		return nil
	})
	return all, sum, err
}

func requireFault(t require.TestingT, err error) *Fault {
	var fault *Fault
	if !errors.As(err, &fault) {
		require.Fail(t, "no fault was found", "%v", err)
	}
	return fault
}
