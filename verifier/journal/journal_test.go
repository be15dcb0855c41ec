package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	signednote "golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		writeUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

func TestWhatIsAppendedIsRead(t *testing.T) {
	key := newKey(t)
	all, sum, err := readAll(written(t, key, 5), key.Public())
	require.NoError(t, err)
	require.Len(t, all, 5)
	for i, entry := range all {
		var r remark
		require.NoError(t, json.Unmarshal(entry.Data, &r))
		require.Equal(t, fmt.Sprintf("<%d>", i), r.Text)
		require.EqualValues(t, i+1, entry.Number)
		require.Equal(t, "note", entry.Kind)
	}
	require.Empty(t, all[0].Prev)
	require.Equal(t, 2*time.Second, all[2].At.Sub(all[0].At))
	require.EqualValues(t, 5, sum.Tree.N)
	require.EqualValues(t, 5, sum.Sealed.Size)
	require.EqualValues(t, 3, sum.Sealed.Number, "on nothing, on 3 entries, at the end")
	require.Equal(t, block(3), sum.Sealed.Block, "the end knows no newer block")
	require.Equal(t, all[0].At, sum.First)
	require.Equal(t, all[4].At, sum.Last)
	require.Empty(t, sum.Repairs)
	require.Empty(t, sum.Steps)
}

// Others that know the formats and nothing of this package come to the same.
func TestOthersVerifyIt(t *testing.T) {
	key := newKey(t)
	f := load(t, written(t, key, 11))
	var hashes []tlog.Hash
	stored := tlog.HashReaderFunc(func(indexes []int64) (found []tlog.Hash, err error) {
		for _, i := range indexes {
			found = append(found, hashes[i])
		}
		return found, nil
	})
	roots := make(map[string]tlog.Hash)
	for n, line := range strings.Split(strings.TrimSuffix(f.entries, "\n"), "\n") {
		root, err := tlog.TreeHash(int64(n), stored)
		require.NoError(t, err)
		roots[fmt.Sprint(n)] = root
		more, err := tlog.StoredHashes(int64(n), []byte(line), stored)
		require.NoError(t, err)
		hashes = append(hashes, more...)
	}
	roots["11"], _ = tlog.TreeHash(11, stored)

	verifier, err := signednote.NewVerifier(key.Public().String())
	require.NoError(t, err)
	marks := strings.Split(strings.TrimSuffix(f.marks, "\n\n"), "\n\n")
	require.Len(t, marks, 2*5, "a text and a signature each")
	for i := 0; i < len(marks); i += 2 {
		opened, err := signednote.Open([]byte(marks[i]+"\n\n"+marks[i+1]+"\n"), signednote.VerifierList(verifier))
		require.NoError(t, err)
		lines := strings.Split(opened.Text, "\n")
		require.Equal(t, "vsp.example.org/local", lines[0])
		require.Equal(t, roots[lines[1]].String(), lines[2])
	}
}

func TestOpenGoesOn(t *testing.T) {
	key := newKey(t)
	dir := written(t, key, 3)
	j, err := Open(dir, key, clock())
	require.NoError(t, err)
	number, err := j.Append("note", remark{"after"})
	require.NoError(t, err)
	require.EqualValues(t, 4, number)
	require.NoError(t, j.Close())
	all, sum, err := readAll(dir, key.Public())
	require.NoError(t, err)
	require.Len(t, all, 4)
	require.EqualValues(t, 4, sum.Sealed.Size)
}

func TestSeal(t *testing.T) {
	key := newKey(t)
	dir := filepath.Join(t.TempDir(), "journal")
	j, err := Open(dir, key, clock())
	require.NoError(t, err)
	first, err := j.Seal(Block{})
	require.NoError(t, err)
	require.EqualValues(t, 1, first.Number, "a journal begins with a checkpoint on nothing")
	require.Zero(t, first.Size)
	write(t, j, 2)
	second, err := j.Seal(block(7))
	require.NoError(t, err)
	require.EqualValues(t, 2, second.Number)
	require.EqualValues(t, 2, second.Size)
	require.Equal(t, block(7), second.Block)
	again, err := j.Seal(block(8))
	require.NoError(t, err)
	require.Equal(t, second, again, "nothing was added")
	_, err = j.Append("note", remark{"third"})
	require.NoError(t, err)
	third, err := j.Seal(Block{})
	require.NoError(t, err)
	require.Equal(t, block(8), third.Block)
	opened, err := key.Public().Open(third.Note)
	require.NoError(t, err)
	require.Equal(t, third, opened)
	require.NoError(t, j.Close())
}

func TestOneWriter(t *testing.T) {
	key, dir := newKey(t), t.TempDir()
	j, err := Open(dir, key, clock())
	require.NoError(t, err)
	_, err = Open(dir, key, clock())
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, j.Close())
	j, err = Open(dir, key, clock())
	require.NoError(t, err)
	require.NoError(t, j.Close())
}

// broken is a file that takes so many writes and syncs, and no more.
type broken struct {
	file
	writes, syncs int
}

