package journal

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// pull brings a mirror up to date, and returns how many pieces it took.
func pull(t testing.TB, m *Mirror, dir string, key PublicKey, limit int) (pieces int, err error) {
	for {
		before := m.Last()
		p, err := Tail(dir, key, m.Size(), limit)
		require.NoError(t, err)
		sent, err := ReadPiece(strings.NewReader(p.Text()))
		require.NoError(t, err)
		require.Equal(t, p.Text(), sent.Text())
		if err := m.Append(sent); err != nil || m.Last() == before {
			return pieces, err
		}
		pieces++
	}
}

func openMirror(t testing.TB, dir string, key PublicKey) *Mirror {
	m, err := OpenMirror(dir, key)
	require.NoError(t, err)
	return m
}

func TestMirrorBecomesTheJournal(t *testing.T) {
	key := newKey(t)
	dir := written(t, key, 20)
	whole := load(t, dir)
	for _, limit := range []int{0, 500, PieceSize} {
		copied := filepath.Join(t.TempDir(), "mirror")
		m := openMirror(t, copied, key.Public())
		pieces, err := pull(t, m, dir, key.Public(), limit)
		require.NoError(t, err)
		require.Equal(t, limit == PieceSize, pieces == 1, "%d pieces of %d bytes", pieces, limit)
		require.NoError(t, m.Close())
		require.Equal(t, whole, load(t, copied))
		sum, err := Read(copied, key.Public(), nil)
		require.NoError(t, err)
		require.EqualValues(t, 20, sum.Sealed.Size)
	}
}

// A mirror follows a journal that grows, dies, and goes on. It has what is sealed, nothing more.
func TestMirrorFollows(t *testing.T) {
	key := newKey(t)
	rapid.Check(t, func(rt *rapid.T) {
		dir, copied := filepath.Join(t.TempDir(), "journal"), filepath.Join(t.TempDir(), "mirror")
		j, err := Open(dir, key, clock())
		require.NoError(t, err)
		m := openMirror(t, copied, key.Public())
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0, 1:
				_, err := j.Append("note", remark{"x"})
				require.NoError(t, err)
			case 2:
				_, err := j.Seal(block(j.tree.size))
				require.NoError(t, err)
			case 3:
				_, err := pull(t, m, dir, key.Public(), rapid.IntRange(0, 400).Draw(rt, "limit"))
				require.NoError(t, err)
				require.Equal(t, j.last, m.Last())
				has, of := load(t, copied), load(t, dir)
				require.Equal(t, of.marks, has.marks)
				require.True(t, strings.HasPrefix(of.entries, has.entries))
			case 4:
				require.NoError(t, m.Close())
				m = openMirror(t, copied, key.Public())
			}
		}
		require.NoError(t, j.Close())
		require.NoError(t, m.Close())
	})
}

// What a death leaves of a piece that was being written is cut, and pulled again.
func TestMirrorAfterADeath(t *testing.T) {
	key := newKey(t)
	dir := written(t, key, 20)
	whole := load(t, dir)
	marks := splitCheckpoints(whole.marks)
	safe := files{strings.Join(strings.SplitAfter(whole.entries, "\n")[:6], ""), strings.Join(marks[:3], "")}
	random := rand.New(rand.NewPCG(5, 6))
	for range 60 {
		entries := content{whole.entries, len(safe.entries)}
		left := files{entries.survives(random), safe.marks}
		if random.IntN(2) == 0 { // the entries were safe, the checkpoints were being written
			left = files{whole.entries, content{whole.marks, len(safe.marks)}.survives(random)}
		}
		copied := left.store(t, filepath.Join(t.TempDir(), "mirror"))
		m := openMirror(t, copied, key.Public())
		require.GreaterOrEqual(t, m.Size(), int64(6))
		_, err := pull(t, m, dir, key.Public(), PieceSize)
		require.NoError(t, err)
		require.NoError(t, m.Close())
		require.Equal(t, whole, load(t, copied))
	}
}

// mirrorOf returns a mirror of a journal, and its folder.
func mirrorOf(t testing.TB, dir string, key PublicKey) (*Mirror, string) {
	copied := filepath.Join(t.TempDir(), "mirror")
	m := openMirror(t, copied, key)
	_, err := pull(t, m, dir, key, PieceSize)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m, copied
}

