package verifier

import (
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier/votes"
)

// second adds what another vantage's node heard, which is all that the first one's did, but for tips that are changed.
func (s *scene) second(change func(tip *TipVotes)) {
	for _, o := range s.Seen {
		if o.Kind != KindMempool {
			continue
		}
		tip := *o.Tip
		tip.Votes = append([]SeenVote{}, o.Tip.Votes...)
		change(&tip)
		s.Seen = append(s.Seen, Observation{Journal: "paris", Vantage: "paris", Number: o.Number, Kind: KindMempool, Code: OK, Took: o.Took, Tip: &tip})
	}
}

func TestMissesSeenFromTwoVantages(t *testing.T) {
	deaf := func(heights ...int64) func(*TipVotes) {
		return func(tip *TipVotes) {
			for _, height := range heights {
				tip.Whole = tip.Whole && tip.Height != height
			}
		}
	}
	none := func(*TipVotes) {}
	tests := []struct {
		name   string
		local  func(s *scene, e *votes.Entry)
		paris  func(e *votes.Entry) func(*TipVotes)
		want   Blame
		citing string
	}{
		{"both watched, and heard nothing", func(*scene, *votes.Entry) {}, func(*votes.Entry) func(*TipVotes) { return none }, ByOperator, ""},
		{"the other one alone heard it in time", func(*scene, *votes.Entry) {}, func(e *votes.Entry) func(*TipVotes) {
			return func(tip *TipVotes) {
				if tip.Height == e.Won {
					tip.Votes = append(tip.Votes, SeenVote{Ticket: Hash(e.Ticket), Block: tip.Hash})
				}
			}
		}, ByNetwork, "paris"},
		{"the other one alone watched", func(s *scene, e *votes.Entry) { s.tip(e.Won).Whole = false },
			func(*votes.Entry) func(*TipVotes) { return func(tip *TipVotes) { tip.Whole = true } }, ByOperator, "paris"},
		{"half a watch each is none", func(s *scene, e *votes.Entry) { s.tip(e.Won).Whole = false },
			func(e *votes.Entry) func(*TipVotes) {
				return func(tip *TipVotes) { tip.Whole = tip.Height != e.Won-1 }
			}, ByUnknown, ""},
		{"neither watched", func(s *scene, e *votes.Entry) { s.tip(e.Won).Whole = false },
			func(e *votes.Entry) func(*TipVotes) { return deaf(e.Won) }, ByUnknown, ""},
		{"who watched heard too little, who heard did not watch", func(s *scene, e *votes.Entry) { s.tip(e.Won).Whole = false },
			func(e *votes.Entry) func(*TipVotes) {
				return func(tip *TipVotes) { tip.Whole, tip.Votes = true, nil }
			}, ByUnknown, "paris"},
		{"one heard too little, the other enough", func(*scene, *votes.Entry) {},
			func(*votes.Entry) func(*TipVotes) { return func(tip *TipVotes) { tip.Votes = nil } }, ByOperator, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			entry := s.miss(50)
			test.local(s, entry)
			s.second(test.paris(entry))
			misses := Misses(s.Evidence)
			require.Len(t, misses, 1)
			require.Equal(t, test.want, misses[0].Blame, misses[0].Why)
			for _, cite := range misses[0].Cites {
				require.Equal(t, test.citing, cite.Journal)
			}
			if test.want != ByUnknown {
				require.NotEmpty(t, misses[0].Cites)
			}
		})
	}
}
