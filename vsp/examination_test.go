package vsp

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var lookedAt = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// fit is a sight in which nothing is wrong, and strict a gate that asks for something of everything.
func fit() sight {
	voter := VoterState{Height: 100}
	return sight{
		at: lookedAt,
		standing: Standing{
			Tip: Tip{Position: Position{Height: 100}}, TipTime: lookedAt.Add(-5 * time.Minute), Peers: 8, PeerHeight: 100,
		},
		voters: []VoterState{voter, voter, voter},
	}
}

var strict = Gate{Wallets: 2, MaxLag: 2, MinPeers: 1, MaxClock: time.Minute, MaxAge: 2 * time.Hour}

// at returns wallets at these heights.
func at(heights ...int64) []VoterState {
	var voters []VoterState
	for _, height := range heights {
		voters = append(voters, VoterState{Height: height})
	}
	return voters
}

func TestExamine(t *testing.T) {
	away := errors.New("dial tcp 10.0.0.7:9109: connection refused")
	tests := []struct {
		name    string
		change  func(s *sight, g *Gate)
		reasons string // their codes and texts
	}{
		{"all is well", func(*sight, *Gate) {}, ""},
		{"a block that wallets have not heard of yet", func(s *sight, _ *Gate) {
			s.standing.Tip.Height, s.standing.PeerHeight = 102, 102
		}, ""},
		{"a block that our node has not heard of yet", func(s *sight, _ *Gate) {
			s.standing.PeerHeight, s.voters = 102, at(102, 102, 102)
		}, ""},

		{"node away", func(s *sight, _ *Gate) { s.err = away },
			"node_away: our node does not answer"},
		{"node away, and was never seen", func(s *sight, _ *Gate) { s.err, s.standing = away, Standing{} },
			"node_away: our node does not answer"},
		{"node away, whatever was seen of it before", func(s *sight, _ *Gate) {
			s.err, s.standing.Peers, s.standing.Offset, s.standing.TipTime = away, 0, time.Hour, time.Time{}
		}, "node_away: our node does not answer"},
		{"node away, and nothing asked for", func(s *sight, g *Gate) { s.err, *g = away, Gate{} },
			"node_away: our node does not answer"},
		{"no node, nothing asked for", func(s *sight, g *Gate) { *s, *g = sight{at: lookedAt, nodeless: true}, Gate{} }, ""},
		{"no node to ask of", func(s *sight, g *Gate) { s.nodeless, s.standing, s.voters = true, Standing{}, at(100, 7) }, ""},

		{"behind its peers", func(s *sight, _ *Gate) { s.standing.PeerHeight, s.voters = 103, at(101, 101, 101) },
			"node_behind: our node is 3 blocks behind its peers, at most 2 are allowed"},
		{"behind its peers, wallets with it", func(s *sight, _ *Gate) { s.standing.PeerHeight = 103 },
			"node_behind: our node is 3 blocks behind its peers, at most 2 are allowed; " +
				"too_few_wallets: 0 of 3 voting wallets are ready to vote, 2 are needed"},
		{"behind one wallet", func(s *sight, _ *Gate) { s.voters = at(100, 100, 9000) }, ""},
		{"behind half of two", func(s *sight, _ *Gate) { s.voters = at(100, 103) },
			"node_behind: our node is 3 blocks behind the voting wallets, at most 2 are allowed"},
		{"behind most wallets", func(s *sight, _ *Gate) { s.voters = at(104, 9000, 100) },
			"node_behind: our node is 4 blocks behind the voting wallets, at most 2 are allowed"},
		{"behind the only wallet that answers", func(s *sight, _ *Gate) {
			s.voters = []VoterState{{Problem: Unreachable}, {Height: 105}, {Problem: NoNode, Height: 100}, {Problem: Unseen}}
		}, "node_behind: our node is 5 blocks behind the voting wallets, at most 2 are allowed; " +
			"too_few_wallets: 1 of 4 voting wallets is ready to vote, 2 are needed"},
		{"behind wallets that are locked", func(s *sight, g *Gate) {
			s.voters, g.Wallets = []VoterState{{Height: 103, Problem: Locked}, {Height: 103, Problem: NotVoting}}, 0
		}, "node_behind: our node is 3 blocks behind the voting wallets, at most 2 are allowed"},
		{"behind one block", func(s *sight, g *Gate) { s.standing.PeerHeight, g.MaxLag = 101, 1 }, ""},
		{"behind, which does not matter", func(s *sight, g *Gate) { s.standing.PeerHeight, g.MaxLag = 9000, 0 }, ""},
		{"old block", func(s *sight, _ *Gate) { s.standing.TipTime = lookedAt.Add(-2*time.Hour - time.Second) },
			"node_behind: the newest block that our node has is 2h0m1s old, at most 2h are allowed"},
		{"block as old as may be", func(s *sight, _ *Gate) { s.standing.TipTime = lookedAt.Add(-2 * time.Hour) }, ""},
		{"old block, which does not matter", func(s *sight, g *Gate) { s.standing.TipTime, g.MaxAge = time.Time{}, 0 }, ""},
		{"behind and old is one reason", func(s *sight, g *Gate) {
			s.standing.PeerHeight, s.standing.TipTime, g.Wallets = 110, time.Time{}, 0
		}, "node_behind: our node is 10 blocks behind its peers, at most 2 are allowed"},

		{"alone", func(s *sight, _ *Gate) { s.standing.Peers, s.standing.PeerHeight = 0, 0 },
			"node_alone: our node has 0 peers, 1 is needed"},
		{"one peer of two", func(s *sight, g *Gate) { s.standing.Peers, g.MinPeers = 1, 2 },
			"node_alone: our node has 1 peer, 2 are needed"},
		{"alone, which does not matter", func(s *sight, g *Gate) { s.standing.Peers, g.MinPeers = 0, 0 }, ""},

		{"clock behind", func(s *sight, _ *Gate) { s.standing.Offset = time.Minute + time.Second },
			"clock_off: our clock and that of the network differ by 1m1s, at most 1m are allowed"},
		{"clock ahead", func(s *sight, _ *Gate) { s.standing.Offset = -90 * time.Minute },
			"clock_off: our clock and that of the network differ by 1h30m, at most 1m are allowed"},
		{"clock as wrong as may be", func(s *sight, _ *Gate) { s.standing.Offset = -time.Minute }, ""},
		{"block of the future", func(s *sight, _ *Gate) { s.standing.TipTime = lookedAt.Add(11*time.Minute + time.Second) },
			"clock_off: the newest block is 11m1s ahead of our clock, at most 11m are allowed"},
		{"block of a miner whose clock is ahead", func(s *sight, _ *Gate) { s.standing.TipTime = lookedAt.Add(11 * time.Minute) }, ""},
		{"clock off, which does not matter", func(s *sight, g *Gate) {
			s.standing.Offset, s.standing.TipTime, g.MaxClock = time.Hour, lookedAt.Add(time.Hour), 0
		}, ""},

		{"too few wallets", func(s *sight, _ *Gate) { s.voters[0].Problem, s.voters[1].Problem = Locked, Unreachable },
			"too_few_wallets: 1 of 3 voting wallets is ready to vote, 2 are needed"},
		{"wallets behind our node", func(s *sight, _ *Gate) { s.voters = at(98, 97, 97) },
			"too_few_wallets: 1 of 3 voting wallets is ready to vote, 2 are needed"},
		{"wallets behind, which does not matter", func(s *sight, g *Gate) { s.voters, g.MaxLag = at(1, 1), 0 }, ""},
		{"no wallets", func(s *sight, g *Gate) { s.voters, g.Wallets = nil, 1 },
			"too_few_wallets: 0 of 0 voting wallets are ready to vote, 1 is needed"},
		{"no wallets, which does not matter", func(s *sight, g *Gate) { s.voters, g.Wallets = nil, 0 }, ""},
		{"wallets behind the node that went away", func(s *sight, _ *Gate) { s.err, s.voters = away, at(97, 97, 97) },
			"node_away: our node does not answer; too_few_wallets: 0 of 3 voting wallets are ready to vote, 2 are needed"},

		{"all at once", func(s *sight, g *Gate) {
			s.standing, s.voters, g.MaxAge = Standing{PeerHeight: 3, Offset: time.Hour}, at(0), time.Second
		}, "node_behind: our node is 3 blocks behind its peers, at most 2 are allowed; node_alone: our node has 0 peers, 1 is needed; " +
			"clock_off: our clock and that of the network differ by 1h, at most 1m are allowed; " +
			"too_few_wallets: 0 of 1 voting wallet are ready to vote, 2 are needed"},

		{"not examined yet", func(s *sight, _ *Gate) { *s = sight{} },
			"not_examined: our node and the voting wallets were not looked at yet"},
		{"not examined yet, wallets alone", func(s *sight, _ *Gate) { *s = sight{nodeless: true} },
			"not_examined: our node and the voting wallets were not looked at yet"},
		{"not examined yet, nothing asked for", func(s *sight, g *Gate) { *s, *g = sight{nodeless: true}, Gate{MaxLag: 2} }, ""},
		{"not examined for long", func(s *sight, _ *Gate) { s.at = lookedAt.Add(-31 * time.Second) },
			"not_examined: our node and the voting wallets were not looked at for 31s"},
		{"not examined for long, nothing asked for", func(s *sight, g *Gate) { *s, *g = sight{at: lookedAt.Add(-time.Hour), nodeless: true}, Gate{} }, ""},
		{"examined a while ago", func(s *sight, _ *Gate) { s.at = lookedAt.Add(-30 * time.Second) }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			seen, gate := fit(), strict
			test.change(&seen, &gate)
			h := examine(lookedAt, &seen, gate)
			var reasons []string
			for _, r := range h.Reasons {
				reasons = append(reasons, string(r.Code)+": "+r.Text)
			}
			require.Equal(t, test.reasons, strings.Join(reasons, "; "))
			require.Equal(t, seen.at, h.At)
			require.Equal(t, seen.err, h.NodeErr)
			if !seen.at.IsZero() {
				require.Equal(t, seen.standing, h.Standing)
				require.Equal(t, seen.voters, h.Voters)
			}
		})
	}
}

