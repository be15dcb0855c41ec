package sqlstore

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/storetest"
)

func TestOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vsp.db")
	const openers = 4
	opened := make(chan error, openers)
	for range openers {
		go func() {
			s, err := Open(t.Context(), Config{Path: path}, sealer(t, 1))
			if err == nil {
				err = s.Close()
			}
			opened <- err
		}()
	}
	for range openers {
		require.NoError(t, <-opened)
	}
}

// TestOpenWaitsForAnother has another process be opening the database.
func TestOpenWaitsForAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vsp.db")
	unlock, err := prepareFile(t.Context(), path)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = Open(ctx, Config{Path: path}, sealer(t, 1))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Zero(t, info.Size(), "it was opened all the same")

	opened := make(chan error, 1)
	go func() {
		s, err := Open(t.Context(), Config{Path: path}, sealer(t, 1))
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	unlock()
	require.NoError(t, <-opened)
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vsp.db")
	s := database(t, path)
	paid := ticket(1)
	require.NoError(t, s.Insert(t.Context(), paid))
	_, err := s.Update(t.Context(), paid.Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
		t.Confirmed = true
		return &vsp.Change{Request: []byte("{}"), Answered: 7}, nil
	})
	require.NoError(t, err)
	voted := vsp.Spend{Ticket: paid.Hash, Outcome: vsp.Voted, Height: 9, By: chainhash.Hash{9}}
	position := vsp.Position{Height: 9, Hash: chainhash.Hash{8}}
	require.NoError(t, storetest.Settle(t.Context(), s, position, []vsp.Spend{voted}))
	_, err = s.NextFeeIndex(t.Context(), "spub")
	require.NoError(t, err)
	require.NoError(t, s.Close())

	s = database(t, path)
	paid.Confirmed, paid.Outcome, paid.SpentHeight, paid.SpentBy = true, voted.Outcome, voted.Height, voted.By
	got, err := s.Ticket(t.Context(), paid.Hash)
	require.NoError(t, err)
	require.Equal(t, paid, got)
	require.True(t, paid.VotingKey == got.VotingKey)
	changes, err := s.Changes(t.Context(), paid.Hash)
	require.NoError(t, err)
	require.Equal(t, []vsp.Change{{Request: []byte("{}"), Answered: 7}}, changes)
	at, err := s.Position(t.Context())
	require.NoError(t, err)
	require.Equal(t, position, at)
	index, err := s.NextFeeIndex(t.Context(), "spub")
	require.NoError(t, err)
	require.EqualValues(t, 2, index)
}

func TestFilesAreTheOwnersOnly(t *testing.T) {
	folder := t.TempDir()
	s := database(t, filepath.Join(folder, "vsp.db"))
	require.NoError(t, s.Insert(t.Context(), ticket(1)))
	_, err := s.Ticket(t.Context(), ticket(1).Hash)
	require.NoError(t, err)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, files, 3, "the database, its log and the log's index")
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), f.Name())
	}
}

func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	require.NoError(t, database(t, path("other-key.db")).Close())

	s := database(t, path("newer.db"))
	err := change(s, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	require.NoError(t, err)
	require.NoError(t, s.Close())

	require.NoError(t, os.WriteFile(path("text.db"), []byte(strings.Repeat("no database ", 1000)), 0o600))

	for name, c := range map[string]struct {
		key  byte
		says string
	}{
		"other-key.db":   {2, "the sealing key is not the one this database was sealed with"},
		"newer.db":       {1, "its schema is version 99, and this program knows none newer than 2"},
		"text.db":        {1, "not a database"},
		"no-folder/x.db": {1, "no such file or directory"},
	} {
		_, err := Open(t.Context(), Config{Path: path(name)}, sealer(t, c.key))
		require.ErrorContains(t, err, c.says)
		require.ErrorContains(t, err, path(name))
	}
	require.NoError(t, database(t, path("other-key.db")).Close(), "the right key is still right")
}

