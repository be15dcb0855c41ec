package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"scrutineer/cmd/configfile"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/sqlstore/mariadbtest"
)

// text is a log that is read while it is written.
type text struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *text) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.Write(b)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

func TestDatabaseServerIsWaitedFor(t *testing.T) {
	server := mariadbtest.Start(t)
	database := server.Config(t)
	s := &settings{Config: Config{MySQL: &MySQLConfig{Address: database.Address, Name: database.Name, User: database.User}},
		file: new(configfile.File), mysqlPassword: database.Password, mysqlCA: database.CAPEM,
		sealingKey: filepath.Join(t.TempDir(), "sealing.key")}
	require.NoError(t, sqlstore.WriteKeyFile(s.sealingKey))
	server.Kill()
	var out text
	opened := make(chan error, 1)
	go func() {
		store, err := awaitStore(t.Context(), s, slog.New(slog.NewTextHandler(&out, nil)))
		if err == nil {
			err = store.Close()
		}
		opened <- err
	}()
	require.Eventually(t, func() bool { return bytes.Contains([]byte(out.String()), []byte("waiting for it")) },
		20*time.Second, 10*time.Millisecond)
	require.NoError(t, server.Restart(t.Context()))
	select {
	case err := <-opened:
		require.NoError(t, err)
	case <-time.After(time.Minute):
		require.Fail(t, "the database is there, and was not opened", out.String())
	}
	require.Contains(t, out.String(), "database is there")
	require.NotContains(t, out.String(), database.Password)

	s.mysqlPassword = "wrong"
	_, err := awaitStore(t.Context(), s, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "check user, password")
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &settings{Config: Config{MySQL: &MySQLConfig{Address: "127.0.0.1:1", Name: "vsp", User: "vsp"}},
		sealingKey: filepath.Join(t.TempDir(), "sealing.key")}
	require.NoError(t, sqlstore.WriteKeyFile(s.sealingKey))
	_, err := awaitStore(ctx, s, slog.New(slog.DiscardHandler))
	require.Error(t, err)
}

func TestOnlyWhatPassesIsWaitedFor(t *testing.T) {
	for err, want := range map[error]bool{
		&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}:        true,
		&net.OpError{Op: "read", Err: syscall.ECONNRESET}:          true,
		&net.DNSError{Err: "no such host", Name: "db.example.org"}: true,
		io.ErrUnexpectedEOF:             true,
		mysql.ErrInvalidConn:            true,
		&mysql.MySQLError{Number: 1040}: true,
		&mysql.MySQLError{Number: 1045}: false,
		&mysql.MySQLError{Number: 1049}: false,
		&net.OpError{Op: "remote error", Err: errors.New("tls: bad thing")}:  false,
		&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}: false,
		mysql.ErrNoTLS: false,
		errors.New("the sealing key is not the one"): false,
	} {
		require.Equal(t, want, isAway(fmt.Errorf("open database: %w", err)), "%v", err)
	}
}
