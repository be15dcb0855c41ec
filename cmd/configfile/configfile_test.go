package configfile

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type config struct {
	Network string
	Percent float64
	Node    struct {
		Address string
		Count   int
	}
	Wallet []struct {
		Name  string
		Every Duration
	}
}

func read(t testing.TB, text string) (*File, config) {
	path := filepath.Join(t.TempDir(), "vsp.toml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	var c config
	f, err := Read(path, &c)
	require.NoError(t, err)
	return f, c
}

func TestGoodFile(t *testing.T) {
	f, c := read(t, "network = 'simnet'\n[node]\naddress='a:1'\n[[wallet]]\nname='one'\nevery='2s'\n[[wallet]]\nname='two'\n")
	require.NoError(t, f.Err())
	require.Equal(t, "a:1", c.Node.Address)
	require.Equal(t, Duration(2*time.Second), c.Wallet[0].Every)
	require.Equal(t, "two", c.Wallet[1].Name)
}

func TestEveryMistakeIsNamedWithItsLine(t *testing.T) {
	f, c := read(t, `network = "simnet"
percent = "three"
colour = "blue"

[node]
address = "a:1"
count = "many"

[[wallet]]
name = "one"
[[wallet]]
nane = "two"
every = "soon"
`)
	f.Wrong("wallet[1].name", "is missing")
	f.Wrong("node.address", "has no port that could be used")
	f.Wrong("fee", "is missing")
	f.Wrong("percent", "0 is out of range, which only follows from its type")
	var mistakes *Mistakes
	require.ErrorAs(t, f.Err(), &mistakes)
	var at []int
	for _, m := range mistakes.List {
		at = append(at, m.Line)
	}
	require.Equal(t, []int{0, 2, 3, 6, 7, 11, 12, 13}, at, "%v", f.Err())
	require.Equal(t, "simnet", c.Network, "what is right is decoded all the same")
	text := f.Err().Error()
	require.Contains(t, text, ":3: colour: unknown key")
	require.Contains(t, text, ":6: node.address: has no port")
	require.Contains(t, text, ": fee: is missing")
}

func TestBrokenSyntax(t *testing.T) {
	for _, text := range []string{"network = ", "[node\n", "a = 'x\n", "= 1", "\x00", "[[wallet]]\n[wallet]\n"} {
		f, _ := read(t, text)
		require.Error(t, f.Err(), "%q", text)
	}
}

func TestSecretIsForItsOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "vsp.toml")
	require.NoError(t, os.WriteFile(path, []byte("network = 'x'\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "good"), []byte("hunter2\nrest"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "open"), []byte("hunter2\n"), 0o644))
	require.NoError(t, os.Chmod(filepath.Join(dir, "open"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600))
	tests := []struct {
		name, file, want, mistake string
	}{
		{"good", "good", "hunter2", ""},
		{"readable by others", "open", "hunter2", "chmod 600"},
		{"empty", "empty", "", "is empty"},
		{"absent", "absent", "", "no such file"},
		{"not named", "", "", "is missing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var c config
			f, err := Read(path, &c)
			require.NoError(t, err)
			require.Equal(t, test.want, f.Secret("node.password_file", test.file))
			if test.mistake == "" {
				require.NoError(t, f.Err())
				return
			}
			require.ErrorContains(t, f.Err(), test.mistake)
			require.NotContains(t, f.Err().Error(), "hunter2")
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	_, err := Read(filepath.Join(t.TempDir(), "absent.toml"), &config{})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func FuzzRead(f *testing.F) {
	f.Add("network = 'simnet'\n[node]\ncount = 'x'\n[[wallet]]\nname = 1\n")
	f.Add("a.b.c = 1\n[node.address]\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, _ := read(t, text)
		file.Wrong("wallet[0].name", "is wrong")
		require.Error(t, file.Err())
	})
}
