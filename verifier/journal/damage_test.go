package journal

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

// verify reads a journal's files in memory as Read does on the disk.
func (f files) verify(key PublicKey) (Summary, error) {
	s := newScan(strings.NewReader(f.entries), strings.NewReader(f.marks), key)
	err := s.run(nil)
	return s.sum, err
}

func flip(text string, bit int) string {
	raw := []byte(text)
	raw[bit/8] ^= 1 << (bit % 8)
	return string(raw)
}

// lineOf returns the number of the line that a byte is in, from 1.
func lineOf(text string, at int) int64 { return int64(strings.Count(text[:at], "\n") + 1) }

// checkpointOf returns the number of the checkpoint that a byte is in, from 1. The empty line behind one is part of it.
func checkpointOf(marks string, at int) int64 {
	n := int64(1)
	for _, block := range strings.SplitAfter(marks, "=\n\n") {
		if at < len(block) {
			break
		}
		at -= len(block)
		n++
	}
	return n
}

// Every bit of a closed journal counts, and the entry or checkpoint it belongs to is named.
func TestEveryFlippedBitIsFoundAndNamed(t *testing.T) {
	key := newKey(t)
	whole := load(t, written(t, key, 5)) // the last checkpoint is on two entries more than the one before
	_, err := whole.verify(key.Public())
	require.NoError(t, err)
	for bit := range 8 * len(whole.entries) {
		_, err := files{flip(whole.entries, bit), whole.marks}.verify(key.Public())
		fault := requireFault(t, err)
		require.Equal(t, FileName, fault.File, "bit %d: %v", bit, fault)
		require.Equal(t, lineOf(whole.entries, bit/8), fault.Entry, "bit %d: %v", bit, fault)
	}
	for bit := range 8 * len(whole.marks) {
		_, err := files{whole.entries, flip(whole.marks, bit)}.verify(key.Public())
		fault := requireFault(t, err)
		require.Equal(t, CheckpointsName, fault.File, "bit %d: %v", bit, fault)
		require.Equal(t, checkpointOf(whole.marks, bit/8), fault.Checkpoint, "bit %d: %v", bit, fault)
	}
}

// One of a thousand random bits at a time, in a journal on the disk that has no shape chosen for the test. No writer goes on
// with such a journal.
func TestRandomFlippedBits(t *testing.T) {
	key := newKey(t)
	dir := written(t, key, 80)
	whole := load(t, dir)
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 1000 {
		edited, want := whole, int64(0)
		bit := random.IntN(8 * (len(whole.entries) + len(whole.marks)))
		if at := bit - 8*len(whole.entries); at < 0 {
			edited.entries, want = flip(whole.entries, bit), lineOf(whole.entries, bit/8)
		} else {
			edited.marks = flip(whole.marks, at)
		}
		edited.store(t, dir)
		_, err := Read(dir, key.Public(), nil)
		fault := requireFault(t, err)
		require.Equal(t, want, fault.Entry, "%v", fault)
		if n%50 == 0 {
			_, err := Open(dir, key, clock())
			requireFault(t, err)
			require.Equal(t, edited, load(t, dir), "nothing was repaired")
		}
	}
}

// A journal that was not closed has entries that no checkpoint covers. They still follow each other: only what is in the very
// last one is open to doubt.
func TestFlippedBitBehindTheLastCheckpoint(t *testing.T) {
	key := newKey(t)
	whole := unclosed(t, key, 5)
	last := strings.LastIndex(strings.TrimSuffix(whole.entries, "\n"), "\n") + 1
	for bit := range 8 * last {
		_, err := files{flip(whole.entries, bit), whole.marks}.verify(key.Public())
		fault := requireFault(t, err)
		line := lineOf(whole.entries, bit/8)
		require.Contains(t, []int64{line, line + 1}, fault.Entry, "bit %d: %v", bit, fault)
		if line < 4 {
			require.Equal(t, line, fault.Entry, "bit %d: %v", bit, fault)
		}
	}
	end := len(whole.entries) - 1
	for bit := 8 * end; bit < 8*len(whole.entries); bit++ {
		_, err := files{flip(whole.entries, bit), whole.marks}.verify(key.Public())
		requireFault(t, err) // it does not pass for a torn end
	}
}

