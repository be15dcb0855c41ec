package server_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/storetest"
)

// storeKinds is every kind of Store that a Server may stand on. Open returns an empty one.
var storeKinds = []struct {
	name string
	open func(t testing.TB) vsp.Store
}{
	{"memory", func(testing.TB) vsp.Store { return new(storetest.Memory) }},
	{"sqlite", openSQLite},
}

func openSQLite(t testing.TB) vsp.Store {
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "vsp.db")}, newSealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func newSealer(t testing.TB) *sqlstore.Sealer {
	sealer, err := sqlstore.NewSealer(make([]byte, 32))
	require.NoError(t, err)
	return sealer
}
