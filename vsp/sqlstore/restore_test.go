package sqlstore_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/sqlstore"
)

func TestRestoreRefuses(t *testing.T) {
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			s := open(t, empty(t))
			fill(t, s)
			folder := t.TempDir()
			backup := filepath.Join(folder, "backup.db")
			require.NoError(t, s.Backup(t.Context(), backup))
			key := sqlstore.SealerOf(t, 1)

			other := empty(t)
			require.ErrorContains(t, sqlstore.Restore(t.Context(), other, backup, sqlstore.SealerOf(t, 2), true),
				"the sealing key is not the one this database was sealed with")

			into := empty(t)
			full := open(t, into)
			require.NoError(t, full.Insert(t.Context(), sqlstore.TicketOf(2000)))
			require.NoError(t, full.RaiseFeeIndex(t.Context(), xpub+"1", 500))
			require.NoError(t, full.RaiseFeeIndex(t.Context(), "spubOld", 3))
			before := contents(t, full)
			require.ErrorContains(t, sqlstore.Restore(t.Context(), into, backup, key, false),
				"the database is not empty, tickets has 1 rows")
			require.Equal(t, before, contents(t, full))

			leads, err := full.Lead(t.Context(), "front-1", time.Hour)
			require.NoError(t, err)
			require.True(t, leads)
			require.ErrorContains(t, sqlstore.Restore(t.Context(), into, backup, key, true), "front-1 serves with this database")
			require.Equal(t, before, contents(t, full))
			require.NoError(t, full.Resign(t.Context(), "front-1"))

			require.NoError(t, sqlstore.Restore(t.Context(), into, backup, key, true))
			want, got := contents(t, s), contents(t, full)
			delete(want, "fee_indexes")
			delete(got, "fee_indexes")
			require.Equal(t, want, got)
			indexes, err := full.FeeIndexes(t.Context())
			require.NoError(t, err)
			require.Contains(t, indexes, sqlstore.FeeIndex{XPub: xpub + "1", Last: 500}, "what was given out stays so")
			require.Contains(t, indexes, sqlstore.FeeIndex{XPub: "spubOld", Last: 3}, "what was given out stays so")
			require.Contains(t, indexes, sqlstore.FeeIndex{XPub: xpub + "2", Last: 3})
		})
	}
}

func TestRestoreRefusesWhatIsNoBackup(t *testing.T) {
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	s := open(t, sqlstore.Config{Path: path("live.db")})
	fill(t, s)
	require.NoError(t, s.Backup(t.Context(), path("good.db")))
	good, err := os.ReadFile(path("good.db"))
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(path("text.db"), []byte("no database, however long it may be read"), 0o600))
	require.NoError(t, os.WriteFile(path("cut.db"), good[:len(good)/2], 0o600))
	newer := open(t, sqlstore.Config{Path: path("newer.db")})
	err = sqlstore.ChangeBy(newer, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	require.NoError(t, err)
	require.NoError(t, newer.Close())

	for name, says := range map[string]string{
		"none.db":  "no such file",
		"live.db":  "a database in use",
		"text.db":  "not a database",
		"cut.db":   "malformed",
		"newer.db": "use the newer program",
	} {
		err := sqlstore.Restore(t.Context(), sqlstore.Config{Path: path("into.db")}, path(name), sqlstore.SealerOf(t, 1), false)
		require.ErrorContains(t, err, says, name)
		require.ErrorContains(t, err, path(name))
	}
	after, err := os.ReadFile(path("good.db"))
	require.NoError(t, err)
	require.Equal(t, good, after)
	require.NoError(t, sqlstore.Restore(t.Context(), sqlstore.Config{Path: path("into.db")}, path("good.db"),
		sqlstore.SealerOf(t, 1), false))
}
