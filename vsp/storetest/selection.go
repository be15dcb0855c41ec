package storetest

import (
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/vsp"
)

var selectGuarantees = []guarantee{
	{"Select returns what all conditions ask for, oldest first", func(t *testing.T, s vsp.Store) {
		all := everyState()
		insert(t, s, all...)
		rapid.Check(t, func(rt *rapid.T) {
			filter := filters().Draw(rt, "filter")
			var want []chainhash.Hash
			for _, ticket := range all {
				if matches(filter, ticket) {
					want = append(want, ticket.Hash)
				}
			}
			got, err := s.Select(t.Context(), filter)
			require.NoError(rt, err)
			require.Equal(rt, want, hashes(got))
		})
	}},
	{"Select returns whole tickets", func(t *testing.T, s vsp.Store) {
		want := tickets().Example(1)
		insert(t, s, want)
		got, err := s.Select(t.Context(), vsp.Filter{})
		require.NoError(t, err)
		require.Len(t, got, 1)
		same(t, want, got[0])
	}},
	{"Select finds what an Update made of a ticket, and at its old place", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1), ticket(2), ticket(3))
		for _, n := range []int{2, 1} {
			_, err := s.Update(t.Context(), hash(n), confirm)
			require.NoError(t, err)
		}
		yes := true
		got, err := s.Select(t.Context(), vsp.Filter{Confirmed: &yes})
		require.NoError(t, err)
		require.Equal(t, []chainhash.Hash{hash(1), hash(2)}, hashes(got))
	}},
	{"Select counts a ticket that was removed and inserted again as new", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1), ticket(2))
		require.NoError(t, s.Remove(t.Context(), hash(1)))
		insert(t, s, ticket(1))
		got, err := s.Select(t.Context(), vsp.Filter{})
		require.NoError(t, err)
		require.Equal(t, []chainhash.Hash{hash(2), hash(1)}, hashes(got))
	}},
}

// everyState returns a ticket in each combination of what a Filter looks at.
func everyState() []vsp.Ticket {
	var all []vsp.Ticket
	for _, outcome := range outcomes {
		for _, status := range feeStatuses {
			for _, confirmed := range []bool{true, false} {
				ticket := ticket(len(all))
				ticket.Confirmed, ticket.Fee.Status, ticket.Outcome = confirmed, status, outcome
				all = append(all, ticket)
			}
		}
	}
	return all
}

// filters generates every kind of Filter, those with empty conditions among them.
func filters() *rapid.Generator[vsp.Filter] {
	yes, no := true, false
	return rapid.Custom(func(t *rapid.T) vsp.Filter {
		return vsp.Filter{
			Confirmed: rapid.SampledFrom([]*bool{nil, &yes, &no}).Draw(t, "confirmed"),
			Fee:       rapid.SliceOfN(rapid.SampledFrom(feeStatuses), 0, 3).Draw(t, "fee"),
			Outcome:   rapid.SliceOfN(rapid.SampledFrom(outcomes), 0, 3).Draw(t, "outcome"),
		}
	})
}