var errDisk = errors.New("the disk is full")

func (b *broken) Write(p []byte) (int, error) {
	if b.writes--; b.writes < 0 {
		n, _ := b.file.Write(p[:len(p)/2])
		return n, errDisk
	}
	return b.file.Write(p)
}

func (b *broken) Sync() error {
	if b.syncs--; b.syncs < 0 {
		return errDisk
	}
	return b.file.Sync()
}

// Whatever goes wrong first, nothing is written after it, and what was acknowledged is there when the disk is well again.
func TestNothingIsWrittenAfterAHole(t *testing.T) {
	const plenty = 1000
	for name, fill := range map[string]func(*Journal){
		"an entry":          func(j *Journal) { j.entries = &broken{j.entries, 3, plenty} },
		"syncing entries":   func(j *Journal) { j.entries = &broken{j.entries, plenty, 1} },
		"a checkpoint":      func(j *Journal) { j.marks = &broken{j.marks, 1, plenty} },
		"syncing the seals": func(j *Journal) { j.marks = &broken{j.marks, plenty, 1} },
	} {
		t.Run(name, func(t *testing.T) {
			key, dir := newKey(t), t.TempDir()
			j, err := Open(dir, key, clock())
			require.NoError(t, err)
			fill(j)
			acknowledged := int64(0)
			for err == nil {
				var number int64
				if number, err = j.Append("note", remark{"x"}); err == nil {
					acknowledged = number
					if number%2 == 0 {
						_, err = j.Seal(block(number))
					}
				}
			}
			require.ErrorIs(t, err, errDisk)
			_, again := j.Append("note", remark{"after the hole"})
			require.Equal(t, err, again)
			require.Equal(t, err, j.Sync())
			_, again = j.Seal(Block{})
			require.Equal(t, err, again)
			require.ErrorIs(t, j.Close(), errDisk)

			j, err = Open(dir, key, clock())
			require.NoError(t, err)
			require.NoError(t, j.Close())
			_, sum, err := readAll(dir, key.Public())
			require.NoError(t, err)
			require.GreaterOrEqual(t, sum.Tree.N, acknowledged)
			require.Equal(t, sum.Tree.N, sum.Sealed.Size)
		})
	}
}

func TestWhatIsNoEntryIsNotAppended(t *testing.T) {
	key, dir := newKey(t), t.TempDir()
	j, err := Open(dir, key, clock())
	require.NoError(t, err)
	for _, kind := range []string{"", "two words", "Upper", "a\"b", "a\nb"} {
		_, err := j.Append(kind, 1)
		require.ErrorContains(t, err, "no kind", "%q", kind)
	}
	_, err = j.Append("note", strings.Repeat("x", maxLine))
	require.ErrorContains(t, err, "fit")
	_, err = j.Append("note", func() {})
	require.ErrorContains(t, err, "encode")
	_, err = j.Append("note", strings.Repeat("x", maxLine-200))
	require.NoError(t, err)
	_, err = j.Append("note", "\n\u2028<&>\x00")
	require.NoError(t, err)
	require.NoError(t, j.Close())
	all, _, err := readAll(dir, key.Public())
	require.NoError(t, err)
	require.Len(t, all, 2)
}

func TestConcurrentAppends(t *testing.T) {
	key, dir := newKey(t), t.TempDir()
	j, err := Open(dir, key, time.Now)
	require.NoError(t, err)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for i := range 50 {
				_, err := j.Append("note", remark{"x"})
				if err == nil && i%10 == 9 {
					_, err = j.Seal(Block{})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 { // whoever reads meanwhile sees a journal in order
		_, _, err := readAll(dir, key.Public())
		require.NoError(t, err)
	}
	writers.Wait()
	require.NoError(t, j.Close())
	all, _, err := readAll(dir, key.Public())
	require.NoError(t, err)
	require.Len(t, all, 400)
}

func TestClockSteps(t *testing.T) {
	key, dir := newKey(t), t.TempDir()
	begin := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	times := []time.Duration{0, time.Hour, time.Hour - maxBack, 30 * time.Minute, 31 * time.Minute, 31*time.Minute - 1500*time.Millisecond}
	i := -1
	j, err := Open(dir, key, func() time.Time { i++; return begin.Add(times[i]) })
	require.NoError(t, err)
	write(t, j, len(times))
	require.NoError(t, j.Close())
	_, sum, err := readAll(dir, key.Public())
	require.NoError(t, err, "a clock that is put right is no edit")
	require.Equal(t, []Step{{4, 30*time.Minute - maxBack}, {6, 1500 * time.Millisecond}}, sum.Steps)
}

func TestNoJournal(t *testing.T) {
	key := newKey(t)
	_, _, err := readAll(t.TempDir(), key.Public())
	require.ErrorIs(t, err, os.ErrNotExist)
	dir := written(t, key, 2)
	require.NoError(t, os.Remove(filepath.Join(dir, FileName)))
	_, _, err = readAll(dir, key.Public())
	require.Error(t, err)
}
