package sqlstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/sqlstore/mariadbtest"
)

func TestInspectChangesNothing(t *testing.T) {
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			config := empty(t)
			if config.Path != "" {
				require.NoError(t, os.Remove(config.Path)) // it comes with a schema
			}
			right, wrong := sqlstore.SealerOf(t, 1), sqlstore.SealerOf(t, 2)
			found, err := sqlstore.Inspect(t.Context(), config, wrong)
			require.NoError(t, err, "nothing is sealed yet")
			require.Zero(t, found.Schema)
			require.EqualValues(t, 2, found.Newest)
			require.Empty(t, found.Lacking)
			if config.Path != "" {
				require.NoFileExists(t, config.Path)
			}
			found, err = sqlstore.Inspect(t.Context(), config, wrong)
			require.NoError(t, err)
			require.Zero(t, found.Schema, "the look before has made no schema")

			fill(t, open(t, config))
			found, err = sqlstore.Inspect(t.Context(), config, right)
			require.NoError(t, err)
			require.Equal(t, sqlstore.Inspection{Schema: found.Newest, Newest: found.Newest}, found)
			_, err = sqlstore.Inspect(t.Context(), config, wrong)
			require.ErrorContains(t, err, "the sealing key is not the one")
		})
	}
}

func TestInspectOfNewerSchema(t *testing.T) {
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			config := empty(t)
			s := open(t, config)
			err := sqlstore.ChangeBy(s, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
			require.NoError(t, err)
			_, err = sqlstore.Inspect(t.Context(), config, sqlstore.SealerOf(t, 1))
			require.ErrorContains(t, err, "use the newer program")
		})
	}
}

func TestInspectWhereNoDatabaseCanBe(t *testing.T) {
	_, err := sqlstore.Inspect(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "absent", "vsp.db")}, sqlstore.SealerOf(t, 1))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = sqlstore.Inspect(t.Context(), sqlstore.Config{MySQL: &sqlstore.MySQL{Address: "127.0.0.1:1", Name: "vsp"}}, sqlstore.SealerOf(t, 1))
	require.ErrorContains(t, err, "connection refused")
}

// TestInspectFindsWhatIsNotGranted has accounts that lack something.
func TestInspectFindsWhatIsNotGranted(t *testing.T) {
	server := mariadbtest.Start(t)
	tests := []struct {
		user, grants string
		filled       bool
		want         []string
	}{
		{"reader", "SELECT", false, []string{"INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "INDEX"}},
		{"settled", "SELECT, INSERT, UPDATE, DELETE", true, nil},
		{"keeper", "SELECT, INSERT, UPDATE", true, []string{"DELETE on tickets", "DELETE on changes", "DELETE on alt_signers",
			"DELETE on fee_indexes", "DELETE on scan", "DELETE on touches"}},
	}
	for _, test := range tests {
		config := server.Config(t)
		if test.filled {
			require.NoError(t, open(t, sqlstore.Config{MySQL: &config}).Close())
		}
		require.NoError(t, server.Exec(t.Context(), "CREATE USER "+test.user+" IDENTIFIED BY 'pass'"))
		require.NoError(t, server.Exec(t.Context(), "GRANT "+test.grants+" ON "+config.Name+".* TO "+test.user))
		config.User, config.Password = test.user, "pass"
		found, err := sqlstore.Inspect(t.Context(), sqlstore.Config{MySQL: &config}, sqlstore.SealerOf(t, 1))
		require.NoError(t, err, test.user)
		require.Equal(t, test.want, found.Lacking, test.user)
	}
}
