package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

var touchGuarantees = []guarantee{
	{"Touched tells of every Update, oldest first", func(t *testing.T, s vsp.Store) {
		require.Empty(t, touched(t, s, 10))
		insert(t, s, ticket(1), ticket(2))
		require.Empty(t, touched(t, s, 10), "only an Update touches a ticket")
		for _, n := range []int{2, 1, 2} {
			touch(t, s, n)
		}
		require.Equal(t, []chainhash.Hash{hash(2), hash(1), hash(2)}, noted(touched(t, s, 10)))
		require.Equal(t, []chainhash.Hash{hash(2), hash(1)}, noted(touched(t, s, 2)))
		require.Empty(t, touched(t, s, 0))
	}},
	{"An Update that is refused leaves no note", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1))
		_, err := s.Update(t.Context(), hash(1), func(*vsp.Ticket) (*vsp.Change, error) { return nil, errors.New("refused") })
		require.Error(t, err)
		_, err = s.Update(t.Context(), hash(1), func(t *vsp.Ticket) (*vsp.Change, error) {
			t.Hash = hash(2)
			return nil, nil
		})
		require.Error(t, err)
		_, err = s.Update(t.Context(), hash(2), confirm)
		require.ErrorIs(t, err, vsp.ErrNoTicket)
		require.Empty(t, touched(t, s, 10))
	}},
	{"Heard deletes the notes it is given, and no later ones", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1), ticket(2))
		touch(t, s, 1)
		touch(t, s, 2)
		first := touched(t, s, 10)
		touch(t, s, 1)
		require.NoError(t, s.Heard(t.Context(), first[:1]))
		require.Equal(t, []chainhash.Hash{hash(2), hash(1)}, noted(touched(t, s, 10)))

		require.NoError(t, s.Heard(t.Context(), touched(t, s, 10)))
		require.Empty(t, touched(t, s, 10))
		touch(t, s, 1)
		require.NoError(t, s.Heard(t.Context(), first), "they are gone: that is no error")
		require.NoError(t, s.Heard(t.Context(), nil))
		require.Equal(t, []chainhash.Hash{hash(1)}, noted(touched(t, s, 10)), "an ID is not used again")
	}},
	{"Heard takes many notes at once", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1))
		const many = 150
		for range many {
			touch(t, s, 1)
		}
		notes := touched(t, s, many+1)
		require.Len(t, notes, many)
		require.NoError(t, s.Heard(t.Context(), notes[1:]))
		require.Equal(t, notes[:1], touched(t, s, many))
	}},
	{"No note of concurrent Updates is lost", func(t *testing.T, s vsp.Store) {
		const callers, rounds = 4, 10
		var all []vsp.Ticket
		for n := range callers {
			all = append(all, ticket(n))
		}
		insert(t, s, all...)
		errs := make([]error, callers+1)
		heard := make(map[chainhash.Hash]int)
		hear := func() error {
			notes, err := s.Touched(t.Context(), 3)
			for _, note := range notes {
				heard[note.Ticket]++
			}
			return errors.Join(err, s.Heard(t.Context(), notes))
		}
		together(callers+1, func(n int) {
			for range rounds {
				var err error
				if n < callers {
					_, err = s.Update(t.Context(), hash(n), confirm)
				} else {
					err = hear()
				}
				errs[n] = errors.Join(errs[n], err)
			}
		})
		require.NoError(t, errors.Join(errs...))
		for len(touched(t, s, 1)) > 0 {
			require.NoError(t, hear())
		}
		for n := range callers {
			require.Equal(t, rounds, heard[hash(n)])
		}
	}},
}

// touch updates the nth ticket.
func touch(t *testing.T, s vsp.Store, n int) {
	t.Helper()
	_, err := s.Update(t.Context(), hash(n), confirm)
	require.NoError(t, err)
}

func touched(t *testing.T, s vsp.Store, limit int) []vsp.Touch {
	t.Helper()
	notes, err := s.Touched(t.Context(), limit)
	require.NoError(t, err)
	ids := slices.IsSortedFunc(notes, func(a, b vsp.Touch) int { return int(a.ID - b.ID) })
	require.True(t, ids, "the notes' IDs must tell their order")
	return notes
}

// noted returns which tickets notes are of.
func noted(notes []vsp.Touch) (tickets []chainhash.Hash) {
	for _, note := range notes {
		tickets = append(tickets, note.Ticket)
	}
	return tickets
}
