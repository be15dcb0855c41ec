package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

var scanGuarantees = []guarantee{
	{"Position is zero before the first", func(t *testing.T, s vsp.Store) {
		at(t, s, vsp.Position{})
	}},
	{"Settle stores outcomes and position", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1), ticket(2), ticket(3), ticket(4))
		found := []vsp.Spend{spend(1, vsp.Voted, 9), spend(2, vsp.Missed, 10), spend(3, vsp.Expired, 10)}
		for range 2 { // the second changes nothing
			require.NoError(t, Settle(t.Context(), s, block(10), found))
			at(t, s, block(10))
			for n, f := range found {
				is(t, s, spent(ticket(n+1), f))
			}
			is(t, s, ticket(4))
		}
		require.NoError(t, Settle(t.Context(), s, block(11), nil))
		at(t, s, block(11))
	}},
	{"Settle passes over a ticket that is not there", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(2))
		found := []vsp.Spend{spend(1, vsp.Voted, 9), spend(2, vsp.Voted, 9)}
		require.NoError(t, Settle(t.Context(), s, block(9), found))
		is(t, s, spent(ticket(2), found[1]))
		_, err := s.Ticket(t.Context(), hash(1))
		require.ErrorIs(t, err, vsp.ErrNoTicket)
	}},
	{"Settle is seen whole or not at all", func(t *testing.T, s vsp.Store) {
		const blocks = 30
		for n := range blocks {
			insert(t, s, ticket(n+1))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		errs := make([]error, 2)
		together(2, func(n int) {
			if n == 0 {
				errs[n] = settleEach(ctx, s, blocks)
			} else {
				errs[n] = watchSettling(ctx, s, blocks)
			}
		})
		require.NoError(t, errors.Join(errs...))
	}},
	{"Rewind takes back what was found above, and nothing else", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1), ticket(2), ticket(3), ticket(4))
		found := []vsp.Spend{spend(3, vsp.Missed, 12), spend(1, vsp.Voted, 11), spend(2, vsp.Voted, 10)}
		require.NoError(t, Settle(t.Context(), s, block(12), found))

		taken, err := Rewind(t.Context(), s, block(10))
		require.NoError(t, err)
		require.ElementsMatch(t, []chainhash.Hash{hash(1), hash(3)}, taken)
		at(t, s, block(10))
		for _, n := range []int{1, 3, 4} {
			is(t, s, ticket(n))
		}
		is(t, s, spent(ticket(2), found[2]))

		taken, err = Rewind(t.Context(), s, block(10))
		require.NoError(t, err)
		require.Empty(t, taken)
	}},
	{"Rewind leaves the height of a ticket that has no outcome", func(t *testing.T, s vsp.Store) {
		odd := ticket(1)
		odd.PurchaseHeight = 100
		insert(t, s, odd)
		taken, err := Rewind(t.Context(), s, block(10))
		require.NoError(t, err)
		require.Empty(t, taken)
		is(t, s, odd)
	}},
	{"Settle and Rewind go on only from where the scan stands", func(t *testing.T, s vsp.Store) {
		insert(t, s, ticket(1), ticket(2))
		require.ErrorIs(t, s.Settle(t.Context(), block(1), block(2), nil), vsp.ErrMoved, "before the first")
		require.NoError(t, s.Settle(t.Context(), vsp.Position{}, block(10), []vsp.Spend{spend(1, vsp.Voted, 10)}))
		for _, from := range []vsp.Position{{}, block(9), block(11), {Height: 10, Hash: hash(1)}, {Height: 9, Hash: block(10).Hash}} {
			require.ErrorIs(t, s.Settle(t.Context(), from, block(11), []vsp.Spend{spend(2, vsp.Voted, 11)}), vsp.ErrMoved)
			taken, err := s.Rewind(t.Context(), from, block(8))
			require.ErrorIs(t, err, vsp.ErrMoved)
			require.Empty(t, taken)
		}
		at(t, s, block(10))
		is(t, s, spent(ticket(1), spend(1, vsp.Voted, 10)))
		is(t, s, ticket(2))
	}},
	{"Of those who scan on from one block exactly one does", func(t *testing.T, s vsp.Store) {
		const scanners = 4
		insert(t, s, ticket(1))
		for round := range int64(5) {
			errs := make([]error, scanners)
			together(scanners, func(n int) {
				found := []vsp.Spend{spend(1, vsp.Voted, 10*round+int64(n)+1)}
				errs[n] = s.Settle(t.Context(), scanned(round), scanned(round+1), found)
			})
			winner := -1
			for n, err := range errs {
				if err == nil {
					require.Equal(t, -1, winner, "two did")
					winner = n
					continue
				}
				require.ErrorIs(t, err, vsp.ErrMoved)
			}
			require.NotEqual(t, -1, winner, "none did")
			is(t, s, spent(ticket(1), spend(1, vsp.Voted, 10*round+int64(winner)+1)))
		}
	}},
	{"Counts counts the tickets whose fee is confirmed", func(t *testing.T, s vsp.Store) {
		counts(t, s, vsp.Counts{})
		var all []vsp.Ticket
		for n, outcome := range outcomes { // 1 of the first outcome, 2 of the second, and so on
			for range n + 1 {
				ticket := ticket(len(all))
				ticket.Fee.Status, ticket.Outcome = vsp.FeeConfirmed, outcome
				all = append(all, ticket)
			}
		}
		for _, status := range feeStatuses {
			if status != vsp.FeeConfirmed {
				ticket := ticket(len(all))
				ticket.Fee.Status = status
				all = append(all, ticket)
			}
		}
		insert(t, s, all...)
		counts(t, s, vsp.Counts{Voting: 1, Voted: 2, Missed: 3, Expired: 4})
	}},
}