func TestRewrittenPastIsFound(t *testing.T) {
	key := newKey(t)
	tell := func(words ...string) string {
		dir := filepath.Join(t.TempDir(), "journal")
		j, err := Open(dir, key, clock())
		require.NoError(t, err)
		for i, word := range words {
			_, err := j.Append("note", remark{word})
			require.NoError(t, err)
			if i%2 == 1 {
				_, err := j.Seal(Block{})
				require.NoError(t, err)
			}
		}
		require.NoError(t, j.Close())
		return dir
	}
	m, copied := mirrorOf(t, tell("a", "b", "c"), key.Public())
	shown := load(t, copied)
	for name, test := range map[string]struct {
		words []string
		want  error
	}{
		"as it was":                {[]string{"a", "b", "c"}, nil},
		"cut back":                 {[]string{"a", "b"}, ErrBehind},
		"an entry left out":        {[]string{"a", "c"}, ErrBehind},
		"written anew":             {[]string{"a", "X", "c"}, ErrRewritten},
		"written anew, and longer": {[]string{"a", "X", "c", "d", "e"}, ErrRewritten},
		"entries put in":           {[]string{"a", "X", "b", "c"}, ErrRewritten},
	} {
		_, err := pull(t, m, tell(test.words...), key.Public(), PieceSize)
		require.ErrorIs(t, err, test.want, name)
		require.Equal(t, shown, load(t, copied), name)
	}
}

func TestPieceIsTakenWholeOrNotAtAll(t *testing.T) {
	key := newKey(t)
	dir := filepath.Join(t.TempDir(), "journal")
	j, err := Open(dir, key, clock())
	require.NoError(t, err)
	write(t, j, 7)
	_, err = j.Seal(block(7))
	require.NoError(t, err)
	m, copied := mirrorOf(t, dir, key.Public())
	shown := load(t, copied)
	first, err := Tail(dir, key.Public(), 0, PieceSize)
	require.NoError(t, err)
	write(t, j, 6)
	require.NoError(t, j.Close())
	p, err := Tail(dir, key.Public(), 7, PieceSize)
	require.NoError(t, err)
	text := p.Text()

	refuse := func(text string) error {
		p, err := ReadPiece(strings.NewReader(text))
		if err == nil {
			err = m.Append(p)
		}
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrRewritten, "nobody is accused for what got lost on its way")
		require.Equal(t, shown, load(t, copied))
		require.EqualValues(t, 7, m.Size())
		return err
	}
	random := rand.New(rand.NewPCG(7, 8))
	for range 400 {
		requireFault(t, refuse(flip(text, random.IntN(8*len(text)))))
	}
	for range 100 {
		requireFault(t, refuse(text[:random.IntN(len(text))]))
	}
	requireFault(t, refuse(first.Text()))
	old, err := ReadPiece(strings.NewReader(text))
	require.NoError(t, err)
	old.Checkpoints = old.Checkpoints[:1]
	old.Entries = ""
	requireFault(t, refuse(old.Text()))

	other := written(t, newKey(t), 20)
	theirs, err := Tail(other, key.Public(), 7, PieceSize)
	require.NoError(t, err)
	requireFault(t, refuse(theirs.Text()))

	require.NoError(t, m.Append(p))
	require.Equal(t, load(t, dir), load(t, copied))
	require.EqualValues(t, 13, m.Size())
	requireFault(t, m.Append(p)) // it came twice
}

func TestTailOfNothing(t *testing.T) {
	key := newKey(t)
	_, err := Tail(t.TempDir(), key.Public(), 0, PieceSize)
	require.Error(t, err)
	dir := written(t, key, 4)
	_, err = Tail(dir, key.Public(), -1, PieceSize)
	require.Error(t, err)
	p, err := Tail(dir, key.Public(), 9, PieceSize)
	require.NoError(t, err)
	require.Empty(t, p.Entries)
	require.EqualValues(t, 4, p.last().Size)
}

// What is read as a piece is written as it was, and a mirror stays in order whatever it is given.
func FuzzPiece(f *testing.F) {
	key := newKey(f)
	dir := written(f, key, 7)
	for _, after := range []int64{0, 2, 3, 7, 9} {
		p, err := Tail(dir, key.Public(), after, PieceSize)
		require.NoError(f, err)
		f.Add(p.Text())
	}
	f.Add(pieceHeader + "after 0 \n\n\n")
	copied := filepath.Join(f.TempDir(), "mirror")
	m := openMirror(f, copied, key.Public())
	f.Cleanup(func() { require.NoError(f, m.Close()) })
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePiece(text)
		if err != nil {
			return
		}
		require.Equal(t, text, p.Text())
		if err := m.Append(p); err == nil {
			_, err := Read(copied, key.Public(), nil)
			require.NoError(t, err)
		}
	})
}