// unclosed is a journal with n entries as a death leaves it: one whose last checkpoint is on the last third entry.
func unclosed(t testing.TB, key Key, n int) files {
	dir := t.TempDir()
	j, err := Open(dir, key, clock())
	require.NoError(t, err)
	write(t, j, n)
	f := load(t, dir)
	require.NoError(t, j.Close())
	return f
}

func splitCheckpoints(marks string) []string {
	all := strings.SplitAfter(marks, "=\n\n")
	return all[:len(all)-1]
}

func TestLinesCannotBeTakenOutOrMoved(t *testing.T) {
	key := newKey(t)
	whole := load(t, written(t, key, 7))
	lines := slices.DeleteFunc(strings.SplitAfter(whole.entries, "\n"), func(s string) bool { return s == "" })
	require.Len(t, lines, 7)
	refuse := func(what string, edited []string) {
		f := files{strings.Join(edited, ""), whole.marks}
		_, err := f.verify(key.Public())
		fault := requireFault(t, err)
		require.NotZero(t, fault.Entry, what)
		_, err = Open(f.store(t, t.TempDir()), key, clock())
		requireFault(t, err)
	}
	_, err := files{strings.Join(slices.Delete(slices.Clone(lines), 2, 3), ""), whole.marks}.verify(key.Public())
	require.EqualError(t, err, "journal.jsonl: entry 3: is missing: entry 4 stands in its place")
	for i := range lines {
		refuse("taken out", slices.Delete(slices.Clone(lines), i, i+1))
		refuse("doubled", slices.Insert(slices.Clone(lines), i, lines[i]))
		refuse("emptied", slices.Replace(slices.Clone(lines), i, i+1, "\n"))
		if i > 0 {
			swapped := slices.Clone(lines)
			swapped[i-1], swapped[i] = swapped[i], swapped[i-1]
			refuse("swapped", swapped)
		}
		for j := range lines {
			if i != j {
				refuse("put in another's place", slices.Replace(slices.Clone(lines), i, i+1, lines[j]))
			}
		}
	}
	for size := range len(whole.entries) {
		_, err := files{whole.entries[:size], whole.marks}.verify(key.Public())
		fault := requireFault(t, err)
		require.Equal(t, lineOf(whole.entries, size), fault.Entry, "cut at %d: %v", size, fault)
	}
}

func TestCheckpointsCannotBeTakenOutOrMoved(t *testing.T) {
	key := newKey(t)
	whole := load(t, written(t, key, 10))
	marks := splitCheckpoints(whole.marks)
	require.Len(t, marks, 5)
	refuse := func(edited ...string) {
		_, err := files{whole.entries, strings.Join(edited, "")}.verify(key.Public())
		fault := requireFault(t, err)
		require.NotZero(t, fault.Checkpoint, "%v", fault)
	}
	for i := range marks {
		refuse(append(slices.Clone(marks), marks[i])...) // an older one once more
		refuse(slices.Insert(slices.Clone(marks), i, marks[i])...)
		lines := strings.SplitAfter(marks[i], "\n")
		for l := range lines[:len(lines)-1] {
			if i < len(marks)-1 || l < len(lines)-2 { // without the empty line behind it the last one is torn
				refuse(slices.Replace(slices.Clone(marks), i, i+1, strings.Join(slices.Delete(slices.Clone(lines), l, l+1), ""))...)
			}
		}
		if i > 0 {
			swapped := slices.Clone(marks)
			swapped[i-1], swapped[i] = swapped[i], swapped[i-1]
			refuse(swapped...)
			refuse(slices.Delete(slices.Clone(marks), i-1, i)...)
		}
	}
	refuse() // all of them

	// Not even the key's holder can seal the same entries twice, or fewer than before.
	for _, size := range []int64{10, 9, 0} {
		last, err := parseCheckpoint(strings.TrimSuffix(marks[4], "\n"))
		require.NoError(t, err)
		last.Number, last.Size = 6, size
		again, err := key.sign(last)
		require.NoError(t, err)
		_, err = files{whole.entries, whole.marks + again.Note + "\n"}.verify(key.Public())
		require.Equal(t, &Fault{CheckpointsName, 0, 6, fmt.Sprintf("seals %d entries, and the one before it 10", size)}, requireFault(t, err))
	}
}