// settleEach settles one ticket in each block.
func settleEach(ctx context.Context, s vsp.Store, blocks int) error {
	for height := 1; height <= blocks; height++ {
		found := []vsp.Spend{spend(height, vsp.Voted, int64(height))}
		if err := Settle(ctx, s, block(int64(height)), found); err != nil {
			return err
		}
	}
	return nil
}

// watchSettling follows the position until the last block, and finds each block's ticket settled.
func watchSettling(ctx context.Context, s vsp.Store, blocks int) error {
	for {
		p, err := s.Position(ctx)
		if err != nil {
			return fmt.Errorf("watch for block %d: %w", blocks, err)
		}
		if p.Height == 0 {
			continue
		}
		ticket, err := s.Ticket(ctx, hash(int(p.Height)))
		if err != nil {
			return err
		}
		if ticket.Outcome != vsp.Voted {
			return fmt.Errorf("position is %d, but its ticket has no outcome", p.Height)
		}
		if p.Height == int64(blocks) {
			return nil
		}
	}
}

// scanned returns the block of a height, or that there is none yet.
func scanned(height int64) vsp.Position {
	if height == 0 {
		return vsp.Position{}
	}
	return block(height)
}

// block returns the block of a height.
func block(height int64) vsp.Position {
	return vsp.Position{Height: height, Hash: hash(1000 + int(height))}
}

// spend returns the end of the nth ticket.
func spend(n int, outcome vsp.Outcome, height int64) vsp.Spend {
	return vsp.Spend{Ticket: hash(n), Outcome: outcome, Height: height, By: hash(2000 + n + int(height))}
}

// spent returns the ticket as the spend leaves it.
func spent(t vsp.Ticket, s vsp.Spend) vsp.Ticket {
	t.Outcome, t.SpentHeight, t.SpentBy = s.Outcome, s.Height, s.By
	return t
}

func at(t *testing.T, s vsp.Store, want vsp.Position) {
	t.Helper()
	got, err := s.Position(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func counts(t *testing.T, s vsp.Store, want vsp.Counts) {
	t.Helper()
	got, err := s.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// Settle has s settle from where it stands.
func Settle(ctx context.Context, s vsp.Store, p vsp.Position, found []vsp.Spend) error {
	from, err := s.Position(ctx)
	if err != nil {
		return err
	}
	return s.Settle(ctx, from, p, found)
}

// Rewind has s rewind from where it stands.
func Rewind(ctx context.Context, s vsp.Store, p vsp.Position) ([]chainhash.Hash, error) {
	from, err := s.Position(ctx)
	if err != nil {
		return nil, err
	}
	return s.Rewind(ctx, from, p)
}
