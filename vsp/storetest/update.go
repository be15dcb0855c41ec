package storetest

import (
	"errors"
	"sync"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/vsp"
)

var updateGuarantees = []guarantee{
	{"Update stores every field, and returns the ticket as stored", func(t *testing.T, s vsp.Store) {
		rapid.Check(t, func(rt *rapid.T) {
			before, after := tickets().Draw(rt, "before"), tickets().Draw(rt, "after")
			after.Hash = before.Hash
			forget(rt, s, before.Hash)
			require.NoError(rt, s.Insert(t.Context(), before))
			got, err := s.Update(t.Context(), before.Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
				*t = after
				return nil, nil
			})
			require.NoError(rt, err)
			same(rt, after, got)
			is(rt, s, after)
		})
	}},
	{"Update changes no other ticket", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1), ticket(2))
		_, err := s.Update(t.Context(), hash(1), confirm)
		require.NoError(t, err)
		is(t, s, ticket(2))
	}},
	{"Update gives act the ticket as stored, however often it is called", func(t *testing.T, s vsp.Store) {
		before := ticket(1)
		before.Fee.Tx = []byte{1}
		before.Choices.Agendas = map[string]string{"agenda": "yes"}
		insert(t, s, before)
		var seen []vsp.Ticket
		_, err := s.Update(t.Context(), before.Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
			seen = append(seen, stored(*t))
			t.Fee.Tx[0], t.Choices.Agendas["agenda"], t.Confirmed = 2, "no", true
			return &vsp.Change{Answered: int64(len(seen))}, nil
		})
		require.NoError(t, err)
		require.NotEmpty(t, seen)
		for _, ticket := range seen {
			same(t, before, ticket)
		}
		require.Equal(t, []int64{int64(len(seen))}, answered(t, s, 1), "the last call's change, and no other")
	}},
	{"Update stores what act changes in place", func(t *testing.T, s vsp.Store) {
		before := ticket(1)
		before.Fee.Tx = []byte{1, 2}
		for _, choices := range []*map[string]string{&before.Choices.Agendas, &before.Choices.TSpends, &before.Choices.Treasury} {
			*choices = map[string]string{"of": "yes"}
		}
		insert(t, s, before)
		want := stored(before)
		for _, change := range []func(t *vsp.Ticket){
			func(t *vsp.Ticket) { t.Fee.Tx[1] = 3 },
			func(t *vsp.Ticket) { t.Choices.Agendas["of"] = "no" },
			func(t *vsp.Ticket) { delete(t.Choices.TSpends, "of") },
			func(t *vsp.Ticket) { t.Choices.Treasury["more"] = "no" },
			func(*vsp.Ticket) {},
		} {
			change(&want)
			_, err := s.Update(t.Context(), hash(1), func(t *vsp.Ticket) (*vsp.Change, error) {
				change(t)
				return nil, nil
			})
			require.NoError(t, err)
			is(t, s, want)
		}
	}},
	{"Update does nothing when act fails, and returns its error as it is", func(t *testing.T, s vsp.Store) {
		before := ticket(1)
		before.Choices.Agendas = map[string]string{"agenda": "yes"}
		insert(t, s, before)
		refusal := errors.New("refused")
		_, err := s.Update(t.Context(), before.Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
			t.Confirmed, t.Choices.Agendas["agenda"] = true, "no"
			return &vsp.Change{Answered: 1}, refusal
		})
		require.Same(t, refusal, err)
		is(t, s, before)
		require.Empty(t, answered(t, s, 1))
	}},
	{"Update survives an act that panics", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1))
		require.PanicsWithValue(t, "act", func() {
			_, _ = s.Update(t.Context(), hash(1), func(t *vsp.Ticket) (*vsp.Change, error) {
				t.Confirmed = true
				panic("act")
			})
		})
		is(t, s, ticket(1))
		_, err := s.Update(t.Context(), hash(1), confirm)
		require.NoError(t, err)
	}},
	{"Update says that there is no ticket, and does not call act", func(t *testing.T, s vsp.Store) {
		_, err := s.Update(t.Context(), hash(1), func(*vsp.Ticket) (*vsp.Change, error) {
			t.Error("act was called")
			return nil, nil
		})
		require.ErrorIs(t, err, vsp.ErrNoTicket)
	}},
	{"Update refuses another hash, with nothing changed", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1), ticket(2))
		for _, to := range []chainhash.Hash{hash(2), hash(3)} {
			_, err := s.Update(t.Context(), hash(1), func(t *vsp.Ticket) (*vsp.Change, error) {
				t.Hash = to
				return &vsp.Change{Answered: 1}, nil
			})
			require.Error(t, err)
			require.NotErrorIs(t, err, vsp.ErrNoTicket)
			require.NotErrorIs(t, err, vsp.ErrTicketExists)
		}
		is(t, s, ticket(1))
		is(t, s, ticket(2))
		require.Empty(t, answered(t, s, 1))
		_, err := s.Ticket(t.Context(), hash(3))
		require.ErrorIs(t, err, vsp.ErrNoTicket)
	}},
	{"Concurrent Updates of one ticket lose nothing", func(t *testing.T, s vsp.Store) {
		const callers, rounds = 8, 10
		insert(t, s, ticket(1), ticket(2))
		errs := make([]error, callers)
		together(callers, func(n int) {
			for range rounds {
				_, err := s.Update(t.Context(), hash(1+n%2), func(t *vsp.Ticket) (*vsp.Change, error) {
					t.ChoicesSetAt++
					return nil, nil
				})
				errs[n] = errors.Join(errs[n], err)
			}
		})
		require.NoError(t, errors.Join(errs...))
		for n := 1; n <= 2; n++ {
			want := ticket(n)
			want.ChoicesSetAt = callers / 2 * rounds
			is(t, s, want)
		}
	}},
	{"An Update and a Settle at the same time keep what both did", func(t *testing.T, s vsp.Store) {
		const rounds = 20
		insert(t, s, ticket(1))
		errs := make([]error, 2)
		together(2, func(n int) {
			for height := range int64(rounds) {
				var err error
				if n == 0 {
					err = Settle(t.Context(), s, block(height), []vsp.Spend{spend(1, vsp.Voted, height)})
				} else {
					_, err = s.Update(t.Context(), hash(1), func(t *vsp.Ticket) (*vsp.Change, error) {
						t.ChoicesSetAt = height
						return nil, nil
					})
				}
				errs[n] = errors.Join(errs[n], err)
			}
		})
		require.NoError(t, errors.Join(errs...))
		want := ticket(1)
		want.ChoicesSetAt = rounds - 1
		want.Outcome, want.SpentHeight, want.SpentBy = vsp.Voted, rounds-1, spend(1, vsp.Voted, rounds-1).By
		is(t, s, want)
	}},
}

// confirm is an act that changes something.
func confirm(t *vsp.Ticket) (*vsp.Change, error) {
	t.Confirmed = true
	return nil, nil
}

// together calls f with each number below n at the same time, and returns when all have returned.
func together(n int, f func(n int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}
