package sqlstore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
)

const xpub = "spub"

// TestBackupWhileWriting backs up while eight write, and finds each copy to be what was there at one moment.
func TestBackupWhileWriting(t *testing.T) {
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			s := open(t, empty(t))
			var stop atomic.Bool
			var lived atomic.Int64
			var all sync.WaitGroup
			errs := make([]error, 8)
			for n := range errs {
				all.Go(func() {
					for round := 0; !stop.Load() && errs[n] == nil; round++ {
						errs[n] = live(t, s, n*10_000+round)
						lived.Add(1)
					}
				})
			}
			path := filepath.Join(t.TempDir(), "backup.db")
			for round := range int64(2) {
				require.Eventually(t, func() bool { return lived.Load() >= 100*round }, 30*time.Second, time.Millisecond)
				require.NoError(t, s.Backup(t.Context(), path))
				restored := empty(t)
				require.NoError(t, sqlstore.Restore(t.Context(), restored, path, sqlstore.SealerOf(t, 1), false))
				consistent(t, open(t, restored))
			}
			stop.Store(true)
			all.Wait()
			require.NoError(t, errors.Join(errs...))
		})
	}
}

// live lets the nth ticket come, and change twice. What it is afterwards tells whether it is whole: see consistent.
func live(t *testing.T, s *sqlstore.Store, n int) error {
	index, err := s.NextFeeIndex(t.Context(), xpub)
	if err != nil {
		return err
	}
	ticket := sqlstore.TicketOf(n)
	ticket.Fee.XPub, ticket.Fee.Index = xpub, index
	if err := s.Insert(t.Context(), ticket); err != nil {
		return err
	}
	for round := int64(1); round <= 2; round++ {
		_, err := s.Update(t.Context(), ticket.Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
			t.PurchaseHeight, t.ChoicesSetAt = round, round
			return &vsp.Change{Request: []byte(t.Hash.String()), Answered: round}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// consistent requires that every ticket is whole, has the changes that made it what it is, and that its fee index was
// given out.
func consistent(t *testing.T, s *sqlstore.Store) {
	tickets, err := s.Select(t.Context(), vsp.Filter{})
	require.NoError(t, err)
	var last uint32
	var updates int64
	for _, ticket := range tickets {
		require.Equal(t, ticket.PurchaseHeight, ticket.ChoicesSetAt)
		changes, err := s.Changes(t.Context(), ticket.Hash)
		require.NoError(t, err)
		require.Len(t, changes, int(ticket.ChoicesSetAt))
		for n, c := range changes {
			require.Equal(t, vsp.Change{Request: []byte(ticket.Hash.String()), Answered: int64(n + 1)}, c)
		}
		last, updates = max(last, ticket.Fee.Index), updates+ticket.ChoicesSetAt
	}
	indexes, err := s.FeeIndexes(t.Context())
	require.NoError(t, err)
	if len(tickets) > 0 {
		require.GreaterOrEqual(t, indexes[0].Last, last)
	}
	notes, err := s.Touched(t.Context(), 1<<30)
	require.NoError(t, err)
	require.Len(t, notes, int(updates))
}

// fill puts something into every table, with texts of all kinds.
func fill(t *testing.T, s *sqlstore.Store) {
	texts := []string{"", " ", "a ", "A", "a", "\x00", "'\"\\`%_?--", "\u00e9", "e\u0301", "\U0001f5f3", "{}", "line\r\nline\x1a"}
	for n, text := range texts {
		ticket := sqlstore.TicketOf(n)
		ticket.Commitment, ticket.Fee.Address = text, text
		ticket.Choices = vsp.Choices{Agendas: map[string]string{text: text}, TSpends: map[string]string{"x": text}}
		ticket.Registered, ticket.Fee.Received = time.Unix(int64(n), 0), time.Time{}
		ticket.Fee.Paid, ticket.Fee.Height = 1<<62, -1
		if n%2 == 0 {
			ticket.VotingKey, ticket.Fee.Tx = "", nil
		}
		require.NoError(t, s.Insert(t.Context(), ticket))
		_, err := s.Update(t.Context(), ticket.Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
			return &vsp.Change{Request: []byte(text), Signature: text}, nil
		})
		require.NoError(t, err)
		signer := vsp.AltSigner{Address: text, Change: vsp.Change{Request: []byte(text), Answered: int64(n)}}
		require.NoError(t, s.SetAltSigner(t.Context(), ticket.Hash, signer))
		require.NoError(t, s.RaiseFeeIndex(t.Context(), xpub+fmt.Sprint(n), uint32(n+1)))
	}
	spend := vsp.Spend{Ticket: sqlstore.TicketOf(1).Hash, Outcome: vsp.Missed, Height: 7, By: chainhash.Hash{1}}
	require.NoError(t, s.Settle(t.Context(), vsp.Position{}, vsp.Position{Height: 7, Hash: chainhash.Hash{2}}, []vsp.Spend{spend}))
}

// TestRoundTrip moves a VSP from a file to a server and back.
func TestRoundTrip(t *testing.T) {
	first := open(t, kinds["sqlite"](t))
	fill(t, first)
	want := contents(t, first)
	for table, holds := range want {
		require.NotContains(t, holds, "0 rows ", "%s must not be empty to be a test", table)
	}
	s := first
	for _, kind := range []string{"mariadb", "sqlite"} {
		path := filepath.Join(t.TempDir(), "backup.db")
		require.NoError(t, s.Backup(t.Context(), path))
		next := kinds[kind](t)
		require.NoError(t, sqlstore.Restore(t.Context(), next, path, sqlstore.SealerOf(t, 1), false))
		s = open(t, next)
		require.Equal(t, want, contents(t, s), kind)
	}
	// What comes next does not collide with what was brought over.
	require.NoError(t, s.Insert(t.Context(), sqlstore.TicketOf(1000)))
	notes, err := s.Touched(t.Context(), 100)
	require.NoError(t, err)
	_, err = s.Update(t.Context(), sqlstore.TicketOf(1000).Hash, func(*vsp.Ticket) (*vsp.Change, error) { return nil, nil })
	require.NoError(t, err)
	more, err := s.Touched(t.Context(), 100)
	require.NoError(t, err)
	require.Equal(t, notes, more[:len(notes)])
}

func contents(t *testing.T, s *sqlstore.Store) map[string]string {
	t.Helper()
	all, err := sqlstore.ContentsOf(t.Context(), s)
	require.NoError(t, err)
	return all
}

func TestBackupFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "vsp.db")
	s := open(t, sqlstore.Config{Path: path})
	fill(t, s)
	backups := t.TempDir()
	backup := filepath.Join(backups, "backup.db")
	require.NoError(t, os.WriteFile(backup, []byte("an older one"), 0o644))
	require.NoError(t, s.Backup(t.Context(), backup))
	info, err := os.Stat(backup)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	files, err := os.ReadDir(backups)
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing is left beside it")

	link := filepath.Join(folder, "link.db")
	require.NoError(t, os.Symlink(path, link))
	for _, itself := range []string{path, link} {
		require.ErrorContains(t, s.Backup(t.Context(), itself), "that is the database itself")
	}
	require.ErrorContains(t, s.Backup(t.Context(), filepath.Join(folder, "none", "backup.db")), "no such file")

	// It can be served from as it is.
	require.Equal(t, contents(t, s), contents(t, open(t, sqlstore.Config{Path: backup})))
}

// TestBackupFails leaves the backup of before.
func TestBackupFails(t *testing.T) {
	s := open(t, kinds["sqlite"](t))
	fill(t, s)
	folder := t.TempDir()
	backup := filepath.Join(folder, "backup.db")
	require.NoError(t, s.Backup(t.Context(), backup))
	before, err := os.ReadFile(backup)
	require.NoError(t, err)
	err = sqlstore.ChangeBy(s, "ALTER TABLE changes RENAME TO gone")
	require.NoError(t, err)
	require.ErrorContains(t, s.Backup(t.Context(), backup), "copy table changes")
	after, err := os.ReadFile(backup)
	require.NoError(t, err)
	require.Equal(t, before, after)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing is left beside it")
}
