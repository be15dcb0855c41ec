package vsp

import (
	"fmt"
	"strings"
	"time"
)

const (
	// sightValid is how long what was seen counts. It is several times as long as a look takes at worst.
	sightValid = 30 * time.Second

	// blockAhead is how far, beyond Gate.MaxClock, the newest block's time may be ahead of our clock. Nodes take a block that
	// is up to two hours ahead (MaxTimeOffsetSeconds, dcrd internal/blockchain/validate.go). Honest miners stamp a block with
	// the time at which they began to work on it, which is past when it is found, or by a rule with one second more than the
	// median of the last eleven: blocks that come fast run ahead of time. Ten minutes leave room for one bad clock among
	// miners and for a private network's first hours, and still tell a clock that is wrong by a time zone.
	blockAhead = 10 * time.Minute
)

// sight is what one look has seen.
type sight struct {
	at       time.Time // by our clock; zero before the first look
	nodeless bool      // there is no node to look at
	standing Standing  // as last seen
	err      error     // why the node could not be asked
	voters   []VoterState
}

// examine says what follows from the newest sight.
func examine(now time.Time, seen *sight, gate Gate) Health {
	if seen.at.IsZero() {
		return Health{Reasons: seen.tooOld("yet", gate)}
	}
	h := Health{At: seen.at.UTC(), Standing: seen.standing, NodeErr: seen.err, Voters: seen.voters}
	if age := now.Sub(seen.at); age > sightValid {
		h.Reasons = seen.tooOld("for "+duration(age), gate)
	}
	for _, v := range seen.voters {
		if seen.ready(v, gate) {
			h.Ready++
		}
	}
	add := func(code ReasonCode, text string) {
		if text != "" {
			h.Reasons = append(h.Reasons, Reason{code, text})
		}
	}
	switch {
	case seen.nodeless:
	case seen.err != nil:
		add(NodeAway, "our node does not answer")
	default:
		add(NodeBehind, seen.behind(gate))
		add(NodeAlone, seen.alone(gate))
		add(ClockOff, seen.clockOff(gate))
	}
	add(TooFewWallets, tooFew(h.Ready, len(seen.voters), gate))
	return h
}

// tooOld is the reason that lies in having seen nothing since; none if nothing is asked for.
func (s *sight) tooOld(since string, gate Gate) []Reason {
	if s.nodeless && gate.Wallets == 0 {
		return nil
	}
	return []Reason{{NotExamined, "our node and the voting wallets were not looked at " + since}}
}

// ready reports whether a wallet could vote for the newest block that our node or its peers know of. A wallet learns of a
// block a moment after the node, so at least one block of lag is a healthy wallet's.
func (s *sight) ready(v VoterState, gate Gate) bool {
	newest := max(s.standing.Tip.Height, s.standing.PeerHeight)
	return v.Online() && !exceeds(newest-v.Height, gate.MaxLag)
}

// exceeds reports whether something is more than it may be. A limit of zero asks for nothing.
func exceeds[N int64 | time.Duration](n, limit N) bool { return limit > 0 && n > limit }

// behind tells how far our node is behind, or nothing if it is not. Of its peers the median counts, and of the wallets, each
// of which has a node of its own, as many as make a half: one daemon that is astray does not keep us from taking tickets.
func (s *sight) behind(gate Gate) string {
	text := func(lag int64, whom string) string {
		return fmt.Sprintf("our node is %s behind %s, at most %d are allowed", count(lag, "block"), whom, gate.MaxLag)
	}
	if lag := s.standing.PeerHeight - s.standing.Tip.Height; exceeds(lag, gate.MaxLag) {
		return text(lag, "its peers")
	}
	answering, ahead, least := 0, 0, int64(0)
	for _, v := range s.voters {
		if v.Problem == Unseen || v.Problem == Unreachable || v.Problem == NoNode {
			continue // its height is that of another time
		}
		answering++
		if lag := v.Height - s.standing.Tip.Height; exceeds(lag, gate.MaxLag) {
			if ahead++; ahead == 1 || lag < least {
				least = lag
			}
		}
	}
	if ahead > 0 && 2*ahead >= answering {
		return text(least, "the voting wallets")
	}
	if age := s.at.Sub(s.standing.TipTime); exceeds(age, gate.MaxAge) {
		return fmt.Sprintf("the newest block that our node has is %s old, at most %s are allowed",
			duration(age), duration(gate.MaxAge))
	}
	return ""
}

// alone tells that our node has too few peers, or nothing if it has enough.
func (s *sight) alone(gate Gate) string {
	if s.standing.Peers >= gate.MinPeers {
		return ""
	}
	return fmt.Sprintf("our node has %s, %s needed", count(s.standing.Peers, "peer"), are(gate.MinPeers))
}

// clockOff tells how far our clock is off, or nothing if it is not.
func (s *sight) clockOff(gate Gate) string {
	if off := s.standing.Offset.Abs(); exceeds(off, gate.MaxClock) {
		return fmt.Sprintf("our clock and that of the network differ by %s, at most %s are allowed",
			duration(off), duration(gate.MaxClock))
	}
	if ahead := s.standing.TipTime.Sub(s.at); gate.MaxClock > 0 && ahead > gate.MaxClock+blockAhead {
		return fmt.Sprintf("the newest block is %s ahead of our clock, at most %s are allowed",
			duration(ahead), duration(gate.MaxClock+blockAhead))
	}
	return ""
}

func tooFew(ready, of int, gate Gate) string {
	if ready >= gate.Wallets {
		return ""
	}
	return fmt.Sprintf("%d of %s %s ready to vote, %s needed", ready, count(of, "voting wallet"), verb(ready), are(gate.Wallets))
}

// count says how many there are of something.
func count[N int | int64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func verb(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func are(n int) string { return fmt.Sprintf("%d %s", n, verb(n)) }

// duration says how long something is, to the second, without the parts that are zero at its end.
func duration(d time.Duration) string {
	text := d.Round(time.Second).String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}
