package verifier

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/verifier/votes"
)

// took changes how long a block was our node's tip.
func (s *scene) took(height int64, d time.Duration) {
	for i := range s.Seen {
		if s.Seen[i].Tip != nil && s.Seen[i].Tip.Height == height {
			s.Seen[i].Took = d
		}
	}
}

// TestMissesAreAttributed has one entry for each way in which an honest operator might be blamed, or another one get away.
func TestMissesAreAttributed(t *testing.T) {
	const n = 50 // the ticket that misses: decided in block 301
	tests := []struct {
		name   string
		change func(s *scene, entry *votes.Entry)
		want   Blame
	}{
		{"nothing heard of it", func(*scene, *votes.Entry) {}, ByOperator},
		{"heard and not mined", func(s *scene, e *votes.Entry) { s.hear(e.Decided-1, e.Ticket) }, ByNetwork},
		{"heard before our node had the block", func(s *scene, e *votes.Entry) { s.hearOn(e.Won, e.Won-1, 59*time.Second, e.Ticket) }, ByNetwork},
		{"heard in the middle of the block's time", func(s *scene, e *votes.Entry) { s.hearOn(e.Won, e.Won, 30*time.Second, e.Ticket) }, ByNetwork},
		{"heard at the end of it", func(s *scene, e *votes.Entry) { s.hearOn(e.Won, e.Won, 31*time.Second, e.Ticket) }, ByUnknown},
		{"heard at the end of it, and before one that was mined", func(s *scene, e *votes.Entry) {
			s.unhear(others(e.Decided)[3])
			s.hearOn(e.Won, e.Won, 31*time.Second, e.Ticket, others(e.Decided)[3])
		}, ByNetwork},
		{"heard at the end of it, and before one that was not mined", func(s *scene, e *votes.Entry) {
			s.hearOn(e.Won, e.Won, 31*time.Second, e.Ticket, hashNo(-7))
		}, ByUnknown},
		{"heard too late for the block", func(s *scene, e *votes.Entry) { s.hearOn(e.Won, e.Decided, 0, e.Ticket) }, ByUnknown},
		{"voted on a block that is not in the chain", func(s *scene, e *votes.Entry) { s.hearOn(-1, e.Won, 0, e.Ticket) }, ByUnknown},
		{"voted long ago on a block that was replaced", func(s *scene, e *votes.Entry) { s.hearOn(-1, e.Won-20, 0, e.Ticket) }, ByOperator},
		{"voted long ago on a block that had not drawn it", func(s *scene, e *votes.Entry) { s.hear(e.Won-20, e.Ticket) }, ByOperator},
		{"the next block came at once", func(s *scene, e *votes.Entry) { s.took(e.Won, leastTime-1) }, ByUnknown},
		{"the next block came when a miner no longer waits", func(s *scene, e *votes.Entry) { s.took(e.Won, leastTime) }, ByOperator},
		{"not listening", func(s *scene, e *votes.Entry) { s.tip(e.Decided - 1).Whole = false }, ByUnknown},
		{"not listening just before", func(s *scene, e *votes.Entry) { s.tip(e.Decided - 2).Whole = false }, ByUnknown},
		{"listening to another block", func(s *scene, e *votes.Entry) { s.tip(e.Decided - 1).Hash = Hash(hashNo(-1)) }, ByNetwork},
		{"its block was replaced", func(s *scene, e *votes.Entry) { s.tip(e.Decided).Hash = Hash(hashNo(-1)) }, ByNetwork},
		{"others missed as well", func(s *scene, e *votes.Entry) { s.Complete, e.Voters = true, 3 }, ByNetwork},
		{"others missed as well, which may be its own", func(_ *scene, e *votes.Entry) { e.Voters = 3 }, ByUnknown},
		{"nothing at all heard", func(s *scene, e *votes.Entry) { s.tip(e.Decided - 1).Votes = nil }, ByUnknown},
		{"all but one of the other votes heard", func(s *scene, e *votes.Entry) { s.unhear(others(e.Decided)[2]) }, ByUnknown},
		{"the other votes heard with the block that has them", func(s *scene, e *votes.Entry) {
			for _, ticket := range others(e.Decided) {
				s.unhear(ticket)
			}
			s.hear(e.Decided, others(e.Decided)...)
		}, ByUnknown},
		{"no journal", func(s *scene, _ *votes.Entry) { s.Seen = nil }, ByUnknown},
		{"no census", func(s *scene, _ *votes.Entry) { s.Census = nil }, ByUnknown},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			entry := s.miss(n)
			require.EqualValues(t, 301, entry.Decided)
			test.change(s, entry)
			misses := Misses(s.Evidence)
			require.Len(t, misses, 1)
			require.Equal(t, test.want, misses[0].Blame, misses[0].Why)
			for _, row := range []string{"TR-2", "TR-3"} {
				require.Equal(t, test.want == ByOperator, s.finding(t, row).Verdict == Fail, row)
			}
		})
	}
}

// TestAnHonestVoteIsNeverBlamed: whenever the vote of a ticket did reach one of our nodes before the next block, the operator
// is not to answer for its miss, whatever else was heard or not.
func TestAnHonestVoteIsNeverBlamed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newScene(t)
		s.Complete = rapid.Bool().Draw(rt, "complete")
		entry := s.miss(rapid.IntRange(2, 190).Draw(rt, "ticket"))
		took := time.Duration(rapid.IntRange(1, 600).Draw(rt, "took")) * time.Second
		s.took(entry.Won, took)
		after := time.Duration(rapid.Int64Range(0, int64(took)).Draw(rt, "after"))
		s.hearOn(entry.Won, entry.Won-rapid.Int64Range(0, 1).Draw(rt, "early"), after, entry.Ticket)
		for _, other := range others(entry.Decided) {
			if rapid.Bool().Draw(rt, "unheard") {
				s.unhear(other)
			}
		}
		require.NotEqual(rt, ByOperator, Misses(s.Evidence)[0].Blame)
	})
}

// TestOnlyAWholeHearingBlames: where our node lacked any of the votes that the block has, or a moment of the time, it may
// have lacked ours.
func TestOnlyAWholeHearingBlames(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newScene(t)
		entry := s.miss(rapid.IntRange(2, 190).Draw(rt, "ticket"))
		require.Equal(rt, ByOperator, Misses(s.Evidence)[0].Blame)
		switch rapid.IntRange(0, 3).Draw(rt, "what") {
		case 0:
			s.unhear(others(entry.Decided)[rapid.IntRange(0, 3).Draw(rt, "which")])
		case 1:
			s.tip(entry.Won - rapid.Int64Range(0, 1).Draw(rt, "tip")).Whole = false
		case 2:
			s.took(entry.Won, time.Duration(rapid.Int64Range(0, int64(leastTime)-1).Draw(rt, "took")))
		case 3:
			entry.Voters--
		}
		require.NotEqual(rt, ByOperator, Misses(s.Evidence)[0].Blame)
	})
}
