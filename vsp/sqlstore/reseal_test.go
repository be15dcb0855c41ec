package sqlstore_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
)

func TestReseal(t *testing.T) {
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			config := empty(t)
			s := open(t, config)
			fill(t, s)
			before := secrets(t, s)
			old, fresh := sqlstore.SealerOf(t, 1), sqlstore.SealerOf(t, 2)

			leads, err := s.Lead(t.Context(), "front-1", time.Hour)
			require.NoError(t, err)
			require.True(t, leads)
			require.ErrorContains(t, s.Reseal(t.Context(), fresh, nil), "front-1 serves with this database")
			require.NoError(t, s.Resign(t.Context(), "front-1"))

			// It is cut short half way, and nothing has changed.
			require.PanicsWithValue(t, "power cut", func() {
				_ = s.Reseal(t.Context(), fresh, func(done, total int) {
					if done == total/2 {
						panic("power cut")
					}
				})
			})
			require.Equal(t, before, secrets(t, reopen(t, s, config, old)))
			_, err = sqlstore.Open(t.Context(), config, fresh)
			require.ErrorContains(t, err, "the sealing key is not the one")

			var told, of int
			s = reopen(t, s, config, old)
			require.NoError(t, s.Reseal(t.Context(), fresh, func(done, total int) {
				require.Equal(t, told+1, done)
				told, of = done, total
			}))
			require.Equal(t, of, told)
			require.Equal(t, 12/2+12+12, of, "voting keys, changes and alternate signers")
			_, err = sqlstore.Open(t.Context(), config, old)
			require.ErrorContains(t, err, "the sealing key is not the one")
			require.ErrorContains(t, s.Reseal(t.Context(), fresh, nil), "sealed with the new key already")
			require.ErrorContains(t, s.Reseal(t.Context(), sqlstore.SealerOf(t, 3), nil), "not sealed with the old key any more")
			require.Equal(t, before, secrets(t, reopen(t, s, config, fresh)))
		})
	}
}

// TestResealLeavesNothingOfTheOldKey looks for what was sealed with the old key in the file.
func TestResealLeavesNothingOfTheOldKey(t *testing.T) {
	config := kinds["sqlite"](t)
	s := open(t, config)
	fill(t, s)
	sealed, err := sqlstore.SealedIn(t.Context(), s)
	require.NoError(t, err)
	require.Len(t, sealed, 12/2+12+12+1)
	require.NoError(t, s.Close())
	file, err := os.ReadFile(config.Path)
	require.NoError(t, err)
	for _, text := range sealed {
		require.True(t, strings.Contains(string(file), text), "it is to be seen that it goes")
	}

	s = open(t, config)
	require.NoError(t, s.Reseal(t.Context(), sqlstore.SealerOf(t, 2), nil))
	require.NoError(t, s.Close())
	file, err = os.ReadFile(config.Path)
	require.NoError(t, err)
	for _, text := range sealed {
		require.False(t, strings.Contains(string(file), text))
	}
}

// TestResealOfDamagedRows leaves everything as it is.
func TestResealOfDamagedRows(t *testing.T) {
	for says, c := range map[string]struct{ kind, damage string }{
		"open what is sealed":      {"sqlite", "UPDATE changes SET request = zeroblob(80) WHERE id = 5"},
		"the others belong to no":  {"mariadb", "UPDATE changes SET ticket = ticket + 1000 WHERE id = 5"},
		"sealed text is cut short": {"sqlite", "UPDATE alt_signers SET request = x'00'"},
	} {
		t.Run(says, func(t *testing.T) {
			s := open(t, kinds[c.kind](t))
			fill(t, s)
			err := sqlstore.ChangeBy(s, c.damage)
			require.NoError(t, err)
			before := contents(t, s)
			require.ErrorContains(t, s.Reseal(t.Context(), sqlstore.SealerOf(t, 2), nil), says)
			require.Equal(t, before, contents(t, s))
		})
	}
}

// reopen closes a Store and opens its database with a key.
func reopen(t *testing.T, s *sqlstore.Store, c sqlstore.Config, key *sqlstore.Sealer) *sqlstore.Store {
	t.Helper()
	require.NoError(t, s.Close())
	s, err := sqlstore.Open(t.Context(), c, key)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// secrets returns all that is kept sealed.
func secrets(t *testing.T, s *sqlstore.Store) (all []string) {
	t.Helper()
	tickets, err := s.Select(t.Context(), vsp.Filter{})
	require.NoError(t, err)
	for _, ticket := range tickets {
		all = append(all, string(ticket.VotingKey))
		changes, err := s.Changes(t.Context(), ticket.Hash)
		require.NoError(t, err)
		for _, c := range changes {
			all = append(all, string(c.Request))
		}
		signer, err := s.AltSigner(t.Context(), ticket.Hash)
		require.NoError(t, err)
		all = append(all, string(signer.Change.Request))
	}
	return all
}