// Without the key an earlier state can be brought back, and nothing else. What was published exposes it.
func TestCutBackToACheckpoint(t *testing.T) {
	key := newKey(t)
	dir := written(t, key, 10)
	whole := load(t, dir)
	published, err := whole.verify(key.Public())
	require.NoError(t, err)
	require.NoError(t, Upholds(dir, published.Tree))

	marks := splitCheckpoints(whole.marks)
	lines := strings.SplitAfter(whole.entries, "\n")
	cut := files{strings.Join(lines[:6], ""), strings.Join(marks[:3], "")}
	sum, err := cut.verify(key.Public())
	require.NoError(t, err, "this cannot be found in the files themselves")
	require.EqualValues(t, 6, sum.Sealed.Size)
	require.ErrorIs(t, Upholds(cut.store(t, t.TempDir()), published.Tree), ErrBehind)
	require.NoError(t, Upholds(cut.store(t, t.TempDir()), tlog.Tree{N: sum.Sealed.Size, Hash: sum.Sealed.Root}))

	sum, err = files{whole.entries, cut.marks}.verify(key.Public())
	require.NoError(t, err)
	require.EqualValues(t, 6, sum.Sealed.Size)
	require.EqualValues(t, 10, sum.Tree.N, "what is not sealed is told apart")
}

// rechained changes an entry and makes all after it follow again.
func rechained(t *testing.T, entries string, number int64) string {
	var b strings.Builder
	prev := ""
	for line := range strings.Lines(entries) {
		entry, err := parseEntry([]byte(strings.TrimSuffix(line, "\n")))
		require.NoError(t, err)
		if entry.Number == number {
			entry.Data = []byte(`{"text":"all was well"}`)
		}
		entry.Prev = prev
		prev = entry.Hash().String()
		b.Write(append(entry.Line(), '\n'))
	}
	return b.String()
}

func TestWrittenAnewWithoutTheKey(t *testing.T) {
	key := newKey(t)
	whole := load(t, written(t, key, 10))
	for number := int64(1); number <= 10; number++ {
		f := files{rechained(t, whole.entries, number), whole.marks}
		_, err := f.verify(key.Public())
		fault := requireFault(t, err)
		require.Equal(t, min(10, (number+2)/3*3), fault.Entry, "the next that a checkpoint is on: %v", fault)
		require.NotZero(t, fault.Checkpoint)
	}
}

func TestWrittenAnewWithAnotherKey(t *testing.T) {
	key, other := newKey(t), newKey(t)
	require.NotEqual(t, key.Public(), other.Public())
	dir := written(t, other, 5)
	_, err := Read(dir, key.Public(), nil)
	require.ErrorContains(t, requireFault(t, err), "another key")
	_, err = Open(dir, key, clock())
	require.ErrorContains(t, requireFault(t, err), "another key")

	// One checkpoint of another key among the right ones.
	ours, theirs := load(t, written(t, key, 5)), load(t, dir)
	marks := splitCheckpoints(ours.marks)
	marks[1] = splitCheckpoints(theirs.marks)[1]
	_, err = files{ours.entries, strings.Join(marks, "")}.verify(key.Public())
	require.EqualValues(t, 2, requireFault(t, err).Checkpoint)
}

func TestWrittenAnewWithTheKey(t *testing.T) {
	key := newKey(t)
	before, after := written(t, key, 6), t.TempDir()
	j, err := Open(after, key, clock())
	require.NoError(t, err)
	_, err = j.Append("note", remark{"it was otherwise"})
	require.NoError(t, err)
	write(t, j, 6)
	require.NoError(t, j.Close())
	shown, err := Read(before, key.Public(), nil)
	require.NoError(t, err)
	_, err = Read(after, key.Public(), nil)
	require.NoError(t, err, "who has the key can write what he likes")
	require.ErrorIs(t, Upholds(after, shown.Tree), ErrRewritten)
}
