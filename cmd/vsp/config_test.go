package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/cmd/configfile"
	"scrutineer/vsp"
	"scrutineer/vsp/network"
)

// folder is a VSP's folder in order; it returns the configuration's path.
func folder(t testing.TB, edit func(string) string) string {
	dir := filepath.Join(t.TempDir(), "vsp")
	require.NoError(t, makeFolder(dir, edit))
	return filepath.Join(dir, "vsp.toml")
}

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
	require.Equal(t, filepath.Join(filepath.Dir(s.sealingKey), "vsp.db"), s.database)
	require.Equal(t, vsp.Gate{Wallets: 2, MaxLag: 2, MinPeers: 1, MaxClock: time.Minute}, s.gate,
		"all wallets but one, and no age on simnet")
	require.Equal(t, 1200, s.Limits.RequestsPerMinute)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")}, s.proxies)
}

func TestTemplateFitsTheScreen(t *testing.T) {
	for i, line := range strings.Split(configTemplate, "\n") {
		require.LessOrEqual(t, len(line), 100, "line %d", i+1)
	}
}

func TestDefaultsFollowFromTheRest(t *testing.T) {
	alone := func(text string) string {
		first, rest, _ := strings.Cut(text, "[[wallet]]")
		wallet, _, _ := strings.Cut(rest, "[[wallet]]")
		return first + "[[wallet]]" + wallet
	}
	tests := []struct {
		name string
		edit func(string) string
		want vsp.Gate
	}{
		{"a single wallet", alone, vsp.Gate{Wallets: 1, MaxLag: 2, MinPeers: 1, MaxClock: time.Minute}},
		{"all given", func(text string) string {
			return strings.NewReplacer("#wallets = 2", "wallets = 3", "max_lag = 2", "max_lag = 0", "min_peers = 1", "min_peers = 8",
				`max_clock_offset = "1m"`, `max_clock_offset = "5s"`, "#max_block_age", "max_block_age").Replace(text)
		}, vsp.Gate{Wallets: 3, MinPeers: 8, MaxClock: 5 * time.Second, MaxAge: 2 * time.Hour}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := load(folder(t, test.edit))
			require.NoError(t, err)
			require.Equal(t, test.want, s.gate)
		})
	}
	s := settings{profile: profileOf(t, "testnet3")}
	s.checkAcceptance(new(configfile.File))
	require.Equal(t, 48*time.Minute, s.gate.MaxAge, "24 blocks of two minutes")
}

func profileOf(t testing.TB, name string) network.Profile {
	profile, err := network.Lookup(name)
	require.NoError(t, err)
	return profile
}

