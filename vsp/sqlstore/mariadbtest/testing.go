package mariadbtest

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/sqlstore"
)

// Start runs a server for one test, at a free port of 127.0.0.1. Where MariaDB is not installed the test is skipped,
// unless CI is set in the environment.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := Run(t.Context(), t.TempDir(), "127.0.0.1:0")
	need(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

func need(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, ErrNotInstalled) && os.Getenv("CI") != "true" {
		t.Skipf("not checked: what needs a MariaDB server: %v", err)
	}
	require.NoError(t, err)
}

// Config returns an empty database of its own.
func (s *Server) Config(t testing.TB) sqlstore.MySQL {
	t.Helper()
	c, err := s.Database(t.Context())
	require.NoError(t, err)
	return c
}

// shared is the server of all tests of a package.
var shared struct {
	once   sync.Once
	folder string
	server *Server
	err    error
}

// Shared returns a server that all tests of a package use. It starts when it is first asked for, and ends with End, which
// TestMain must call.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() {
		if shared.folder, shared.err = os.MkdirTemp("", "mariadbtest"); shared.err == nil {
			shared.server, shared.err = Run(context.Background(), shared.folder, "127.0.0.1:0")
		}
	})
	need(t, shared.err)
	return shared.server
}

// End ends the server that is shared, if there is one.
func End() error {
	var err error
	if shared.server != nil {
		err = shared.server.Stop()
	}
	if shared.folder == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(shared.folder))
}
