package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/vsp"
)

var ticketGuarantees = []guarantee{
	{"Ticket gives back every field as it was inserted", func(t *testing.T, s vsp.Store) {
		rapid.Check(t, func(rt *rapid.T) {
			ticket := tickets().Draw(rt, "ticket")
			require.NoError(rt, s.Remove(t.Context(), ticket.Hash))
			require.NoError(rt, s.Insert(t.Context(), ticket))
			is(rt, s, ticket)
		})
	}},
	{"Ticket says that there is none", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1))
		_, err := s.Ticket(t.Context(), hash(2))
		require.ErrorIs(t, err, vsp.ErrNoTicket)
	}},
	{"What a caller does to a ticket does not reach the store", func(t *testing.T, s vsp.Store) {
		mine := ticket(1)
		mine.Fee.Tx = []byte{1}
		mine.Choices.Agendas = map[string]string{"agenda": "yes"}
		want := stored(mine)
		insert(t, s, mine)
		mine.Fee.Tx[0], mine.Choices.Agendas["agenda"] = 2, "no"
		is(t, s, want)

		got, err := s.Ticket(t.Context(), mine.Hash)
		require.NoError(t, err)
		got.Fee.Tx[0], got.Choices.Agendas["agenda"] = 2, "no"
		is(t, s, want)
	}},
	{"Insert leaves a ticket that is there as it is", func(t *testing.T, s vsp.Store) {
		first, second := ticket(1), ticket(1)
		second.Commitment = "SsAnother"
		insert(t, s, first)
		require.ErrorIs(t, s.Insert(t.Context(), second), vsp.ErrTicketExists)
		is(t, s, first)
	}},
	{"Of concurrent Inserts of one ticket exactly one succeeds", func(t *testing.T, s vsp.Store) {
		const callers = 8
		errs := make([]error, callers)
		together(callers, func(n int) {
			mine := ticket(1)
			mine.PurchaseHeight = int64(n)
			errs[n] = s.Insert(t.Context(), mine)
		})
		winner := -1
		for n, err := range errs {
			if err == nil {
				require.Equal(t, -1, winner, "two succeeded")
				winner = n
				continue
			}
			require.ErrorIs(t, err, vsp.ErrTicketExists)
		}
		require.NotEqual(t, -1, winner, "none succeeded")
		want := ticket(1)
		want.PurchaseHeight = int64(winner)
		is(t, s, want)
	}},
	{"Remove takes a ticket and its changes, and no other's", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1), ticket(2))
		change(t, s, 1, 1)
		change(t, s, 2, 2)
		require.NoError(t, s.Remove(t.Context(), hash(1)))
		_, err := s.Ticket(t.Context(), hash(1))
		require.ErrorIs(t, err, vsp.ErrNoTicket)
		require.Empty(t, answered(t, s, 1))
		is(t, s, ticket(2))
		require.Equal(t, []int64{2}, answered(t, s, 2))

		insert(t, s, ticket(1))
		require.Empty(t, answered(t, s, 1), "the changes came back with the ticket")
	}},
	{"Remove of a ticket that is not there is no error", func(t *testing.T, s vsp.Store) {
		require.NoError(t, s.Remove(t.Context(), hash(1)))
	}},
}
