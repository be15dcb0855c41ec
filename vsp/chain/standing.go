package chain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
)

// standingTimeout bounds one look at how the node stands. A sound node needs milliseconds.
const standingTimeout = 5 * time.Second

// Standing returns how the node stands among its peers. It is two calls, so that it can be asked every few seconds, and it
// ends after five seconds.
func (c *Chain) Standing(ctx context.Context) (vsp.Standing, error) {
	look, cancel := context.WithTimeout(ctx, standingTimeout)
	defer cancel()
	standing, err := c.standing(look)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("node %s: %w: %w", c.node.Address(), dcrrpc.ErrUnreachable, dcrrpc.ErrSilent)
	}
	return standing, err
}

func (c *Chain) standing(ctx context.Context) (vsp.Standing, error) {
	tip, err := c.newest(ctx)
	if err != nil {
		return vsp.Standing{}, err
	}
	peers, err := c.node.Peers(ctx)
	if err != nil {
		return vsp.Standing{}, err
	}
	c.mu.Lock()
	version := c.version
	c.mu.Unlock()
	return vsp.Standing{
		Tip: tip.Tip, TipTime: tip.time, Version: version,
		Peers: len(peers), PeerHeight: peerHeight(peers), Offset: clockOffset(peers),
	}, nil
}

// chosen returns the peers whose word counts: those that the node has chosen itself. Whoever likes can come to it and say
// what he likes, so the others count only where it has chosen none.
func chosen(peers []dcrrpc.Peer) []dcrrpc.Peer {
	own := slices.DeleteFunc(slices.Clone(peers), func(p dcrrpc.Peer) bool { return p.Inbound })
	if len(own) == 0 {
		return peers
	}
	return own
}

// peerHeight returns a height that half of the peers or more have, of those that told any; 0 if none did.
//
// A node knows of a peer's height what the peer said when it was connected, and then the highest block that the peer told it
// of before it knew it itself (dcrd netsync/manager.go, maybeUpdateBestAnnouncedBlock). So it is too low for those who hear
// of blocks from the node, and right for those who are ahead of it, which is what it is asked for.
func peerHeight(peers []dcrrpc.Peer) int64 {
	var heights []int64
	for _, p := range chosen(peers) {
		if height := max(p.CurrentHeight, p.StartingHeight); height > 0 {
			heights = append(heights, height)
		}
	}
	if len(heights) == 0 {
		return 0
	}
	slices.Sort(heights)
	return heights[(len(heights)-1)/2]
}

// clockSamples is how many peers must agree before our clock is suspected rather than theirs.
const clockSamples = 3

// clockOffset returns how far the peers' clocks are ahead: the median, and of two in the middle the smaller. It is 0 if too
// few peers are there to tell.
//
// It is not what the node itself makes of it ("timeoffset" of getinfo; dcrd mediantime.go): that takes five peers, follows
// only every other of them, stands still after 200, and says 0 where the clock is wrong by more than 70 minutes.
func clockOffset(peers []dcrrpc.Peer) time.Duration {
	peers = chosen(peers)
	if len(peers) < clockSamples {
		return 0
	}
	var offsets []time.Duration
	for _, p := range peers {
		offsets = append(offsets, time.Duration(p.TimeOffset)*time.Second)
	}
	slices.Sort(offsets)
	low, high := offsets[(len(offsets)-1)/2], offsets[len(offsets)/2]
	if low.Abs() <= high.Abs() {
		return low
	}
	return high
}
