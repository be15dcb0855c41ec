package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/cmd/configfile"
	"scrutineer/verifier"
)

// shopperMistakes returns what is wrong with a section [shopper] on a network, by key.
func shopperMistakes(t *testing.T, network, section string) (map[string]string, *trial) {
	dir := t.TempDir()
	for name, text := range map[string]string{"password": "secret\n", "cert.pem": "-----BEGIN CERTIFICATE-----\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	path := filepath.Join(dir, "trial.toml")
	text := fmt.Sprintf("url = \"https://vsp.example.org\"\nnetwork = %q\n[shopper]\n%s", network, section)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	parsed, err := load(path)
	var mistakes *configfile.Mistakes
	require.ErrorAs(t, err, &mistakes, "it lacks a node")
	found := make(map[string]string)
	for _, m := range mistakes.List {
		if strings.HasPrefix(m.Key, "shopper") {
			found[m.Key] = m.Text
		}
	}
	return found, parsed
}

const goodShopper = `address = "127.0.0.1:19110"
user = "u"
password_file = "password"
cert_file = "cert.pem"
`

// TestShopperSection: only a whole section is taken, and none where coins are worth something.
func TestShopperSection(t *testing.T) {
	tests := []struct {
		name, network, section string
		wrong                  map[string]string
	}{
		{"whole", "testnet3", goodShopper, nil},
		{"none", "mainnet", "", nil},
		{"on mainnet", "mainnet", goodShopper, map[string]string{"shopper": "test networks alone"}},
		{"no address", "testnet3", "most = 3\n", map[string]string{"shopper.address": "is missing"}},
		{"bad address", "testnet3", strings.Replace(goodShopper, ":19110", "", 1), map[string]string{"shopper.address": "a host and a port"}},
		{"numbers", "testnet3", goodShopper + "every = \"0s\"\nmost = 0\nmax_price = 0.0\nmax_fee = -1.0\naccount = \"\"\n",
			map[string]string{"shopper.every": "longer", "shopper.most": "at least 1", "shopper.max_price": "an amount", "shopper.max_fee": "an amount", "shopper.account": "missing"}},
		{"no such agenda", "testnet3", goodShopper + "[[shopper.choices]]\nagendas = { paradise = \"yes\" }\n", map[string]string{"shopper.choices": "no agenda"}},
		{"no such choice", "testnet3", goodShopper + "[[shopper.choices]]\nagendas = { maxtreasuryspend = \"perhaps\" }\n", map[string]string{"shopper.choices": "no choice"}},
		{"no hash", "testnet3", goodShopper + "[[shopper.choices]]\ntspends = { abc = \"yes\" }\n", map[string]string{"shopper.choices": "32 bytes"}},
		{"no policy", "testnet3", goodShopper + "[[shopper.choices]]\ntreasury = { " + strings.Repeat("02", 33) + " = \"maybe\" }\n", map[string]string{"shopper.choices": "no policy"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wrong, parsed := shopperMistakes(t, test.network, test.section)
			require.Len(t, wrong, len(test.wrong), "%v", wrong)
			for key, text := range test.wrong {
				require.Contains(t, wrong[key], text)
			}
			if test.name != "whole" {
				return
			}
			require.Equal(t, 28, parsed.shop.plan.Most)
			require.Equal(t, []verifier.Choices{{Agendas: map[string]string{"maxtreasuryspend": "yes"}}, {Agendas: map[string]string{"maxtreasuryspend": "no"}}},
				parsed.shop.plan.Choices, "yes and then no on everything")
		})
	}
}
