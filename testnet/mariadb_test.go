package testnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/sqlstore/mariadbtest"
)

// mariadb is the database server of a VSP, as a machine.
type mariadb struct{ server *mariadbtest.Server }

// startMariaDB starts a server and returns an empty database on it.
func (p *play) startMariaDB(ctx context.Context) (*sqlstore.MySQL, error) {
	server, err := mariadbtest.Run(ctx, filepath.Join(p.dir, "mariadb"), net.JoinHostPort(p.network.DatabaseIP(), "3306"))
	if errors.Is(err, mariadbtest.ErrNotInstalled) && os.Getenv("CI") != "true" {
		p.t.Skipf("not checked: how a VSP on MariaDB fares: %v", err)
	}
	if err != nil {
		return nil, err
	}
	p.mariadb = &mariadb{server}
	database, err := server.Database(ctx)
	return &database, err
}

func (m *mariadb) Name() string                    { return "mariadb" }
func (m *mariadb) Start(ctx context.Context) error { return m.server.Restart(ctx) }
func (m *mariadb) Stop(context.Context) error      { return m.server.Stop() }
func (m *mariadb) crash(context.Context) error     { m.server.Kill(); return nil }
func (m *mariadb) freeze(context.Context) error    { return m.signal(syscall.SIGSTOP) }
func (m *mariadb) thaw(context.Context) error      { return m.signal(syscall.SIGCONT) }

func (m *mariadb) signal(signal syscall.Signal) error {
	if err := syscall.Kill(m.server.PID(), signal); err != nil {
		return fmt.Errorf("signal MariaDB: %w", err)
	}
	return nil
}