func TestPathIsTakenAsItIs(t *testing.T) {
	folder := t.TempDir()
	const name = "a b?mode=memory&%41#.db"
	s := database(t, filepath.Join(folder, name))
	require.NoError(t, s.Insert(t.Context(), ticket(1)))
	require.NoError(t, s.Close())
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.Equal(t, name, files[0].Name())
	_, err = database(t, filepath.Join(folder, name)).Ticket(t.Context(), ticket(1).Hash)
	require.NoError(t, err)
}

// TestWriterWaitsNoLongerThanItsContext has another process hold the database's write lock.
func TestWriterWaitsNoLongerThanItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vsp.db")
	s, other := database(t, path), database(t, path)
	release := make(chan struct{})
	held := hold(other, release, nil)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	require.ErrorIs(t, s.Insert(ctx, ticket(1)), context.DeadlineExceeded)
	require.Less(t, time.Since(start), 3*time.Second)
	_, err := s.Ticket(t.Context(), ticket(1).Hash)
	require.ErrorIs(t, err, vsp.ErrNoTicket, "readers do not wait for a writer")

	inserted := make(chan error, 1)
	go func() { inserted <- s.Insert(t.Context(), ticket(1)) }()
	close(release)
	require.NoError(t, <-held)
	require.NoError(t, <-inserted)
}

// hold has a Store write until release is closed. What is written ends with err.
func hold(s *Store, release <-chan struct{}, err error) (done <-chan error) {
	holds, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.writer.write(context.Background(), func(context.Context, transaction) error {
			close(holds)
			<-release
			return err
		})
	}()
	<-holds
	return ended
}

// change does to the database what no Store does.
func change(s *Store, query string, args ...any) error {
	return s.writer.write(context.Background(), func(ctx context.Context, tx transaction) error {
		return tx.exec(ctx, query, args...)
	})
}

// TestWritesAreWhole makes the last statement of a transaction fail.
func TestWritesAreWhole(t *testing.T) {
	s := database(t, filepath.Join(t.TempDir(), "vsp.db"))
	require.NoError(t, s.Insert(t.Context(), ticket(1)))
	position := vsp.Position{Height: 5}
	spend := vsp.Spend{Ticket: ticket(1).Hash, Outcome: vsp.Voted, Height: 5}
	require.NoError(t, storetest.Settle(t.Context(), s, position, []vsp.Spend{spend}))
	before, err := s.Ticket(t.Context(), ticket(1).Hash)
	require.NoError(t, err)
	for _, on := range []string{"UPDATE ON scan", "INSERT ON touches"} {
		err := change(s, "CREATE TRIGGER fail_"+on[len(on)-4:]+" BEFORE "+on+" BEGIN SELECT RAISE(ABORT, 'disk full'); END")
		require.NoError(t, err)
	}

	spend.Outcome = vsp.Missed
	require.ErrorContains(t, storetest.Settle(t.Context(), s, vsp.Position{Height: 6}, []vsp.Spend{spend}), "disk full")
	_, err = storetest.Rewind(t.Context(), s, vsp.Position{Height: 4})
	require.ErrorContains(t, err, "disk full")
	_, err = s.Update(t.Context(), ticket(1).Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
		t.Confirmed = true
		return &vsp.Change{}, nil
	})
	require.ErrorContains(t, err, "disk full")

	after, err := s.Ticket(t.Context(), ticket(1).Hash)
	require.NoError(t, err)
	require.Equal(t, before, after)
	at, err := s.Position(t.Context())
	require.NoError(t, err)
	require.Equal(t, position, at)
}

func TestSettings(t *testing.T) {
	s := database(t, filepath.Join(t.TempDir(), "vsp.db"))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		require.NoError(t, s.writer.(*group).conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
	_, err := s.db.Exec("DELETE FROM tickets")
	require.ErrorContains(t, err, "readonly")
}

func TestSelectsUseAnIndex(t *testing.T) {
	s := database(t, filepath.Join(t.TempDir(), "vsp.db"))
	yes := true
	for _, filter := range []vsp.Filter{
		{Confirmed: &yes},
		{Fee: []vsp.FeeStatus{vsp.FeeReceived, vsp.FeeBroadcast}},
		{Outcome: []vsp.Outcome{vsp.NoOutcome}},
		{Confirmed: &yes, Fee: []vsp.FeeStatus{vsp.FeeReceived}, Outcome: []vsp.Outcome{vsp.NoOutcome}},
	} {
		where, args := conditions(filter)
		plan := explain(t, s, "SELECT "+columns+" FROM tickets"+where+" ORDER BY id", args...)
		require.Contains(t, plan, "SEARCH tickets USING INDEX", where)
	}
	require.Contains(t, explain(t, s, "SELECT outcome, COUNT(*) FROM tickets WHERE fee_status = 'confirmed' GROUP BY outcome"),
		"USING COVERING INDEX")
}

func explain(t *testing.T, s *Store, query string, args ...any) (plan string) {
	rows, err := s.db.Query("EXPLAIN QUERY PLAN "+query, args...)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan += detail + "\n"
	}
	require.NoError(t, rows.Err())
	return plan
}

