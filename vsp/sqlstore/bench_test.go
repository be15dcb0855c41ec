package sqlstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/storetest"
)

// many is how many tickets there are in a benchmark: one in fifty is still to vote.
const many = 10_000

// each runs a benchmark on each kind of database, with many tickets in it.
func each(b *testing.B, run func(b *testing.B, s *sqlstore.Store)) {
	for _, kind := range []string{"sqlite", "mariadb"} {
		b.Run(kind, func(b *testing.B) {
			s := full(b, kinds[kind](b))
			run(b, s)
		})
	}
}

// full returns a database with many tickets.
func full(b *testing.B, c sqlstore.Config) *sqlstore.Store {
	s := open(b, c)
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(16)
	for n := range many {
		t := sqlstore.TicketOf(n)
		t.Confirmed, t.Fee.Status = true, vsp.FeeConfirmed
		if n%50 != 0 {
			t.Outcome, t.SpentHeight = vsp.Voted, int64(n)
		}
		group.Go(func() error { return s.Insert(ctx, t) })
	}
	require.NoError(b, group.Wait())
	return s
}

// by runs a benchmark of act at 1, 16 and 64 callers. Act is given a number of its own each time.
func by(b *testing.B, act func(ctx context.Context, n int) error) {
	var next atomic.Int64
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			if callers == 1 {
				for b.Loop() {
					require.NoError(b, act(b.Context(), int(next.Add(1))))
				}
			} else {
				b.SetParallelism(callers / runtime.GOMAXPROCS(0))
				b.RunParallel(func(p *testing.PB) {
					for p.Next() {
						if err := act(b.Context(), int(next.Add(1))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
		})
	}
}

// BenchmarkPay is what the payment of a fee writes.
func BenchmarkPay(b *testing.B) {
	each(b, func(b *testing.B, s *sqlstore.Store) {
		paid := sqlstore.TicketOf(0)
		by(b, func(ctx context.Context, n int) error {
			_, err := s.Update(ctx, sqlstore.TicketOf(n%many).Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
				t.VotingKey, t.Choices, t.Fee.Tx = paid.VotingKey, paid.Choices, paid.Fee.Tx
				t.Fee.Status, t.Fee.TxHash = vsp.FeeReceived, chainhash.Hash{1}
				return &vsp.Change{Request: make([]byte, 1000), Signature: "signature"}, nil
			})
			return err
		})
	})
}

// BenchmarkRegister is what the first request for a fee address writes.
func BenchmarkRegister(b *testing.B) {
	each(b, func(b *testing.B, s *sqlstore.Store) {
		by(b, func(ctx context.Context, n int) error {
			t := sqlstore.TicketOf(many + n)
			var err error
			if t.Fee.Index, err = s.NextFeeIndex(ctx, xpub); err != nil {
				return err
			}
			return s.Insert(ctx, t)
		})
	})
}

func BenchmarkTicket(b *testing.B) {
	each(b, func(b *testing.B, s *sqlstore.Store) {
		by(b, func(ctx context.Context, n int) error {
			_, err := s.Ticket(ctx, sqlstore.TicketOf(n%many).Hash)
			return err
		})
	})
}

func BenchmarkSelect(b *testing.B) {
	each(b, func(b *testing.B, s *sqlstore.Store) {
		for name, filter := range map[string]vsp.Filter{
			"all":      {},
			"to vote":  {Outcome: []vsp.Outcome{vsp.NoOutcome}},
			"fees due": {Fee: []vsp.FeeStatus{vsp.FeeReceived, vsp.FeeBroadcast}, Outcome: []vsp.Outcome{vsp.NoOutcome}},
		} {
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					_, err := s.Select(b.Context(), filter)
					require.NoError(b, err)
				}
			})
		}
	})
}

func BenchmarkSettle(b *testing.B) {
	each(b, func(b *testing.B, s *sqlstore.Store) {
		for height := int64(1); b.Loop(); height++ {
			var found []vsp.Spend
			for n := range int64(5) { // every ticket of a block
				hash := sqlstore.TicketOf(int((5*height + n) % many)).Hash
				found = append(found, vsp.Spend{Ticket: hash, Outcome: vsp.Voted, Height: height, By: chainhash.Hash{1}})
			}
			require.NoError(b, storetest.Settle(b.Context(), s, vsp.Position{Height: height}, found))
		}
	})
}

func BenchmarkCounts(b *testing.B) {
	each(b, func(b *testing.B, s *sqlstore.Store) {
		for b.Loop() {
			_, err := s.Counts(b.Context())
			require.NoError(b, err)
		}
	})
}

// BenchmarkBackup backs up many tickets, and restores them.
func BenchmarkBackup(b *testing.B) {
	each(b, func(b *testing.B, s *sqlstore.Store) {
		path := filepath.Join(b.TempDir(), "backup.db")
		b.Run("backup", func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, s.Backup(b.Context(), path))
			}
		})
	})
}
