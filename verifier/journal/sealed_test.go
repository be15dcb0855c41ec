package journal

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReadSealed reads what each checkpoint covers, of a journal that has more: entries, root and what else there was, as if it
// had ended there.
func TestReadSealed(t *testing.T) {
	key := newKey(t)
	dir := written(t, key, 10) // checkpoints on 0, 3, 6, 9 and 10 entries
	book, err := Open(dir, key, clock())
	require.NoError(t, err)
	defer book.Close()
	_, err = book.Append("note", remark{"not sealed"})
	require.NoError(t, err)
	require.NoError(t, book.Sync())
	for _, size := range []int64{3, 6, 9, 10, 0} {
		want := size
		if size == 0 {
			want = 10
		}
		var last Entry
		n := int64(0)
		sum, err := ReadSealed(dir, key.Public(), size, func(e Entry) error { n, last = n+1, e; return nil })
		require.NoError(t, err)
		require.Equal(t, []int64{want, want, want}, []int64{n, sum.Tree.N, sum.Sealed.Size})
		require.Equal(t, sum.Sealed.Root, sum.Tree.Hash)
		require.Equal(t, last.At, sum.Last)
		require.NoError(t, Upholds(dir, sum.Tree))
	}
	for _, size := range []int64{1, 11, 12} {
		_, err := ReadSealed(dir, key.Public(), size, func(Entry) error { return nil })
		require.ErrorIs(t, err, ErrNotSealed)
	}
}

// TestReadSealedVerifiesAll: also what comes after the entries that it is asked for.
func TestReadSealedVerifiesAll(t *testing.T) {
	key := newKey(t)
	dir := written(t, key, 10)
	raw, err := os.ReadFile(filepath.Join(dir, FileName))
	require.NoError(t, err)
	changed := strings.Replace(string(raw), "8\\u003e", "7\\u003e", 1)
	require.NotEqual(t, string(raw), changed)
	require.NoError(t, os.WriteFile(filepath.Join(dir, FileName), []byte(changed), 0o600))
	_, err = ReadSealed(dir, key.Public(), 3, func(Entry) error { return nil })
	requireFault(t, err)
}

// TestNotes that the key signed: they are what was signed, to the bit, and are no checkpoints.
func TestNotes(t *testing.T) {
	key := newKey(t)
	const text = "scrutineer something v1\nwith a line\n"
	signed, err := key.SignNote(text)
	require.NoError(t, err)
	opened, err := key.Public().OpenNote(signed)
	require.NoError(t, err)
	require.Equal(t, text, opened)
	_, err = key.Public().Open(signed)
	require.Error(t, err, "no checkpoint")
	_, err = newKey(t).Public().OpenNote(signed)
	require.ErrorContains(t, err, "another key")

	checkpoint, err := key.sign(Checkpoint{Number: 1})
	require.NoError(t, err)
	_, err = key.SignNote(checkpoint.text())
	require.Error(t, err)
	_, err = key.Public().OpenNote(checkpoint.Note)
	require.ErrorContains(t, err, "checkpoint")
	for bit := range 8 * len(signed) {
		opened, err := key.Public().OpenNote(flip(signed, bit))
		require.Error(t, err, "bit %d: %q", bit, opened)
	}
	for range 100 {
		at := rand.IntN(len(signed))
		_, err := key.Public().OpenNote(signed[:at] + "\n" + signed[at:])
		require.Error(t, err)
	}
}