func TestSharedDatabase(t *testing.T) {
	path := folder(t, func(text string) string {
		return strings.NewReplacer(`database = "vsp.db"`, "", "#[mysql]", "[mysql]", "#address", "address", "#name = \"vsp\"", "name = \"vsp\"",
			"#user = \"vsp\"", "user = \"vsp\"", "#password_file = \"mysql.password\"", "password_file = \"node.password\"").Replace(text)
	})
	s, err := load(path)
	require.NoError(t, err)
	require.Empty(t, s.database)
	require.Equal(t, "127.0.0.1:3306", s.MySQL.Address)
	require.Equal(t, "required", s.MySQL.TLS)
	require.Equal(t, "hunter2", s.mysqlPassword)
	require.Nil(t, s.mysqlCA, "the system's roots")
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

// mysqlTable is a database server in order.
const mysqlTable = "[mysql]\naddress = '127.0.0.1:3306'\nname = 'vsp'\nuser = 'vsp'\npassword_file = 'node.password'\n"

// mysqlWith is that, but for one thing.
func mysqlWith(old, replacement string) string {
	return strings.Replace(mysqlTable, old, replacement, 1)
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
		{`sealing_key_file = "sealing.key"`, `sealing_key_file = "signing.key"`, "sealing_key_file", "hexadecimal"},
		{`admin_password_file = ""`, `admin_password_file = "absent"`, "admin_password_file", "no such file"},
		{`admin_password_file = ""`, `admin_password_file = "node.password"`, "admin_password_file", "vsp password"},
		{`metrics_listen = ""`, `metrics_listen = ":8801"`, "metrics_listen", "private address"},
		{`metrics_listen = ""`, `metrics_listen = "8.8.8.8:8801"`, "metrics_listen", "public address"},
		{`metrics_listen = ""`, `metrics_listen = "[::]:8801"`, "metrics_listen", "public address"},
		{`metrics_listen = ""`, `metrics_listen = "127.0.0.1:8800"`, "metrics_listen", "an address of their own"},
		{"#wallets = 2", "wallets = 0", "acceptance.wallets", "1 to 3"},
		{"#wallets = 2", "wallets = 4", "acceptance.wallets", "1 to 3"},
		{"max_lag = 2", "max_lag = -1", "acceptance.max_lag", "negative"},
		{"min_peers = 1", "min_peers = -1", "acceptance.min_peers", "negative"},
		{`max_clock_offset = "1m"`, `max_clock_offset = "-1m"`, "acceptance.max_clock_offset", "negative"},
		{`#max_block_age = "2h"`, `max_block_age = "-2h"`, "acceptance.max_block_age", "negative"},
		{"requests_per_minute = 1200", "requests_per_minute = -1", "limits.requests_per_minute", "negative"},
		{`"::1"]`, `"proxy.example.org"]`, "limits.trusted_proxies", "neither an address"},
		{`"::1"]`, `"10.0.0.0/33"]`, "limits.trusted_proxies", "neither an address"},
		{"[log]", "\n" + mysqlTable + "[log]", "database", "excludes [mysql]"},
		{`database = "vsp.db"`, mysqlWith("address = '127.0.0.1:3306'", "address = 'localhost'"), "mysql.address", "host:port"},
		{`database = "vsp.db"`, mysqlWith("name = 'vsp'", ""), "mysql.name", "is missing"},
		{`database = "vsp.db"`, mysqlWith("user = 'vsp'", ""), "mysql.user", "is missing"},
		{`database = "vsp.db"`, mysqlWith("node.password", "absent"), "mysql.password_file", "no such file"},
		{`database = "vsp.db"`, mysqlWith("[mysql]", "[mysql]\ntls = 'maybe'"), "mysql.tls", "required"},
		{`database = "vsp.db"`, mysqlWith("address = '127.0.0.1:3306'", "address='10.0.0.1:3306'\ntls='none'"), "mysql.tls", "this machine"},
		{`database = "vsp.db"`, mysqlWith("[mysql]", "[mysql]\nca_file = 'vsp.toml'"), "mysql.ca_file", "no PEM certificate"},
		{`cert_file = "node.cert"`, `cert_file = "/dev/zero"`, "node.cert_file", "not a regular file"},
		{"[log]", "[alerts]\nsmtp = \"127.0.0.1\"\nfrom = \"a@example.org\"\nto = [\"b@example.org\"]\n[log]", "alerts.smtp", "host:port"},
		{"[log]", "[alerts]\nsmtp = \"127.0.0.1:25\"\nfrom = \"a@example.org\"\n[log]", "alerts.to", "at least one"},
		{"[log]", "[alerts]\nsmtp = \"127.0.0.1:25\"\ntls = \"maybe\"\nfrom = \"a@example.org\"\nto=[\"b@example.org\"]\n[log]", "alerts.tls", "starttls"},
		{"[log]", alertsTable + "to = [\"b\"]\n[log]", "alerts.to", "name@example.org"},
		{"[log]", alertsTable + "to = [\"b@example.org\"]\nescalate_to = [\"c\"]\n[log]", "alerts.escalate_to", "name@example.org"},
		{"[log]", alertsTable + "to = [\"b@example.org\"]\nescalate_after = \"-1s\"\n[log]", "alerts.escalate_after", "such as 15m"},
		{"[log]", alertsTable + "to = [\"b@example.org\"]\nremind_every = \"-1s\"\n[log]", "alerts.remind_every", "such as 30m"},
		{"[log]", alertsTable + "to = [\"b@example.org\"]\nstore = \"absent/a.db\"\n[log]", "alerts.store", "is no folder"},
		{"[log]", alertsTable + "to = [\"b@example.org\"]\nstore = \"" + strings.Repeat("a", 100) + "\"\n[log]", "alerts.store", "longer than 103 bytes"},
	}
	for _, test := range tests {
		t.Run(test.key+" "+test.new, func(t *testing.T) {
			path := folder(t, func(text string) string {
				require.Contains(t, text, test.old)
				if table := strings.HasPrefix(test.new, "[mysql]"); table {
					return strings.Replace(text, test.old, "", 1) + test.new
				}
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

// alertsTable begins a table of alerts.
const alertsTable = "[alerts]\nsmtp = \"127.0.0.1:25\"\nfrom = \"a@example.org\"\n"
