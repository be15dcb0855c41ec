package configfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOneValueIsReplaced(t *testing.T) {
	const before = "# old here too\r\nnetwork = 'x'   # not old\n  fee = \"old\" # stays\n[node]\naddress = 'old'"
	f, _ := read(t, before)
	text, err := f.Replaced("fee", "old", "new")
	require.NoError(t, err)
	require.Equal(t, "# old here too\r\nnetwork = 'x'   # not old\n  fee = \"new\" # stays\n[node]\naddress = 'old'", string(text))
	text, err = f.Replaced("node.address", "old", "new")
	require.NoError(t, err)
	require.Contains(t, string(text), "[node]\naddress = 'new'")
}

func TestWhatCannotBeReplacedByItself(t *testing.T) {
	f, _ := read(t, "fee = 'old' # old\nescaped = \"o\\u006cd\"\nlong = \"\"\"\nold\"\"\"\n")
	for _, test := range []struct{ key, before, after string }{
		{"fee", "old", "new"}, // which of the two?
		{"escaped", "old", "new"},
		{"long", "old", "new"},
		{"absent", "old", "new"},
		{"fee", "", "new"},
		{"escaped", "o\\u006cd", "ne\"w"},
		{"escaped", "o\\u006cd", "ne\nw"},
	} {
		_, err := f.Replaced(test.key, test.before, test.after)
		require.Error(t, err, "%+v", test)
	}
}

func TestDifference(t *testing.T) {
	type table struct {
		Name  string   `toml:"name"`
		Count *int     `toml:"count"`
		List  []string `toml:"list"`
	}
	type file struct {
		Percent float64 `toml:"percent"`
		Wallet  []table `toml:"wallet"`
		Node    *table  `toml:"node"`
	}
	load := func(t *testing.T, password, text string) (*File, file) {
		dir := t.TempDir()
		path := filepath.Join(dir, "vsp.toml")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "password"), []byte(password), 0o600))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		var c file
		f, err := Read(path, &c)
		require.NoError(t, err)
		require.NoError(t, f.Err())
		f.Secret("node.password_file", "password")
		return f, c
	}
	const text = "percent = 1\n[[wallet]]\nname = 'a'\nlist = ['x', 'y']\n[node]\ncount = 1\n"
	before, a := load(t, "hunter2", text)
	tests := []struct {
		password, text string
		want           []string
	}{
		{"hunter2", "# comments do not count\n" + text, nil},
		{"hunter3", text, []string{"node.password_file"}},
		{"hunter2", "percent = 2\n" + text[len("percent = 1\n"):], []string{"percent"}},
		{"hunter2", "percent = 1\n[[wallet]]\nname = 'a'\nlist = ['x y']\n[node]\ncount = 1\n", []string{"wallet[0].list"}},
		{"hunter2", "percent = 1\n[[wallet]]\nname = 'a'\nlist = ['x', 'y']\n[node]\n", []string{"node.count"}},
		{"hunter2", text + "[[wallet]]\nname = 'b'\n", []string{"wallet[1].list", "wallet[1].name"}},
	}
	for _, test := range tests {
		after, b := load(t, test.password, test.text)
		require.Equal(t, test.want, Difference(a, b, before, after), test.text)
		require.Equal(t, test.want, Difference(b, a, after, before), "the other way round")
	}
}

func TestFilesAreNamedFromTheFolder(t *testing.T) {
	f, _ := read(t, "")
	dir := filepath.Dir(f.path)
	require.Equal(t, "a.key", f.Named(filepath.Join(dir, "a.key")))
	require.Equal(t, "keys/a.key", f.Named(filepath.Join(dir, "keys", "a.key")))
	require.Equal(t, filepath.Join(filepath.Dir(dir), "a.key"), f.Named(filepath.Join(dir, "..", "a.key")))
	t.Chdir(dir)
	require.Equal(t, "a.key", f.Named("a.key"))
}

func TestOnlyRegularFilesAreRead(t *testing.T) {
	f, _ := read(t, "network = 'x'\n")
	require.Nil(t, f.Contents("node.cert_file", "/dev/zero"))
	require.Nil(t, f.Contents("node.password_file", filepath.Dir(f.path)))
	large := filepath.Join(filepath.Dir(f.path), "large")
	require.NoError(t, os.WriteFile(large, make([]byte, maxContents+1), 0o600))
	require.Nil(t, f.Contents("ca_file", large))
	require.ErrorContains(t, f.Err(), "/dev/zero is not a regular file")
	require.ErrorContains(t, f.Err(), "this is not the file that belongs here")
}
