package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSinceIsReadOfAScrape(t *testing.T) {
	since := readSince(strings.NewReader(`# HELP vsp_wallet_problem_since_timestamp_seconds Since when
vsp_wallet_problem_since_timestamp_seconds{wallet="wallet-1"} 1.795418725923e+09
vsp_wallet_problem_since_timestamp_seconds{wallet="a \"quoted\" one"} 1.5e+09
vsp_wallet_problem_since_timestamp_seconds{wallet="no number"} soon
vsp_wallet_seen_timestamp_seconds{wallet="wallet-2"} 1.5e+09
`))
	require.Equal(t, map[string]time.Time{
		"wallet-1":       time.UnixMilli(1795418725923).UTC(),
		`a "quoted" one`: time.Unix(1500000000, 0).UTC(),
	}, since)
}
