package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/sqlstore/mariadbtest"
)

// TestOtherTicketsAreNotBlocked updates a ticket while another is being updated. The same one waits, and is retried
// longer than the server lets it wait.
func TestOtherTicketsAreNotBlocked(t *testing.T) {
	m := mariadbtest.Shared(t).Config(t)
	s := open(t, sqlstore.Config{MySQL: &m})
	for n := range 2 {
		require.NoError(t, s.Insert(t.Context(), sqlstore.TicketOf(n)))
	}
	count := func(t *vsp.Ticket) (*vsp.Change, error) {
		t.ChoicesSetAt++
		return &vsp.Change{}, nil
	}
	holds, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	ended := make(chan error, 2)
	go func() {
		_, err := s.Update(t.Context(), sqlstore.TicketOf(0).Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
			once.Do(func() { close(holds) })
			<-release
			return count(t)
		})
		ended <- err
	}()
	<-holds
	go func() {
		_, err := s.Update(t.Context(), sqlstore.TicketOf(0).Hash, count)
		ended <- err
	}()

	_, err := s.Update(t.Context(), sqlstore.TicketOf(1).Hash, count)
	require.NoError(t, err)
	_, err = s.Ticket(t.Context(), sqlstore.TicketOf(0).Hash)
	require.NoError(t, err, "readers wait for nobody")
	require.NoError(t, s.Insert(t.Context(), sqlstore.TicketOf(3)))
	require.NoError(t, s.Remove(t.Context(), sqlstore.TicketOf(3).Hash))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = s.Update(ctx, sqlstore.TicketOf(0).Hash, count)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	close(release)
	require.NoError(t, errors.Join(<-ended, <-ended))
	got, err := s.Ticket(t.Context(), sqlstore.TicketOf(0).Hash)
	require.NoError(t, err)
	require.EqualValues(t, 2, got.ChoicesSetAt)
}

// TestDeadlocksAreRetried has transactions lock two rows in both orders.
func TestDeadlocksAreRetried(t *testing.T) {
	m := mariadbtest.Shared(t).Config(t)
	s := open(t, sqlstore.Config{MySQL: &m})
	for n := range 2 {
		require.NoError(t, s.Insert(t.Context(), sqlstore.TicketOf(n)))
	}
	const callers, rounds = 4, 20
	var all sync.WaitGroup
	errs, attempts := make([]error, callers), make([]int, callers)
	for n := range callers {
		all.Go(func() {
			for range rounds {
				err := sqlstore.WriteBy(t.Context(), s, func(ctx context.Context, tx sqlstore.Transaction) error {
					attempts[n]++
					for i := range 2 {
						hash := sqlstore.TicketOf((n + i) % 2).Hash
						if err := sqlstore.ExecBy(ctx, tx, "UPDATE tickets SET choices_set_at = choices_set_at + 1 WHERE hash = ?", hash[:]); err != nil {
							return err
						}
					}
					return nil
				})
				errs[n] = errors.Join(errs[n], err)
			}
		})
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	total := 0
	for _, n := range attempts {
		total += n
	}
	require.Greater(t, total, callers*rounds, "there was no deadlock to be retried")
	for n := range 2 {
		got, err := s.Ticket(t.Context(), sqlstore.TicketOf(n).Hash)
		require.NoError(t, err)
		require.EqualValues(t, callers*rounds, got.ChoicesSetAt)
	}
}

// TestCommitIsUnknown loses the connection as a commit is under way, and finds that it says so.
func TestCommitIsUnknown(t *testing.T) {
	server := mariadbtest.Shared(t)
	m := server.Config(t)
	s := open(t, sqlstore.Config{MySQL: &m})
	require.NoError(t, s.Insert(t.Context(), sqlstore.TicketOf(0)))
	err := sqlstore.WriteBy(t.Context(), s, func(ctx context.Context, tx sqlstore.Transaction) error {
		var id int64
		rows, err := tx.QueryContext(ctx, "SELECT CONNECTION_ID()")
		if err != nil {
			return err
		}
		for rows.Next() {
			err = errors.Join(err, rows.Scan(&id))
		}
		return errors.Join(err, rows.Close(), sqlstore.ExecBy(ctx, tx, "UPDATE tickets SET choices_set_at = 1"),
			server.Exec(ctx, fmt.Sprintf("KILL CONNECTION %d", id)))
	})
	require.ErrorContains(t, err, "it is not known whether it was stored: read back")
	got, err := s.Ticket(t.Context(), sqlstore.TicketOf(0).Hash)
	require.NoError(t, err)
	require.Zero(t, got.ChoicesSetAt)
	_, err = s.NextFeeIndex(t.Context(), "spub")
	require.NoError(t, err, "there are other connections")
}

// TestServerIsKilled kills -9 the server while updates are under way, again and again: what was acknowledged is there, and
// nothing is done by half.
func TestServerIsKilled(t *testing.T) {
	const rounds, writers = 3, 4
	server := mariadbtest.Start(t)
	m := server.Config(t)
	s := open(t, sqlstore.Config{MySQL: &m})
	for n := range writers {
		require.NoError(t, s.Insert(t.Context(), sqlstore.TicketOf(n)))
	}
	var acknowledged [writers]int64
	given := make(map[uint32]bool)
	var giving sync.Mutex
	for round := range rounds {
		var all sync.WaitGroup
		progress := make(chan struct{}, 1<<16)
		for n := range writers {
			all.Go(func() {
				for {
					after, err := s.Update(t.Context(), sqlstore.TicketOf(n).Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
						t.ChoicesSetAt++
						return &vsp.Change{Answered: t.ChoicesSetAt}, nil
					})
					if err != nil {
						return
					}
					acknowledged[n] = after.ChoicesSetAt
					index, err := s.NextFeeIndex(t.Context(), "spub")
					if err != nil {
						return
					}
					giving.Lock()
					if given[index] {
						t.Errorf("index %d was given twice", index)
					}
					given[index] = true
					giving.Unlock()
					progress <- struct{}{}
				}
			})
		}
		for range 20 * (round + 1) {
			<-progress
		}
		server.Kill()
		all.Wait()
		require.NoError(t, server.Restart(t.Context()))
		for n := range writers {
			got, err := s.Ticket(t.Context(), sqlstore.TicketOf(n).Hash)
			require.NoError(t, err)
			require.GreaterOrEqual(t, got.ChoicesSetAt, acknowledged[n])
			require.LessOrEqual(t, got.ChoicesSetAt, acknowledged[n]+1, "one may have been done and not acknowledged")
			changes, err := s.Changes(t.Context(), got.Hash)
			require.NoError(t, err)
			require.Equal(t, got.ChoicesSetAt, changes[len(changes)-1].Answered, "an update was done by half")
		}
	}
	t.Logf("%v updates and %d indexes were acknowledged", acknowledged, len(given))
}
