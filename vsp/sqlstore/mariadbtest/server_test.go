package mariadbtest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"scrutineer/vsp/sqlstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestServer kills a server, and finds what was there when it runs again.
func TestServer(t *testing.T) {
	s := Start(t)
	config := s.Config(t)
	sealer, err := sqlstore.NewSealer(make([]byte, 32))
	require.NoError(t, err)
	store, err := sqlstore.Open(t.Context(), sqlstore.Config{MySQL: &config}, sealer)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	_, err = store.NextFeeIndex(t.Context(), "spub")
	require.NoError(t, err)

	s.Kill()
	_, err = store.NextFeeIndex(t.Context(), "spub")
	require.Error(t, err)
	require.NoError(t, s.Restart(t.Context()))
	index, err := store.NextFeeIndex(t.Context(), "spub")
	require.NoError(t, err)
	require.EqualValues(t, 2, index)
}
