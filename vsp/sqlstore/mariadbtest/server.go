// Package mariadbtest runs a real MariaDB server for tests: on loopback, with TLS, in a folder of its own, and gone with
// the test.
//
// It touches no server that the machine has, and none of its settings. What is committed is synced to the disk, as on a
// server in earnest, so that a test may kill it and look for what was acknowledged.
package mariadbtest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"

	"scrutineer/vsp/sqlstore"
)

// ErrNotInstalled says that there is no MariaDB server on this machine.
var ErrNotInstalled = errors.New("MariaDB is not installed: on Debian, install mariadb-server")

// Server is a MariaDB server. Kill, Restart and Stop are for one goroutine at a time.
type Server struct {
	Address string // host:port
	CAPEM   []byte // who vouches for its certificate

	folder    string
	installer string
	program   string
	passwords map[string]string // of the users
	databases atomic.Int64      // how many were made
	process   *exec.Cmd         // nil while it does not run
	ended     chan error        // gets how the process has ended
}

// The users: one to make databases, and one as a VSP should have it.
const (
	admin = "admin"
	user  = "vsp"
)

// grants are all that a VSP needs: see package sqlstore.
const grants = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX"

// Run makes a server in a folder, which must be empty or not there, and starts it at a loopback address of host:port; port
// 0 stands for any that is free. The server ends when Stop is called, or with this process.
func Run(ctx context.Context, folder, address string) (*Server, error) {
	s := &Server{folder: folder, passwords: map[string]string{admin: rand.Text(), user: rand.Text()}}
	if err := s.run(ctx, address); err != nil {
		return nil, fmt.Errorf("run MariaDB in %s: %w", folder, err)
	}
	return s, nil
}

func (s *Server) run(ctx context.Context, address string) (err error) {
	if s.program, s.installer, err = programs(); err != nil {
		return err
	}
	if s.folder, err = filepath.Abs(s.folder); err != nil {
		return err
	}
	if s.Address, err = free(address); err != nil {
		return err
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	return s.Restart(ctx)
}

// programs returns where the server and its installer are.
func programs() (server, installer string, err error) {
	if server, err = exec.LookPath("mariadbd"); err != nil {
		// It is in the path of root alone on some systems.
		server, err = exec.LookPath("/usr/sbin/mariadbd")
	}
	if err == nil {
		installer, err = exec.LookPath("mariadb-install-db")
	}
	if err != nil {
		return "", "", ErrNotInstalled
	}
	return server, installer, nil
}

// free returns the address with a free port in the place of 0.
func free(address string) (string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// prepare writes all that the server needs.
func (s *Server) prepare(ctx context.Context) error {
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return err
	}
	if err := s.writeCertificates(); err != nil {
		return err
	}
	for name, text := range map[string]string{"my.cnf": s.settings(), "init.sql": s.accounts()} {
		if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	install := exec.CommandContext(ctx, s.installer, "--defaults-file="+filepath.Join(s.folder, "my.cnf"),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(s.installer), err, out)
	}
	return nil
}

// settings returns the server's configuration. It is small and quick to start, and as durable as any.
func (s *Server) settings() string {
	host, port, _ := net.SplitHostPort(s.Address)
	lines := []string{
		"[mariadbd]",
		"datadir=" + filepath.Join(s.folder, "data"),
		"bind-address=" + host,
		"port=" + port,
		"socket=mariadb.sock", // in datadir: a whole path may be longer than a socket's name can be
		"pid-file=mariadb.pid",
		"init-file=" + filepath.Join(s.folder, "init.sql"),
		"ssl-ca=" + filepath.Join(s.folder, "ca.pem"),
		"ssl-cert=" + filepath.Join(s.folder, "cert.pem"),
		"ssl-key=" + filepath.Join(s.folder, "key.pem"),
		"skip-name-resolve",
		"performance-schema=0",
		"innodb-buffer-pool-size=64M",
		"innodb-log-file-size=8M",
		"innodb-flush-log-at-trx-commit=1",
		"aria-pagecache-buffer-size=1M",
		"key-buffer-size=1M",
	}
	if os.Getuid() == 0 {
		// Its folder may be where no other user gets. Nobody but the users below can connect.
		lines = append(lines, "user=root")
	}
	return strings.Join(lines, "\n") + "\n"
}

// accounts returns what the server carries out whenever it starts. The databases of a VSP have names beginning with its
// user's.
func (s *Server) accounts() string {
	return strings.Join([]string{
		"CREATE USER IF NOT EXISTS " + admin + "@'%' IDENTIFIED BY '" + s.passwords[admin] + "' REQUIRE SSL;",
		"GRANT ALL ON *.* TO " + admin + "@'%' WITH GRANT OPTION;",
		"CREATE USER IF NOT EXISTS " + user + "@'%' IDENTIFIED BY '" + s.passwords[user] + "' REQUIRE SSL;",
		"GRANT " + grants + " ON `" + user + `\_%` + "`.* TO " + user + "@'%';",
		"ALTER USER root@localhost IDENTIFIED BY '" + rand.Text() + "';",
	}, "\n") + "\n"
}

// Database makes an empty database that a VSP's user may use.
func (s *Server) Database(ctx context.Context) (sqlstore.MySQL, error) {
	db, err := s.open()
	if err != nil {
		return sqlstore.MySQL{}, err
	}
	defer func() { _ = db.Close() }()
	name := fmt.Sprintf("%s_%d", user, s.databases.Add(1))
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4"); err != nil {
		return sqlstore.MySQL{}, fmt.Errorf("create database %s: %w", name, err)
	}
	return sqlstore.MySQL{Address: s.Address, Name: name, User: user, Password: s.passwords[user], CAPEM: s.CAPEM}, nil
}

// Exec carries out a statement as a user who may do everything.
func (s *Server) Exec(ctx context.Context, statement string) error {
	db, err := s.open()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// open connects as the user who may do everything.
func (s *Server) open() (*sql.DB, error) {
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd = "tcp", s.Address, admin, s.passwords[admin]
	c.Logger = &mysql.NopLogger{} // a server that is starting refuses connections
	c.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	c.TLS.RootCAs.AppendCertsFromPEM(s.CAPEM)
	c.TLS.ServerName, _, _ = net.SplitHostPort(s.Address)
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}
