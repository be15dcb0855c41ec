package sqlstore

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/vsp"
)

func TestSealed(t *testing.T) {
	s, other := sealer(t, 1), sealer(t, 2)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		about := rapid.String().Draw(t, "about")
		sealed := s.seal(plain, about)
		got, err := s.open(sealed, about)
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, got))
		require.NotEqual(t, sealed, s.seal(plain, about), "nonces must differ")

		_, err = s.open(sealed, about+"x")
		require.Error(t, err, "about something else")
		_, err = other.open(sealed, about)
		require.Error(t, err, "another key")
		flipped := slices.Clone(sealed)
		bit := rapid.IntRange(0, 8*len(sealed)-1).Draw(t, "bit")
		flipped[bit/8] ^= 1 << (bit % 8)
		_, err = s.open(flipped, about)
		require.Error(t, err, "a flipped bit")
		_, err = s.open(sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "length")], about)
		require.Error(t, err, "cut short")
	})
}

// TestVotingKeysAreNotInTheFiles looks for a voting key, and for a piece of one, in all that is on the disk.
func TestVotingKeysAreNotInTheFiles(t *testing.T) {
	folder := t.TempDir()
	s := database(t, filepath.Join(folder, "vsp.db"))
	request := []byte(`{"tickethash":"00","votingkey":"` + votingKey + `"}`)
	for n := range 3 {
		require.NoError(t, s.Insert(t.Context(), ticket(n)))
		_, err := s.Update(t.Context(), ticket(n).Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
			return &vsp.Change{Request: request}, nil
		})
		require.NoError(t, err)
	}
	// The database itself is read after it was closed: to close a file that SQLite has open drops its locks.
	sealedOnly(t, filepath.Join(folder, "vsp.db-wal"))
	require.NoError(t, s.Close())
	sealedOnly(t, filepath.Join(folder, "vsp.db"))
}

func sealedOnly(t *testing.T, path string) {
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(raw), ticket(0).Commitment, "%s: the tickets should be in it", path)
	require.NotContains(t, string(raw), votingKey[10:20], "%s: there is a voting key in it", path)
}

// TestSealedIsBoundToItsTicket copies one ticket's sealed voting key and request to another.
func TestSealedIsBoundToItsTicket(t *testing.T) {
	s := database(t, filepath.Join(t.TempDir(), "vsp.db"))
	for n := range 2 {
		require.NoError(t, s.Insert(t.Context(), ticket(n)))
	}
	_, err := s.Update(t.Context(), ticket(0).Hash, func(*vsp.Ticket) (*vsp.Change, error) { return &vsp.Change{}, nil })
	require.NoError(t, err)
	for _, steal := range []string{
		"UPDATE tickets SET voting_key = (SELECT voting_key FROM tickets WHERE fee_index = 0)",
		"UPDATE changes SET ticket = (SELECT id FROM tickets WHERE fee_index = 1)",
	} {
		err := change(s, steal)
		require.NoError(t, err)
	}
	_, err = s.Ticket(t.Context(), ticket(0).Hash)
	require.NoError(t, err)
	_, err = s.Ticket(t.Context(), ticket(1).Hash)
	require.ErrorContains(t, err, "sealed about the voting key of "+ticket(1).Hash.String())
	require.NotContains(t, err.Error(), votingKey)
	_, err = s.Changes(t.Context(), ticket(1).Hash)
	require.ErrorContains(t, err, "sealed about a request for "+ticket(1).Hash.String())
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal.key")
	require.NoError(t, WriteKeyFile(path))
	key, err := ReadKeyFile(path)
	require.NoError(t, err)
	require.Len(t, key, 32)
	require.NotEqual(t, make([]byte, 32), key)
	_, err = NewSealer(key)
	require.NoError(t, err)

	require.ErrorIs(t, WriteKeyFile(path), os.ErrExist)
	again, err := ReadKeyFile(path)
	require.NoError(t, err)
	require.Equal(t, key, again, "the key that was there was left")

	other := filepath.Join(t.TempDir(), "other.key")
	require.NoError(t, WriteKeyFile(other))
	another, err := ReadKeyFile(other)
	require.NoError(t, err)
	require.NotEqual(t, key, another)
}

func TestReadKeyFileRefuses(t *testing.T) {
	raw := bytes.Repeat([]byte{0xab}, 32)
	digits := strings.Repeat("ab", 32)
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		says string // "" if it is a key file
	}{
		"raw":                   {string(raw), 0o600, ""},
		"digits":                {digits, 0o600, ""},
		"capitals":              {strings.ToUpper(digits), 0o600, ""},
		"white space":           {" " + digits + "\r\n", 0o400, ""},
		"readable by group":     {digits, 0o640, "its mode 0640"},
		"readable by others":    {digits, 0o604, "its mode 0604"},
		"writable by group":     {digits, 0o620, "its mode 0620"},
		"empty":                 {"", 0o600, "neither 32 bytes nor 64 hexadecimal digits"},
		"31 bytes":              {string(raw[1:]), 0o600, "neither"},
		"33 bytes":              {string(raw) + "\n", 0o600, "neither"},
		"a digit too few":       {digits[1:], 0o600, "neither"},
		"two digits too many":   {digits + "ab", 0o600, "neither"},
		"no digit":              {"x" + digits[1:], 0o600, "neither"},
		"two keys on two lines": {digits + "\n" + digits, 0o600, "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "seal.key")
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			require.NoError(t, os.Chmod(path, c.mode))
			key, err := ReadKeyFile(path)
			if c.says == "" {
				require.NoError(t, err)
				require.Equal(t, raw, key)
				return
			}
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, path)
			require.NotContains(t, err.Error(), "abab", "an error must not show the key")
		})
	}
	_, err := ReadKeyFile(t.TempDir())
	require.ErrorContains(t, err, "not a regular file")
	_, err = ReadKeyFile(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestNewSealerRefusesAKeyOfAnotherSize(t *testing.T) {
	for _, size := range []int{0, 31, 33} {
		_, err := NewSealer(make([]byte, size))
		require.Error(t, err)
	}
}
