package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// clock is a clock that goes on by a second at each look.
func clock() func() time.Time {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	return func() time.Time {
		at = at.Add(time.Second)
		return at
	}
}

type note struct {
	Text string `json:"text"`
}

func open(t testing.TB, dir string) *Journal {
	j, err := Open(dir, clock())
	require.NoError(t, err)
	return j
}

// written returns a journal's bytes with n entries in it.
func written(t testing.TB, n int) []byte {
	dir := t.TempDir()
	j := open(t, dir)
	for i := range n {
		number, err := j.Append("note", note{fmt.Sprintf("<%d>", i)})
		require.NoError(t, err)
		require.EqualValues(t, i+1, number)
	}
	require.NoError(t, j.Close())
	raw, err := os.ReadFile(filepath.Join(dir, FileName))
	require.NoError(t, err)
	return raw
}

func place(t testing.TB, raw []byte) string {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, FileName), raw, 0o600))
	return dir
}

func readAll(r io.Reader) ([]Entry, *Reader, error) {
	reader := NewReader(r)
	var all []Entry
	for {
		entry, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return all, reader, nil
		}
		if err != nil {
			return all, reader, err
		}
		all = append(all, entry)
	}
}

func TestWhatIsAppendedIsRead(t *testing.T) {
	all, reader, err := readAll(bytes.NewReader(written(t, 5)))
	require.NoError(t, err)
	require.Len(t, all, 5)
	for i, entry := range all {
		var n note
		require.NoError(t, json.Unmarshal(entry.Data, &n))
		require.Equal(t, fmt.Sprintf("<%d>", i), n.Text)
		require.EqualValues(t, i+1, entry.Number)
		require.Equal(t, "note", entry.Kind)
	}
	require.Empty(t, all[0].Prev)
	require.Equal(t, 2*time.Second, all[2].At.Sub(all[0].At))
	entries, head := reader.Head()
	require.EqualValues(t, 5, entries)
	require.Len(t, head, 64)
}

func TestOpenGoesOn(t *testing.T) {
	dir := place(t, written(t, 3))
	j := open(t, dir)
	number, err := j.Append("note", note{"after"})
	require.NoError(t, err)
	require.EqualValues(t, 4, number)
	require.NoError(t, j.Close())
	file, err := os.Open(filepath.Join(dir, FileName))
	require.NoError(t, err)
	defer file.Close()
	all, _, err := readAll(file)
	require.NoError(t, err)
	require.Len(t, all, 4)
}

// Wherever a death tore the journal, what was whole is kept, what was torn is cut, an entry says so, and the chain holds.
func TestTornEndIsMended(t *testing.T) {
	whole := written(t, 3)
	for size := range len(whole) {
		dir := place(t, whole[:size])
		lines := bytes.Count(whole[:size], []byte{'\n'})
		torn := size - (bytes.LastIndexByte(whole[:size], '\n') + 1)
		all, _, err := readAll(bytes.NewReader(whole[:size]))
		require.NoError(t, err, "a reader takes an end that is not written yet for the end")
		require.Len(t, all, lines)

		j := open(t, dir)
		_, err = j.Append("note", note{"after"})
		require.NoError(t, err)
		require.NoError(t, j.Close())
		mended, err := os.ReadFile(filepath.Join(dir, FileName))
		require.NoError(t, err)
		all, _, err = readAll(bytes.NewReader(mended))
		require.NoError(t, err)
		if torn == 0 {
			require.Len(t, all, lines+1)
			continue
		}
		require.Len(t, all, lines+2)
		require.Equal(t, KindGap, all[lines].Kind)
		var gap Gap
		require.NoError(t, json.Unmarshal(all[lines].Data, &gap))
		require.EqualValues(t, torn, gap.Cut)
	}
}

// Any bit flipped in any line but the last is found, and the entry named is that line's or the next one's.
func TestEditIsFound(t *testing.T) {
	whole := written(t, 6)
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, last-1).Draw(t, "byte")
		edited := bytes.Clone(whole)
		edited[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		_, _, err := readAll(bytes.NewReader(edited))
		var fault *Fault
		require.ErrorAs(t, err, &fault)
		line := int64(bytes.Count(whole[:at], []byte{'\n'}) + 1)
		require.GreaterOrEqual(t, fault.Number, line)
		require.LessOrEqual(t, fault.Number, line+1)
	})
}

func TestLinesCannotBeTakenOutOrMoved(t *testing.T) {
	lines := bytes.SplitAfter(written(t, 4), []byte{'\n'})[:4]
	for name, order := range map[string][]int{"first left out": {1, 2, 3}, "one left out": {0, 2, 3}, "swapped": {0, 2, 1, 3}, "doubled": {0, 1, 1, 2}} {
		var raw []byte
		for _, i := range order {
			raw = append(raw, lines[i]...)
		}
		_, _, err := readAll(bytes.NewReader(raw))
		var fault *Fault
		require.ErrorAs(t, err, &fault, name)
		_, err = Open(place(t, raw), clock())
		require.ErrorAs(t, err, &fault, "an edited journal is not written on: %s", name)
	}
}

func TestOneWriter(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	_, err := Open(dir, clock())
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, j.Close())
	require.NoError(t, open(t, dir).Close())
}

func TestNothingIsWrittenAfterAHole(t *testing.T) {
	j := open(t, t.TempDir())
	require.NoError(t, j.file.Close()) // as if the disk had gone
	_, err := j.Append("note", note{"lost"})
	require.Error(t, err)
	_, again := j.Append("note", note{"after the hole"})
	require.Equal(t, err, again)
	require.Equal(t, err, j.Sync())
}

func TestConcurrentAppends(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(dir, time.Now)
	require.NoError(t, err)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 50 {
				if _, err := j.Append("note", note{"x"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	require.NoError(t, j.Close())
	raw, err := os.ReadFile(filepath.Join(dir, FileName))
	require.NoError(t, err)
	all, _, err := readAll(bytes.NewReader(raw))
	require.NoError(t, err)
	require.Len(t, all, 400)
}

// Whatever stands in the file, reading ends without a panic, and what is accepted is a chain.
func FuzzReader(f *testing.F) {
	f.Add(written(f, 2))
	f.Add([]byte("{}\n"))
	f.Add([]byte("\n\n"))
	f.Add([]byte("{\"n\":1,\"at\":\"2026-11-22T10:00:00Z\",\"kind\":\"\",\"prev\":\"\",\"data\":null}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		all, reader, err := readAll(bytes.NewReader(raw))
		prev := ""
		rest := raw
		for i, entry := range all {
			line, after, _ := bytes.Cut(rest, []byte{'\n'})
			require.EqualValues(t, i+1, entry.Number)
			require.Equal(t, prev, entry.Prev)
			prev, rest = hashOf(line), after
		}
		if err == nil {
			require.EqualValues(t, len(raw), reader.whole+reader.torn)
		}
	})
}
