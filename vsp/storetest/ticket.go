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
			forget(rt, s, ticket.Hash)
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
	{"Remove leaves a ticket whose fee is more than FeeNone", func(t *testing.T, s vsp.Store) {
		for n, status := range feeStatuses {
			ticket := ticket(n)
			ticket.Fee.Status = status
			insert(t, s, ticket)
			change(t, s, n, 1)
			require.NoError(t, s.Remove(t.Context(), ticket.Hash))
			if status != vsp.FeeNone {
				is(t, s, ticket)
				require.Equal(t, []int64{1}, answered(t, s, n))
			}
		}
	}},
	{"A Remove never takes a ticket that is paid for at the same time", func(t *testing.T, s vsp.Store) {
		for n := range 10 {
			insert(t, s, ticket(n))
			var paid, removed error
			together(2, func(who int) {
				if who == 0 {
					removed = s.Remove(t.Context(), hash(n))
					return
				}
				_, paid = s.Update(t.Context(), hash(n), func(t *vsp.Ticket) (*vsp.Change, error) {
					t.Fee.Status = vsp.FeeReceived
					return nil, nil
				})
			})
			require.NoError(t, removed)
			want := ticket(n)
			want.Fee.Status = vsp.FeeReceived
			if paid == nil {
				is(t, s, want)
				continue
			}
			require.ErrorIs(t, paid, vsp.ErrNoTicket)
			_, err := s.Ticket(t.Context(), hash(n))
			require.ErrorIs(t, err, vsp.ErrNoTicket)
		}
	}},
	{"Remove of a ticket that is not there is no error", func(t *testing.T, s vsp.Store) {
		require.NoError(t, s.Remove(t.Context(), hash(1)))
	}},
}