func TestFeeIndexesEndBeforeTheHardened(t *testing.T) {
	s := database(t, filepath.Join(t.TempDir(), "vsp.db"))
	err := change(s, "INSERT INTO fee_indexes (xpub, last) VALUES ('spub', 2147483646)")
	require.NoError(t, err)
	index, err := s.NextFeeIndex(t.Context(), "spub")
	require.NoError(t, err)
	require.EqualValues(t, 1<<31-1, index)
	for range 2 {
		_, err = s.NextFeeIndex(t.Context(), "spub")
		require.ErrorContains(t, err, "no index left")
	}
}

// TestDamagedRows gives an error for what no Store has written.
func TestDamagedRows(t *testing.T) {
	s := database(t, filepath.Join(t.TempDir(), "vsp.db"))
	require.NoError(t, s.Insert(t.Context(), ticket(1)))
	const mend = "UPDATE tickets SET spent_by = zeroblob(32), agendas = '{}', voting_key = NULL, outcome = ''"
	for says, damage := range map[string]string{
		"where a hash should be":    "spent_by = x'00'",
		"unexpected end of JSON":    "agendas = '{'",
		"sealed about the voting":   "voting_key = zeroblob(80)",
		"sealed text is cut short":  "voting_key = x'00'",
		"unknown outcome \"other\"": "outcome = 'other', fee_status = 'confirmed'",
	} {
		err := change(s, mend+"; UPDATE tickets SET "+damage)
		require.NoError(t, err)
		_, ticketErr := s.Ticket(t.Context(), ticket(1).Hash)
		_, selectErr := s.Select(t.Context(), vsp.Filter{})
		_, countsErr := s.Counts(t.Context())
		require.ErrorContains(t, errors.Join(ticketErr, selectErr, countsErr), says)
	}
}

func database(t testing.TB, path string) *Store {
	s, err := Open(t.Context(), Config{Path: path}, sealer(t, 1))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// sealer returns the Sealer of the nth key.
func sealer(t testing.TB, n byte) *Sealer {
	key := make([]byte, 32)
	key[0] = n
	s, err := NewSealer(key)
	require.NoError(t, err)
	return s
}

// votingKey looks like one, so that it is found where it should not be.
const votingKey = "PmQdMn8xafwaQouk8ngs1CccRCB1ZmsqQxBaxNR4vhQi5a5QB5716"

// ticket returns the nth of some tickets whose fee was received.
func ticket(n int) vsp.Ticket {
	return vsp.Ticket{
		Hash:       chainhash.HashH(binary.LittleEndian.AppendUint32(nil, uint32(n))),
		Commitment: "SsWKp7wtdTZYabYFYSc9cnxhwFEjA5g4pFc",
		Fee: vsp.Fee{
			XPub:    "spubVV1z2AFYjVZvzM45FSaWMPRqyUoUwyW78wfANdjdNG6JGCXrr8AbRvUgYb3Lm1iun9CgHew1KswdePryNLKEnBSQ82AjNpYdQgzXPUme9c6",
			Index:   uint32(n),
			Address: "SsfxpUEWTz1SqM7qSqgtBc8vBjvSDTuwEV4",
			Amount:  1_234_567,
			Expires: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
			Status:  vsp.FeeReceived,
			Tx:      make([]byte, 250),
		},
		VotingKey: votingKey,
		Choices:   vsp.Choices{Agendas: map[string]string{"maxtreasuryspend": "yes"}},
	}
}
