package sqlstore_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/sqlstore/mariadbtest"
	"scrutineer/vsp/storetest"
)

func TestMain(m *testing.M) {
	sqlstore.BeChild() // does not return in a child of TestKill
	// A third of what is usual: each waits for a disk, several times. A flag of the command line comes later, and counts.
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	code := m.Run()
	err := errors.Join(mariadbtest.End(), goleak.Find())
	if err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// kinds gives an empty database of each kind.
var kinds = map[string]func(t testing.TB) sqlstore.Config{
	"sqlite": func(t testing.TB) sqlstore.Config {
		path := filepath.Join(t.TempDir(), "vsp.db")
		require.NoError(t, os.WriteFile(path, migrated(t), 0o600))
		return sqlstore.Config{Path: path}
	},
	"mariadb": func(t testing.TB) sqlstore.Config {
		c := mariadbtest.Shared(t).Config(t)
		return sqlstore.Config{MySQL: &c}
	},
}

// migrated returns an SQLite file with the schema and nothing else. With the race detector making one takes five times as
// long as opening it.
func migrated(t testing.TB) []byte {
	t.Helper()
	template.once.Do(func() {
		path := filepath.Join(t.TempDir(), "migrated.db")
		s := open(t, sqlstore.Config{Path: path})
		err := sqlstore.ChangeBy(s, "DELETE FROM sealing")
		require.NoError(t, errors.Join(err, s.Close()))
		template.file, err = os.ReadFile(path)
		require.NoError(t, err)
	})
	require.NotEmpty(t, template.file, "another test failed to make it")
	return template.file
}

var template struct {
	once sync.Once
	file []byte
}

func open(t testing.TB, c sqlstore.Config) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), c, sqlstore.SealerOf(t, 1))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestStore(t *testing.T) {
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) vsp.Store { return open(t, empty(t)) })
		})
	}
}

// TestTwoHandles runs the suite on two handles of one database that know nothing of each other, as two processes would.
func TestTwoHandles(t *testing.T) {
	for kind, empty := range kinds {
		t.Run(kind, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) vsp.Store {
				config := empty(t)
				return pair{Store: open(t, config), other: open(t, config)}
			})
		})
	}
}

// pair is a Store whose reads, and half of whose writes, go through another handle.
type pair struct {
	*sqlstore.Store
	other *sqlstore.Store
}

func (p pair) Ticket(ctx context.Context, hash chainhash.Hash) (vsp.Ticket, error) {
	return p.other.Ticket(ctx, hash)
}

func (p pair) Select(ctx context.Context, f vsp.Filter) ([]vsp.Ticket, error) {
	return p.other.Select(ctx, f)
}

func (p pair) NextFeeIndex(ctx context.Context, xpub string) (uint32, error) {
	return p.turn().NextFeeIndex(ctx, xpub)
}

func (p pair) Insert(ctx context.Context, t vsp.Ticket) error { return p.turn().Insert(ctx, t) }

func (p pair) Update(ctx context.Context, hash chainhash.Hash,
	act func(*vsp.Ticket) (*vsp.Change, error)) (vsp.Ticket, error) {
	return p.turn().Update(ctx, hash, act)
}

func (p pair) Touched(ctx context.Context, limit int) ([]vsp.Touch, error) {
	return p.other.Touched(ctx, limit)
}

func (p pair) Lead(ctx context.Context, holder string, d time.Duration) (bool, error) {
	return p.turn().Lead(ctx, holder, d)
}

func (p pair) SetAltSigner(ctx context.Context, ticket chainhash.Hash, signer vsp.AltSigner) error {
	return p.turn().SetAltSigner(ctx, ticket, signer)
}

func (p pair) TicketAndSigner(ctx context.Context, ticket chainhash.Hash) (vsp.Ticket, string, error) {
	return p.other.TicketAndSigner(ctx, ticket)
}

func (p pair) Position(ctx context.Context) (vsp.Position, error) { return p.other.Position(ctx) }

// turn returns one of the two by chance.
func (p pair) turn() *sqlstore.Store {
	if rand.IntN(2) == 0 {
		return p.other
	}
	return p.Store
}
