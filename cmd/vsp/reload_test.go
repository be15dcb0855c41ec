package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMoreWalletsAreNotAskedForBeforeTheyRun reloads a configuration with a wallet more.
func TestMoreWalletsAreNotAskedForBeforeTheyRun(t *testing.T) {
	running, err := load(folder(t, nil))
	require.NoError(t, err)
	another := func(text string) string {
		wallet := text[strings.LastIndex(text, "[[wallet]]"):strings.Index(text, "# Several front ends")]
		return text + strings.NewReplacer("wallet-3.cert", "node.cert", "wallet-3.password", "node.password",
			"wallet-3", "wallet-4", "127.0.0.3", "127.0.0.4").Replace(wallet)
	}
	next, err := load(folder(t, another))
	require.NoError(t, err)
	require.Equal(t, 3, next.gate.Wallets)
	now := running.withReloadable(next)
	require.Equal(t, 2, now.gate.Wallets)
	require.Len(t, now.wallets, 3)

	all, err := load(folder(t, func(text string) string {
		return another(strings.Replace(text, "#wallets = 2", "wallets = 4", 1))
	}))
	require.NoError(t, err)
	require.Equal(t, 3, running.withReloadable(all).gate.Wallets)
}

func TestReloadableKeys(t *testing.T) {
	for key, want := range map[string]bool{
		"fee_percent": true, "acceptance.wallets": true, "limits.trusted_proxies": true, "log.level": true,
		"log.format": false, "listen": false, "wallet[0].address": false, "closed_message": true, "fee": false, "acceptance": false,
	} {
		require.Equal(t, want, isReloadable(key), key)
	}
}
