package journal

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestFollowerSeesWhatReadSees writes, seals, reopens and follows in any order.
func TestFollowerSeesWhatReadSees(t *testing.T) {
	key := newKey(t)
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "journal")
		require.NoError(rt, err)
		now := clock()
		j, err := Open(dir, key, now)
		require.NoError(rt, err)
		defer func() { require.NoError(rt, j.Close()) }()
		f := Follow(dir, key.Public())
		followed := []Entry{}
		rt.Repeat(map[string]func(*rapid.T){
			"write": func(*rapid.T) {
				_, err := j.Append("note", remark{"x"})
				require.NoError(rt, err)
			},
			"seal": func(*rapid.T) {
				_, err := j.Seal(block(1))
				require.NoError(rt, err)
			},
			"tear": func(*rapid.T) { // as a death does, and then begin again
				require.NoError(rt, j.Close())
				require.NoError(rt, appendText(dir, `{"n":`))
				if rapid.Bool().Draw(rt, "looked") {
					_, err := f.Next(func(e Entry) error { followed = append(followed, e); return nil })
					require.NoError(rt, err)
				}
				j, err = Open(dir, key, now)
				require.NoError(rt, err)
			},
			"follow": func(*rapid.T) {
				sum, err := f.Next(func(e Entry) error { followed = append(followed, e); return nil })
				require.NoError(rt, err)
				all, whole, err := readAll(dir, key.Public())
				require.NoError(rt, err)
				require.Equal(rt, append([]Entry{}, all[:whole.Sealed.Size]...), followed)
				require.Equal(rt, whole.Sealed, sum.Sealed)
				require.Equal(rt, sum.Sealed.Size, sum.Tree.N)
				require.Equal(rt, sum.Sealed.Root, sum.Tree.Hash)
				read, behind := f.Bytes()
				info, err := os.Stat(filepath.Join(dir, FileName))
				require.NoError(rt, err)
				require.Equal(rt, info.Size(), read+behind)
			},
		})
	})
}

func appendText(dir, text string) error {
	file, err := os.OpenFile(filepath.Join(dir, FileName), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	if _, err := file.WriteString(text); err != nil {
		return err
	}
	return file.Close()
}

// TestFollowerFindsWhatReadFinds: what it has read it does not read again, but what comes must follow on it.
func TestFollowerFindsWhatReadFinds(t *testing.T) {
	key := newKey(t)
	first := load(t, written(t, key, 6))
	other := load(t, written(t, newKey(t), 12))
	longer := load(t, written(t, key, 12))
	follow := func(next files) error {
		dir := first.store(t, t.TempDir())
		f := Follow(dir, key.Public())
		_, err := f.Next(nil)
		require.NoError(t, err)
		next.store(t, dir)
		_, err = f.Next(nil)
		return err
	}
	require.NoError(t, follow(first))
	require.NoError(t, follow(longer))
	flipped := []byte(longer.entries)
	flipped[len(flipped)-20] ^= 1
	requireFault(t, follow(files{string(flipped), longer.marks}))
	requireFault(t, follow(files{longer.entries, other.marks}))
	requireFault(t, follow(files{first.entries[:100], first.marks}))
	requireFault(t, follow(files{longer.entries[:len(first.entries)+1], longer.marks}))

	_, err := Follow(filepath.Join(t.TempDir(), "nothing"), key.Public()).Next(nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}
