package server_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/sqlstore/mariadbtest"
	"scrutineer/vsp/storetest"
)

// storeKinds is every kind of Store that a Server may stand on. Open returns an empty one.
var storeKinds = []struct {
	name string
	open func(t testing.TB) vsp.Store
}{
	{"memory", func(testing.TB) vsp.Store { return new(storetest.Memory) }},
	{"sqlite", func(t testing.TB) vsp.Store {
		return openStore(t, sqlstore.Config{Path: filepath.Join(t.TempDir(), "vsp.db")})
	}},
	{"mariadb", func(t testing.TB) vsp.Store {
		config := mariadbtest.Start(t).Config(t)
		return openStore(t, sqlstore.Config{MySQL: &config})
	}},
}

func openStore(t testing.TB, config sqlstore.Config) vsp.Store {
	sealer, err := sqlstore.NewSealer(make([]byte, 32))
	require.NoError(t, err)
	store, err := sqlstore.Open(t.Context(), config, sealer)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}
