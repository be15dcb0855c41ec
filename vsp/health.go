package vsp

import (
	"context"
	"time"
)

// Node tells how our node stands. It answers in bounded time, and its error says why the node could not be asked.
type Node interface {
	Standing(ctx context.Context) (Standing, error)
}

// Standing is how a node stands among its peers.
type Standing struct {
	Tip        Tip
	TipTime    time.Time     // that its header carries, UTC
	Peers      int           // connections
	PeerHeight int64         // the median of what is known of its peers' heights; 0 without peers
	Offset     time.Duration // how far its peers' clocks are ahead of its own; 0 if not known
	Version    string        // of its daemon
}

// Gate says when new tickets are taken. Its zero fields ask for nothing: with a MaxLag of 0 it does not matter how far
// anything is behind.
type Gate struct {
	Wallets  int           // at least so many must be ready to vote
	MaxLag   int64         // blocks that our node, or a wallet that is ready, may be behind
	MinPeers int           // of our node
	MaxClock time.Duration // that our clock may be off
	MaxAge   time.Duration // of the newest block
}

// Health is whether new tickets are taken, and why not.
type Health struct {
	At       time.Time // when it was looked at, UTC; zero before the first look
	Reasons  []Reason  // why no new tickets are taken, at most one of each code; none if they are
	Standing Standing  // as last seen of the node
	NodeErr  error     // why the node could not be asked; nil if it could
	Voters   []VoterState
	Ready    int // of Voters: they can vote, and are at the tip
}

// Reason is one thing that keeps us from taking new tickets.
type Reason struct {
	Code ReasonCode
	Text string // what was seen and what is needed, for people; nothing secret
}

// ReasonCode is a kind of Reason, as programs are told.
type ReasonCode string

// The kinds.
const (
	NodeAway      ReasonCode = "node_away"       // it does not answer
	NodeBehind    ReasonCode = "node_behind"     // its peers or our wallets know of later blocks, or its newest block is too old
	NodeAlone     ReasonCode = "node_alone"      // it has too few peers
	TooFewWallets ReasonCode = "too_few_wallets" // ready to vote
	ClockOff      ReasonCode = "clock_off"       // our clock and the network's disagree
	NotExamined   ReasonCode = "not_examined"    // nothing was looked at yet, or not for too long
)
