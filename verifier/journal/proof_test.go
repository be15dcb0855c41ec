package journal

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

func TestEveryEntryIsProven(t *testing.T) {
	key := newKey(t)
	for _, n := range []int{1, 2, 3, 8, 13} {
		dir := written(t, key, n)
		all, _, err := readAll(dir, key.Public())
		require.NoError(t, err)
		for i := range n {
			p, err := Prove(dir, key.Public(), int64(i+1))
			require.NoError(t, err)
			again, err := VerifyProof(p.Text(), key.Public())
			require.NoError(t, err)
			require.Equal(t, all[i], again.Entry)
			require.EqualValues(t, n, again.Checkpoint.Size)
		}
	}
}

// The text is what C2SP says of tlog-proof, line by line.
func TestProofFormat(t *testing.T) {
	key := newKey(t)
	p, err := Prove(written(t, key, 5), key.Public(), 3)
	require.NoError(t, err)
	lines := strings.Split(p.Text(), "\n")
	require.Equal(t, "c2sp.org/tlog-proof@v1", lines[0])
	line, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	require.NoError(t, err)
	require.Equal(t, "index 2", lines[2])
	require.Len(t, lines[3:6], 3, "5 records: 3 hashes lead from the third to the root")
	var path tlog.RecordProof
	for _, text := range lines[3:6] {
		hash, err := tlog.ParseHash(text)
		require.NoError(t, err)
		path = append(path, hash)
	}
	require.Empty(t, lines[6])
	require.Equal(t, []string{"vsp.example.org/local", "5"}, lines[7:9])
	root, err := tlog.ParseHash(lines[9])
	require.NoError(t, err)
	require.NoError(t, tlog.CheckRecord(path, 5, root, 2, tlog.RecordHash(line)))
	require.True(t, strings.HasPrefix(lines[13], "— vsp.example.org/local "), "%q", lines)
}

func TestNoProofOfWhatIsNotThere(t *testing.T) {
	key := newKey(t)
	dir := unclosed(t, key, 5).store(t, t.TempDir())
	_, err := Prove(dir, key.Public(), 3)
	require.NoError(t, err)
	_, err = Prove(dir, key.Public(), 4)
	require.ErrorIs(t, err, ErrNotSealed)
	for _, number := range []int64{-1, 0, 6} {
		_, err = Prove(dir, key.Public(), number)
		require.ErrorIs(t, err, ErrNoEntry)
	}
	f := load(t, dir)
	f.entries = rechained(t, f.entries, 2)
	_, err = Prove(f.store(t, t.TempDir()), key.Public(), 1)
	requireFault(t, err)
}

func TestChangedProofProvesNothing(t *testing.T) {
	key := newKey(t)
	dir := written(t, key, 6)
	p, err := Prove(dir, key.Public(), 2)
	require.NoError(t, err)
	text := p.Text()
	for bit := range 8 * len(text) {
		_, err := VerifyProof(flip(text, bit), key.Public())
		require.NotEmpty(t, requireFault(t, err).Text, "bit %d", bit)
	}
	for size := range text {
		_, err := VerifyProof(text[:size], key.Public())
		requireFault(t, err)
	}
	_, err = VerifyProof(text+"\n", key.Public())
	requireFault(t, err)
	_, err = VerifyProof(text, newKey(t).Public())
	require.ErrorContains(t, requireFault(t, err), "another key")

	other, err := Prove(dir, key.Public(), 4)
	require.NoError(t, err)
	mixed := p
	mixed.Path = other.Path
	_, err = VerifyProof(mixed.Text(), key.Public())
	requireFault(t, err)
	mixed = p
	mixed.Entry.Number = 4
	_, err = VerifyProof(mixed.Text(), key.Public())
	requireFault(t, err)
	mixed = p
	mixed.Checkpoint.Note = strings.Replace(p.Checkpoint.Note, "\n6\n", "\n7\n", 1)
	_, err = VerifyProof(mixed.Text(), key.Public())
	requireFault(t, err)
}

// What is read as a proof is written as it was.
func FuzzProof(f *testing.F) {
	key := newKey(f)
	for _, n := range []int{1, 6} {
		p, err := Prove(written(f, key, n), key.Public(), 1)
		require.NoError(f, err)
		f.Add(p.Text())
	}
	f.Add(fmt.Sprintf("%sextra %s\nindex 0\n\n\n", proofHeader, base64.StdEncoding.EncodeToString([]byte(`{"n":1}`))))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseProof(text)
		if err == nil {
			require.Equal(t, text, p.Text())
		}
		if verified, err := VerifyProof(text, key.Public()); err == nil {
			require.Equal(t, p, verified)
		}
	})
}
