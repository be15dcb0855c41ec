package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/cmd/configfile"
	"scrutineer/vsp/network"
)

// simnetXPub is an extended public key of simnet.
const simnetXPub = "spubVWKGn9TGzyo7M4b5xubB5UV4joZ5HBMNBmMyGvYEaoZMkSxVG4opckpmQ26E85iHg8KQxrSVTdex56biddqtXBerG9xMN8Dvb3eNQVFFwpE"

// folder is a VSP's folder as vsp init makes it, filled in; edit may change the configuration.
func folder(t testing.TB, edit func(string) string) string {
	dir := t.TempDir()
	profile, err := network.Lookup("simnet")
	require.NoError(t, err)
	_, err = initialise(filepath.Join(dir, "vsp"), profile, simnetXPub)
	require.NoError(t, err)
	dir = filepath.Join(dir, "vsp")
	path := filepath.Join(dir, "vsp.toml")
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	text := strings.NewReplacer(`user = ""`, `user = "u"`, `site = ""`, `site = "vsp.example.org"`,
		`support_email = ""`, `support_email = "support@example.org"`).Replace(string(raw))
	for i := range 3 {
		text = strings.Replace(text, `address = ""`, `address = "127.0.0.`+string(rune('1'+i))+`"`, 1)
	}
	if edit != nil {
		text = edit(text)
	}
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	for _, name := range []string{"node", "wallet-1", "wallet-2", "wallet-3"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".password"), []byte("hunter2\n"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".cert"), []byte(testCert), 0o600))
	}
	return path
}

const testCert = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

func TestInitThenFilledInIsInOrder(t *testing.T) {
	s, err := load(folder(t, nil))
	require.NoError(t, err)
	require.Equal(t, "simnet", s.profile.Name)
	require.Len(t, s.wallets, 3)
	require.Equal(t, "127.0.0.1:19557", s.wallets[0].Address, "a missing port is the network's own")
	require.Equal(t, "hunter2", s.wallets[0].Password)
	require.Equal(t, 5*time.Second, time.Duration(s.CheckEvery))
	require.NotEmpty(t, s.signingKey)
	require.Nil(t, s.Alerts)
}

func TestInitOverwritesNothing(t *testing.T) {
	path := folder(t, nil)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	profile, err := network.Lookup("simnet")
	require.NoError(t, err)
	_, err = initialise(filepath.Dir(path), profile, "")
	require.ErrorContains(t, err, "holds a VSP's configuration already")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestThreeMistakesAreNamedAtOnceWithLines(t *testing.T) {
	path := folder(t, func(text string) string {
		return strings.NewReplacer("fee_percent = 1.0", "fee_percent = 130.0", `level = "info"`, `level = "loud"`,
			`name = "wallet-2"`, "name = \"wallet-2\"\ncolour = \"blue\"").Replace(text)
	})
	_, err := load(path)
	var mistakes *configfile.Mistakes
	require.ErrorAs(t, err, &mistakes)
	require.Len(t, mistakes.List, 3, "%v", err)
	text, readErr := os.ReadFile(path)
	require.NoError(t, readErr)
	lines := strings.Split(string(text), "\n")
	for i, want := range []string{"fee_percent", "level", "colour"} {
		require.Contains(t, lines[mistakes.List[i].Line-1], want)
	}
}

// TestEachMistake changes one thing in a good configuration; the answer must name its key, and nothing else.
func TestEachMistake(t *testing.T) {
	tests := []struct{ old, new, key, says string }{
		{`network = "simnet"`, `network = "moonnet"`, "network", "use one of mainnet, testnet3, simnet"},
		{`listen = "127.0.0.1:8800"`, `listen = "127.0.0.1"`, "listen", "host:port"},
		{`support_email = "support@example.org"`, `support_email = "nobody"`, "support_email", "no mail address"},
		{`site = "vsp.example.org"`, `site = ""`, "site", "is missing"},
		{`check_every = "5s"`, `check_every = "0s"`, "check_every", "more than 0"},
		{`check_every = "5s"`, `check_every = "five"`, "check_every", "no duration"},
		{`fee_percent = 1.0`, `fee_percent = 0.001`, "fee_percent", "0.01 to 100"},
		{`fee_percent = 1.0`, `fee_percent = "1"`, "fee_percent", ""},
		{simnetXPub, "spub", "fee_xpub", "getmasterpubkey"},
		{`format = "text"`, `format = "xml"`, "log.format", "json"},
		{`password_file = "wallet-1.password"`, `password_file = ""`, "wallet[0].password_file", "is missing"},
		{`cert_file = "wallet-3.cert"`, `cert_file = "signing.key"`, "wallet[2].cert_file", "no PEM certificate"},
		{`name = "wallet-2"`, `name = "wallet-1"`, "wallet[1].name", "another wallet's name"},
		{`address = "127.0.0.3"`, `address = "127.0.0.2"`, "wallet[2].address", "another wallet's address"},
		{`signing_key_file = "signing.key"`, `signing_key_file = "sealing.key"`, "signing_key_file", "vsp init"},
		{"[log]", "[alerts]\nsmtp = \"127.0.0.1\"\nfrom = \"a@example.org\"\nto = [\"b@example.org\"]\n[log]", "alerts.smtp", "host:port"},
		{"[log]", "[alerts]\nsmtp = \"127.0.0.1:25\"\nfrom = \"a@example.org\"\n[log]", "alerts.to", "at least one"},
		{"[log]", "[alerts]\nsmtp = \"127.0.0.1:25\"\ntls = \"maybe\"\nfrom = \"a@example.org\"\nto=[\"b@example.org\"]\n[log]", "alerts.tls", "starttls"},
	}
	for _, test := range tests {
		t.Run(test.key+" "+test.new, func(t *testing.T) {
			path := folder(t, func(text string) string {
				require.Contains(t, text, test.old)
				return strings.Replace(text, test.old, test.new, 1)
			})
			_, err := load(path)
			var mistakes *configfile.Mistakes
			require.ErrorAs(t, err, &mistakes)
			require.Len(t, mistakes.List, 1, "%v", err)
			require.Equal(t, test.key, mistakes.List[0].Key)
			require.Contains(t, mistakes.List[0].Text, test.says)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}
