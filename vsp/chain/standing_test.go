package chain_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/dcrrpc/rpctest"
)

func TestStanding(t *testing.T) {
	f := newFakeNode(t)
	made := time.Unix(1_700_000_000, 0).UTC()
	f.tip = &wire.BlockHeader{Height: 7, SBits: 20000, PoolSize: 5, Timestamp: made}
	f.peers = []dcrrpc.Peer{{CurrentHeight: 8, StartingHeight: 3}}
	c := newChain(t, f.Config(), new(buffer))
	standing, err := c.Standing(t.Context())
	require.NoError(t, err)
	tip, err := c.Tip(t.Context())
	require.NoError(t, err)
	require.Equal(t, vsp.Standing{Tip: tip, TipTime: made, Peers: 1, PeerHeight: 8, Version: "9.9.9"}, standing)

	calls := len(f.Calls())
	for range 10 {
		_, err := c.Standing(t.Context())
		require.NoError(t, err)
	}
	require.Len(t, f.Calls(), calls+20, "it is asked for every few seconds")

	f.Stop()
	_, err = c.Standing(t.Context())
	require.ErrorIs(t, err, dcrrpc.ErrUnreachable)
	f.Start()
	f.Answer("version", map[string]any{"dcrd": map[string]any{"versionstring": "9.9.10"}})
	standing, err = c.Standing(t.Context())
	require.NoError(t, err)
	require.Equal(t, "9.9.10", standing.Version, "another node may be there")
}

// heights returns peers that the node has chosen, with these heights.
func heights(all ...int64) []dcrrpc.Peer {
	var peers []dcrrpc.Peer
	for _, height := range all {
		peers = append(peers, dcrrpc.Peer{CurrentHeight: height, StartingHeight: 1})
	}
	return peers
}

// clocks returns peers that the node has chosen, whose clocks are so many seconds ahead.
func clocks(all ...int64) []dcrrpc.Peer {
	var peers []dcrrpc.Peer
	for _, offset := range all {
		peers = append(peers, dcrrpc.Peer{TimeOffset: offset})
	}
	return peers
}

// inbound returns the same peers as if they had come by themselves.
func inbound(peers []dcrrpc.Peer) []dcrrpc.Peer {
	for i := range peers {
		peers[i].Inbound = true
	}
	return peers
}

func TestWhatPeersAreBelieved(t *testing.T) {
	f := newFakeNode(t)
	c := newChain(t, f.Config(), new(buffer))
	const day = 86400
	for name, tc := range map[string]struct {
		peers  []dcrrpc.Peer
		height int64
		offset time.Duration
	}{
		"none":                                {nil, 0, 0},
		"one":                                 {heights(8), 8, 0},
		"it told its height at the beginning": {[]dcrrpc.Peer{{StartingHeight: 12}}, 12, 0},
		"the middle":                          {heights(1000, 5, 9), 9, 0},
		"half are further":                    {heights(9, 9, 1000, 1000), 9, 0},
		"most are further":                    {heights(9, 12, 1000, 1000, 1000), 1000, 0},
		"who told nothing does not count":     {append(clocks(0, 0, 0), heights(9)...), 9, 0},
		"nobody told":                         {clocks(0), 0, 0},
		"strangers":                           {inbound(heights(5, 9, 1000)), 9, 0},
		"strangers that told nothing":         {append(inbound(clocks(0, 0, 0)), inbound(heights(9))...), 9, 0},
		"strangers against a chosen one":      {append(heights(9), inbound(heights(1000, 1000, 1000))...), 9, 0},
		"two clocks":                          {clocks(day, day), 0, 0},
		"three clocks":                        {clocks(day, 3, 5), 0, 5 * time.Second},
		"clocks behind":                       {clocks(-day, -2*day, -3*day), 0, -48 * time.Hour},
		"half of the clocks are wrong":        {clocks(day, 1, 2, day), 0, 2 * time.Second},
		"half of the clocks are wrong, back":  {clocks(-day, 1, 2, -day), 0, time.Second},
		"strangers' clocks":                   {append(clocks(1, 1, 1), inbound(clocks(day, day, day, day))...), 0, time.Second},
		"strangers' clocks against one":       {append(clocks(1), inbound(clocks(day, day, day, day))...), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f.set(func() { f.peers = tc.peers })
			standing, err := c.Standing(t.Context())
			require.NoError(t, err)
			require.Equal(t, len(tc.peers), standing.Peers)
			require.Equal(t, tc.height, standing.PeerHeight)
			require.Equal(t, tc.offset, standing.Offset)
		})
	}
}

// TestStandingHasOneDeadline: its calls' own deadline is further away than the test is long.
func TestStandingHasOneDeadline(t *testing.T) {
	f := newFakeNode(t)
	config := f.Config()
	config.Timeout = 10 * soon
	c := newChain(t, config, new(buffer))
	require.NoError(t, c.Check(t.Context()))
	f.Handle("getpeerinfo", func([]json.RawMessage) (any, error) { return nil, rpctest.ErrHang })
	_, err := c.Standing(t.Context())
	require.ErrorIs(t, err, dcrrpc.ErrSilent)
	require.ErrorIs(t, err, dcrrpc.ErrUnreachable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Standing(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, dcrrpc.ErrUnreachable, "it was not the node")
}
