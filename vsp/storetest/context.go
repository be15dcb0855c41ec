package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

var contextGuarantees = []guarantee{
	{"A context that is done ends every operation before it changes anything", func(t *testing.T, s vsp.Store) {
		prepare(t, s)
		_, err := s.NextFeeIndex(t.Context(), "spub")
		require.NoError(t, err)
		done, cancel := context.WithCancel(t.Context())
		cancel()
		for name, act := range operations(s) {
			require.ErrorIs(t, act(done), context.Canceled, name)
		}
		is(t, s, ticket(1))
		_, err = s.Ticket(t.Context(), hash(2))
		require.ErrorIs(t, err, vsp.ErrNoTicket)
		require.Empty(t, answered(t, s, 1))
		at(t, s, vsp.Position{})
		require.Len(t, touched(t, s, 10), 1)
		require.False(t, lead(t, s, "c", time.Hour))
		_, err = s.AltSigner(t.Context(), hash(1))
		require.ErrorIs(t, err, vsp.ErrNoAltSigner)
		index, err := s.NextFeeIndex(t.Context(), "spub")
		require.NoError(t, err)
		require.EqualValues(t, 2, index)
	}},
	{"Contexts that end at any moment lose nothing that was acknowledged", func(t *testing.T, s vsp.Store) {
		const callers, rounds = 4, 15
		insert(t, s, ticket(1))
		acknowledged, unknown := make([]int64, callers), make([]int64, callers)
		together(callers, func(n int) {
			for round := range rounds {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n*rounds+round)*100*time.Microsecond)
				_, err := s.Update(ctx, hash(1), func(t *vsp.Ticket) (*vsp.Change, error) {
					t.ChoicesSetAt++
					return nil, nil
				})
				cancel()
				if err == nil {
					acknowledged[n]++
				} else {
					unknown[n]++
				}
			}
		})
		after, err := s.Ticket(t.Context(), hash(1))
		require.NoError(t, err)
		require.GreaterOrEqual(t, after.ChoicesSetAt, sum(acknowledged))
		require.LessOrEqual(t, after.ChoicesSetAt, sum(acknowledged)+sum(unknown))
		_, err = s.Update(t.Context(), hash(1), confirm)
		require.NoError(t, err, "the store must be usable afterwards")
	}},
	{"A context that ends while act runs leaves the ticket whole", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1))
		ctx, cancel := context.WithCancelCause(t.Context())
		got, err := s.Update(ctx, hash(1), func(t *vsp.Ticket) (*vsp.Change, error) {
			cancel(errors.New("the caller left"))
			t.Confirmed, t.PurchaseHeight = true, 7
			return &vsp.Change{Answered: 1}, nil
		})
		confirmed := ticket(1)
		confirmed.Confirmed, confirmed.PurchaseHeight = true, 7
		switch {
		case err == nil:
			same(t, confirmed, got)
			is(t, s, confirmed)
		case len(answered(t, s, 1)) == 1:
			is(t, s, confirmed)
		default:
			is(t, s, ticket(1))
		}
		_, err = s.Update(t.Context(), hash(1), confirm)
		require.NoError(t, err, "the store must be usable afterwards")
	}},
}

// prepare gives operations something to change: a ticket, a note of it, and a lease.
func prepare(t *testing.T, s vsp.Store) {
	insert(t, s, ticket(1))
	_, err := s.Update(t.Context(), hash(1), func(*vsp.Ticket) (*vsp.Change, error) { return nil, nil })
	require.NoError(t, err)
	require.True(t, lead(t, s, "b", time.Hour))
}

// operations returns a call of every method of a Store, those that change something in a way that would be seen.
func operations(s vsp.Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Ticket": func(ctx context.Context) error { _, err := s.Ticket(ctx, hash(1)); return err },
		"Insert": func(ctx context.Context) error { return s.Insert(ctx, ticket(2)) },
		"Update": func(ctx context.Context) error {
			_, err := s.Update(ctx, hash(1), func(t *vsp.Ticket) (*vsp.Change, error) {
				t.Confirmed = true
				return &vsp.Change{Answered: 1}, nil
			})
			return err
		},
		"Remove":   func(ctx context.Context) error { return s.Remove(ctx, hash(1)) },
		"Select":   func(ctx context.Context) error { _, err := s.Select(ctx, vsp.Filter{}); return err },
		"Changes":  func(ctx context.Context) error { _, err := s.Changes(ctx, hash(1)); return err },
		"Position": func(ctx context.Context) error { _, err := s.Position(ctx); return err },
		"Settle": func(ctx context.Context) error {
			return s.Settle(ctx, vsp.Position{}, block(1), []vsp.Spend{spend(1, vsp.Voted, 1)})
		},
		"Rewind":       func(ctx context.Context) error { _, err := s.Rewind(ctx, vsp.Position{}, block(1)); return err },
		"Counts":       func(ctx context.Context) error { _, err := s.Counts(ctx); return err },
		"NextFeeIndex": func(ctx context.Context) error { _, err := s.NextFeeIndex(ctx, "spub"); return err },
		"Touched":      func(ctx context.Context) error { _, err := s.Touched(ctx, 1); return err },
		"Heard":        func(ctx context.Context) error { return s.Heard(ctx, []vsp.Touch{{ID: 1, Ticket: hash(1)}}) },
		"Lead":         func(ctx context.Context) error { _, err := s.Lead(ctx, "b", 0); return err },
		"Resign":       func(ctx context.Context) error { return s.Resign(ctx, "b") },
		"AltSigner":    func(ctx context.Context) error { _, err := s.AltSigner(ctx, hash(1)); return err },
		"TicketAndSigner": func(ctx context.Context) error {
			_, _, err := s.TicketAndSigner(ctx, hash(1))
			return err
		},
		"SetAltSigner": func(ctx context.Context) error { return s.SetAltSigner(ctx, hash(1), signer(1)) },
	}
}

func sum(of []int64) (total int64) {
	for _, n := range of {
		total += n
	}
	return total
}
