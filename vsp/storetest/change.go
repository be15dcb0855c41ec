package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/vsp"
)

var changeGuarantees = []guarantee{
	{"Changes gives back every field", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1))
		rapid.Check(t, func(rt *rapid.T) {
			want := vsp.Change{
				Request:   rapid.SliceOf(rapid.Byte()).Draw(rt, "request"),
				Signature: rapid.String().Draw(rt, "signature"),
				Answered:  rapid.Int64().Draw(rt, "answered"),
			}
			_, err := s.Update(t.Context(), hash(1), func(*vsp.Ticket) (*vsp.Change, error) { return &want, nil })
			require.NoError(rt, err)
			got, err := s.Changes(t.Context(), hash(1))
			require.NoError(rt, err)
			require.Equal(rt, copied(want), got[len(got)-1])
		})
	}},
	{"Changes keeps the first ever and the newest", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1), ticket(2))
		var all []int64
		for n := int64(1); n <= 2*vsp.MaxChanges; n++ {
			// The answers' timestamps run backwards: the order is that of the Updates.
			change(t, s, 1, -n)
			all = append(all, -n)
			want := all
			if len(all) > vsp.MaxChanges {
				want = append([]int64{-1}, all[len(all)-vsp.MaxChanges+1:]...)
			}
			require.Equal(t, want, answered(t, s, 1))
		}
		require.Empty(t, answered(t, s, 2))
	}},
	{"Changes of a ticket that is not there are none", func(t *testing.T, s vsp.Store) {
		require.Empty(t, answered(t, s, 1))
	}},
}

// change adds a Change to the nth ticket.
func change(t *testing.T, s vsp.Store, n int, answered int64) {
	t.Helper()
	_, err := s.Update(t.Context(), hash(n), func(*vsp.Ticket) (*vsp.Change, error) {
		return &vsp.Change{Request: []byte("{}"), Signature: "sig", Answered: answered}, nil
	})
	require.NoError(t, err)
}

// answered returns when each Change of the nth ticket was answered.
func answered(t *testing.T, s vsp.Store, n int) []int64 {
	t.Helper()
	changes, err := s.Changes(t.Context(), hash(n))
	require.NoError(t, err)
	var at []int64
	for _, c := range changes {
		at = append(at, c.Answered)
	}
	return at
}
