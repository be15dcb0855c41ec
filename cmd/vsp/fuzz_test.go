package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"

	"scrutineer/cmd/configfile"
)

// smallest is a configuration in order that leaves out what can be left out.
const smallest = `network='simnet'
site='a'
support_email='a@b'
fee_percent=1
fee_xpub='` + simnetXPub + `'
[node]
address='a'
user='u'
password_file='node.password'
cert_file='node.cert'
[[wallet]]
address='a'
user='u'
password_file='node.password'
cert_file='node.cert'
`

func TestSmallestIsInOrder(t *testing.T) {
	_, err := load(folder(t, func(string) string { return smallest }))
	require.NoError(t, err)
}

// FuzzConfiguration loads any text as the configuration of a VSP whose other files are in order. What is wrong has text, and
// what is in order is in order again, and says the same, when it is written out.
func FuzzConfiguration(f *testing.F) {
	path := folder(f, nil)
	for _, text := range []string{
		smallest,
		strings.Replace(smallest, "[node]", mysqlTable+"tls = 'none'\n[alerts]\nsmtp = 'a:25'\nfrom = 'a@b'\nto = ['a@b']\n[node]", 1),
		"[mysql]\ntls = 'none'\n[[wallet]]\n[[wallet]]\n[acceptance]\nwallets = 9\n",
		"a.b = {c = 1}\n[alerts]\nto = ['x', 2]\n[limits]\ntrusted_proxies = ['::1%lo', '1/2']\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		s, err := load(path)
		if err != nil {
			mistakesHaveText(t, err)
			return
		}
		again, err := toml.Marshal(s.Config)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, again, 0o600))
		reloaded, err := load(path)
		require.NoError(t, err, "%s", again)
		require.Empty(t, configfile.Difference(s.Config, reloaded.Config, s.file, reloaded.file), "%s", again)
		reloaded.file, reloaded.Config = s.file, s.Config
		if s.alerting != nil {
			reloaded.alerting.Config = s.alerting.Config
		}
		require.Equal(t, s, reloaded)
	})
}

func mistakesHaveText(t *testing.T, err error) {
	var mistakes *configfile.Mistakes
	require.ErrorAs(t, err, &mistakes)
	require.NotEmpty(t, mistakes.List)
	for _, m := range mistakes.List {
		require.NotEmpty(t, m.Text)
		require.GreaterOrEqual(t, m.Line, 0)
	}
	require.NotContains(t, err.Error(), "hunter2")
	require.Contains(t, err.Error(), filepath.Base(mistakes.Path))
}