// What a look finds is well-formed whatever it sees: each code once, and what people are told says nothing of where our
// daemons are.
func TestExamineProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string) int64 { return rapid.Int64Range(-3, 12).Draw(t, name) }
		seen := sight{at: lookedAt, standing: Standing{
			Tip: Tip{Position: Position{Height: number("tip")}}, TipTime: lookedAt.Add(time.Duration(number("age")) * time.Hour),
			Peers: int(number("peers")), PeerHeight: number("peer height"), Offset: time.Duration(number("offset")) * time.Minute,
		}}
		for range rapid.IntRange(0, 4).Draw(t, "wallets") {
			problem := rapid.SampledFrom([]Problem{NoProblem, Unseen, Unreachable, NoNode, SPV, NotVoting, Locked}).Draw(t, "problem")
			seen.voters = append(seen.voters, VoterState{Name: "secret", Detail: "secret", Problem: problem, Height: number("height")})
		}
		if rapid.Bool().Draw(t, "away") {
			seen.err = errors.New("secret")
		}
		gate := Gate{Wallets: int(number("needed")), MaxLag: number("lag"), MinPeers: int(number("least")),
			MaxClock: time.Duration(number("clock")) * time.Minute, MaxAge: time.Duration(number("oldest")) * time.Hour}
		h := examine(lookedAt, &seen, gate)
		require.GreaterOrEqual(t, h.Ready, 0)
		require.LessOrEqual(t, h.Ready, len(seen.voters))
		codes := make(map[ReasonCode]bool)
		for _, r := range h.Reasons {
			require.False(t, codes[r.Code], "%s twice", r.Code)
			codes[r.Code] = true
			require.NotEmpty(t, r.Text)
			require.NotContains(t, r.Text, "secret")
		}
		require.Equal(t, seen.err != nil, codes[NodeAway])
		require.Equal(t, h.Ready < gate.Wallets, codes[TooFewWallets])

		// Asking for less never closes what was open.
		if len(h.Reasons) == 0 {
			gate.Wallets, gate.MinPeers = gate.Wallets-1, gate.MinPeers-1
			require.Empty(t, examine(lookedAt, &seen, gate).Reasons)
		}
	})
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 10 * time.Second: "10s", time.Minute: "1m", 10 * time.Minute: "10m", time.Hour: "1h", 90 * time.Minute: "1h30m",
		time.Hour + time.Second: "1h0m1s", 1600 * time.Millisecond: "2s", 100 * time.Hour: "100h",
	} {
		require.Equal(t, want, duration(d))
	}
}
