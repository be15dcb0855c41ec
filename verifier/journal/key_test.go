package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.key")
	made, err := CreateKey(path, "vsp.example.org/local")
	require.NoError(t, err)
	read, err := ReadKey(path)
	require.NoError(t, err)
	require.Equal(t, made.Public().String(), read.Public().String())
	public, err := ReadPublicKey(path + ".pub")
	require.NoError(t, err)
	require.Equal(t, made.Public().String(), public.String())
	require.Equal(t, "vsp.example.org/local", public.Origin())
	c, err := read.sign(Checkpoint{Number: 1})
	require.NoError(t, err)
	require.NoError(t, public.verify(c))

	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = CreateKey(path, "vsp.example.org/local")
	require.ErrorIs(t, err, os.ErrExist, "a key is never replaced")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 2, "the key and its public half, and nothing else")

	require.NoError(t, os.Chmod(path, 0o640))
	_, err = ReadKey(path)
	require.ErrorContains(t, err, "chmod 600")
	_, err = ReadKey(path + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = ReadPublicKey(path + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A key with one flipped bit is no key, and no error ever shows what is in it.
func TestDamagedKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.key")
	made, err := CreateKey(path, "vsp.example.org/local")
	require.NoError(t, err)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	seed := strings.SplitN(strings.TrimSpace(string(raw)), "+", 5)[4]
	for bit := range 8 * len(raw) {
		_, err := parseKey(flip(string(raw), bit))
		require.Error(t, err, "bit %d", bit)
		require.NotContains(t, err.Error(), seed[:12])
	}
	public := made.Public().String()
	for bit := range 8 * len(public) {
		_, err := ParsePublicKey(flip(public, bit))
		require.Error(t, err, "bit %d", bit)
	}
	for _, bad := range []string{"", "\n", "PRIVATE+KEY", "PRIVATE+KEY+a+b+c\n", strings.TrimSpace(string(raw)), public + "\n"} {
		_, err := parseKey(bad)
		require.Error(t, err, "%q", bad)
	}
	for _, bad := range []string{"", "a", "a+b", "a+b+c", "a+00000000+", string(raw)} {
		_, err := ParsePublicKey(bad)
		require.Error(t, err, "%q", bad)
	}
}

func TestKeyIsNeverShown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.key")
	made, err := CreateKey(path, "vsp.example.org/local")
	require.NoError(t, err)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	seed := strings.SplitN(strings.TrimSpace(string(raw)), "+", 5)[4]
	var shown bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		fmt.Fprintf(&shown, verb+"\n", made)
	}
	slog.New(slog.NewTextHandler(&shown, nil)).Info("key", "key", made)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("key", "key", made)
	encoded, err := json.Marshal(map[string]any{"key": made})
	require.NoError(t, err)
	shown.Write(encoded)
	require.NotContains(t, shown.String(), seed)
	require.NotContains(t, shown.String(), fmt.Sprintf("%x", seed))
	require.NotContains(t, shown.String(), "PRIVATE")
}

func TestOrigin(t *testing.T) {
	for _, names := range [][2]string{{"", "local"}, {"vsp", ""}, {strings.Repeat("x", 250), "local"}} {
		_, err := Origin(names[0], names[1])
		require.Error(t, err)
	}
	origin, err := Origin("vsp.example.org", "local")
	require.NoError(t, err)
	require.Equal(t, "vsp.example.org/local", origin)
	dir := t.TempDir()
	seen := make(map[string][2]string)
	rapid.Check(t, func(t *rapid.T) {
		names := [2]string{rapid.StringN(1, 20, 40).Draw(t, "trial"), rapid.StringN(1, 20, 40).Draw(t, "vantage")}
		origin, err := Origin(names[0], names[1])
		require.NoError(t, err)
		if before, ok := seen[origin]; ok {
			require.Equal(t, before, names, "two journals of one name")
		}
		seen[origin] = names
		path := filepath.Join(dir, "journal.key")
		key, err := CreateKey(path, origin)
		require.NoError(t, err)
		require.Equal(t, origin, key.Public().Origin())
		require.NoError(t, os.Remove(path))
	})
	for _, bad := range []string{"", "two words", "a+b", "a\nb", "a\x01", "\u00e4", strings.Repeat("x", 256)} {
		_, err := CreateKey(filepath.Join(dir, "bad.key"), bad)
		require.Error(t, err, "%q", bad)
	}
}
