package sqlstore

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

// together has a Store carry out acts in one batch, in their order, and returns what came of each, and of the one who led
// them and whose act ended with an error or not. An act that panics leaves its value in the place of an error.
func together(t *testing.T, s *Store, ctxs []context.Context, acts []act, leader error) []any {
	release := make(chan struct{})
	held := hold(s, release, leader)
	results := make([]any, len(acts))
	ended := make(chan struct{})
	for n := range acts {
		go func() {
			defer func() {
				if p := recover(); p != nil {
					results[n] = p
				}
				ended <- struct{}{}
			}()
			if err := s.writer.write(ctxs[n], acts[n]); err != nil {
				results[n] = err
			}
		}()
		synctest.Wait() // until it waits for the one who holds
	}
	close(release)
	for range acts {
		<-ended
	}
	return append(results, <-held)
}

func insertAct(s *Store, n int) act {
	return func(ctx context.Context, tx transaction) error {
		values, err := s.values(ticket(n))
		if err != nil {
			return err
		}
		return tx.exec(ctx, insertTicket, values...)
	}
}

func has(t *testing.T, s *Store, n int) bool {
	_, err := s.Ticket(t.Context(), ticket(n).Hash)
	if !errors.Is(err, vsp.ErrNoTicket) {
		require.NoError(t, err)
	}
	return err == nil
}

// TestBatch commits several acts together, of which each goes wrong in its own way and harms no other.
func TestBatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vsp.db")
	synctest.Test(t, func(t *testing.T) {
		s := database(t, path)
		defer func() { require.NoError(t, s.Close()) }()
		refused := errors.New("refused")
		done, cancel := context.WithCancel(t.Context())
		left, leave := context.WithCancel(t.Context())
		acts := []act{
			insertAct(s, 0),
			func(ctx context.Context, tx transaction) error {
				assert.NoError(t, insertAct(s, 1)(ctx, tx))
				return refused
			},
			func(ctx context.Context, tx transaction) error {
				assert.NoError(t, insertAct(s, 2)(ctx, tx))
				panic("act")
			},
			insertAct(s, 0), // which is there already
			func(ctx context.Context, tx transaction) error {
				_, _, err := s.find(ctx, tx, ticket(0).Hash, "")
				assert.NoError(t, err, "it is in the same transaction as the first")
				assert.False(t, has(t, s, 0), "which is not committed yet")
				cancel() // the caller after the next leaves
				return nil
			},
			insertAct(s, 5),
			func(context.Context, transaction) error {
				t.Error("an act was begun whose context was done")
				return nil
			},
			insertAct(s, 7),
			func(ctx context.Context, tx transaction) error {
				leave()
				return insertAct(s, 8)(ctx, tx)
			},
		}
		ctxs := make([]context.Context, len(acts))
		for n := range ctxs {
			ctxs[n] = t.Context()
		}
		ctxs[6], ctxs[8] = done, left
		got := together(t, s, ctxs, acts, nil)
		require.True(t, s.dialect.duplicate(got[3].(error)))
		if got[8] != nil {
			require.ErrorIs(t, got[8].(error), errUnknown, "it was begun, and so carried out")
		}
		got[3], got[8] = nil, nil
		require.Equal(t, []any{nil, refused, "act", nil, nil, nil, context.Canceled, nil, nil, nil}, got)
		for n, want := range []bool{true, false, false, false, false, true, false, true, true} {
			require.Equal(t, want, has(t, s, n), "ticket %d", n)
		}
	})
}

// TestBatchFails has a batch fail as a whole. Everybody hears of it, also who was refused: the refusal may rest on what was
// not stored. The next batch is not concerned.
func TestBatchFails(t *testing.T) {
	for name, fail := range map[string]func(context.Context, transaction) error{
		// As SQLite does by itself when the disk is full.
		"rolled back": func(ctx context.Context, tx transaction) error {
			err := tx.exec(ctx, "ROLLBACK")
			return errors.Join(err, errors.New("disk full"))
		},
		"commit refused": func(ctx context.Context, tx transaction) error {
			err := tx.exec(ctx, "PRAGMA defer_foreign_keys = on")
			if err == nil {
				err = tx.exec(ctx, "INSERT INTO changes (ticket, request, signature, answered) VALUES (99, x'', '', 0)")
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "vsp.db")
			synctest.Test(t, func(t *testing.T) {
				s := database(t, path)
				defer func() { require.NoError(t, s.Close()) }()
				refused := errors.New("refused")
				acts := []act{insertAct(s, 0), func(context.Context, transaction) error { return refused }, fail, insertAct(s, 3)}
				ctx := t.Context()
				got := together(t, s, []context.Context{ctx, ctx, ctx, ctx}, acts, refused)
				for _, n := range []int{0, 1, 2, 4} {
					require.Error(t, got[n].(error), "act %d", n)
					require.NotErrorIs(t, got[n].(error), refused)
				}
				require.False(t, has(t, s, 0))
				// One who waits when all is lost already has a transaction of its own.
				require.Equal(t, got[3] == nil, has(t, s, 3))
				require.Equal(t, name == "rolled back", got[3] == nil)
				require.NoError(t, s.Insert(t.Context(), ticket(0)))
			})
		})
	}
}

// TestClosedStore ends what waits, and what comes later.
func TestClosedStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vsp.db")
	synctest.Test(t, func(t *testing.T) {
		s := database(t, path)
		release := make(chan struct{})
		held := hold(s, release, nil)
		closed, waited := make(chan error, 1), make(chan error, 1)
		go func() { closed <- s.Close() }()
		synctest.Wait()
		go func() { waited <- s.Insert(t.Context(), ticket(0)) }()
		synctest.Wait()
		close(release)
		require.NoError(t, <-held, "what has begun is carried out")
		require.NoError(t, <-closed)
		<-waited // before the database was closed, or after
		require.Error(t, s.Insert(t.Context(), ticket(1)))
	})
}
