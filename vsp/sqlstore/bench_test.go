package sqlstore

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/storetest"
)

// many is how many tickets there are in a benchmark: one in fifty is still to vote.
const many = 10_000

func full(b *testing.B) *Store {
	s := database(b, filepath.Join(b.TempDir(), "vsp.db"))
	require.NoError(b, s.writer.write(b.Context(), func(ctx context.Context, tx transaction) error {
		for n := range many {
			t := ticket(n)
			t.Confirmed, t.Fee.Status = true, vsp.FeeConfirmed
			if n%50 != 0 {
				t.Outcome, t.SpentHeight = vsp.Voted, int64(n)
			}
			values, err := s.values(t)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, insertTicket, values...); err != nil {
				return err
			}
		}
		return nil
	}))
	return s
}

func BenchmarkInsert(b *testing.B) {
	s := full(b)
	for n := many; b.Loop(); n++ {
		if err := s.Insert(b.Context(), ticket(n)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := full(b)
	for n := 0; b.Loop(); n++ {
		_, err := s.Update(b.Context(), ticket(n%many).Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
			t.ChoicesSetAt++
			return &vsp.Change{Request: make([]byte, 500)}, nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTicket(b *testing.B) {
	s := full(b)
	b.ResetTimer()
	b.RunParallel(func(b2 *testing.PB) {
		for n := 0; b2.Next(); n++ {
			if _, err := s.Ticket(b.Context(), ticket(n%many).Hash); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkSelect(b *testing.B) {
	s := full(b)
	for name, filter := range map[string]vsp.Filter{
		"all":      {},
		"to vote":  {Outcome: []vsp.Outcome{vsp.NoOutcome}},
		"fees due": {Fee: []vsp.FeeStatus{vsp.FeeReceived, vsp.FeeBroadcast}, Outcome: []vsp.Outcome{vsp.NoOutcome}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Select(b.Context(), filter); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSettle(b *testing.B) {
	s := full(b)
	for height := int64(1); b.Loop(); height++ {
		var found []vsp.Spend
		for n := range int64(5) { // every ticket of a block
			hash := ticket(int((5*height + n) % many)).Hash
			found = append(found, vsp.Spend{Ticket: hash, Outcome: vsp.Voted, Height: height, By: chainhash.Hash{1}})
		}
		if err := storetest.Settle(b.Context(), s, vsp.Position{Height: height}, found); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCounts(b *testing.B) {
	s := full(b)
	for b.Loop() {
		if _, err := s.Counts(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
