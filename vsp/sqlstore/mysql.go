package sqlstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"
)

// All that is MySQL's and MariaDB's own is in this file, in retry.go and in pipeline.go.

const (
	// connections is how many a process opens at most to read, and as many to write. The servers take 151 in all if nobody
	// tells them otherwise.
	connections = 16

	// A connection is given up before what may lie between, or the server, forgets it.
	connectionLife = 5 * time.Minute

	dialTimeout  = 5 * time.Second
	writeTimeout = 10 * time.Second

	// readTimeout is for a server that hangs. It is longer than any wait for a lock.
	readTimeout = 30 * time.Second
)

// MySQL is a database of a MySQL or MariaDB server.
type MySQL struct {
	Address  string // host:port
	Name     string // of the database, which is there
	User     string
	Password string `json:"-"`
	CAPEM    []byte // who vouches for the server's certificate, which is for the host of Address; the system's roots if empty
	Plain    bool   // without TLS
}

// String tells all but the password. GoString keeps it from being told otherwise.
func (m MySQL) String() string   { return m.User + "@" + m.Address + "/" + m.Name }
func (m MySQL) GoString() string { return m.String() }

var mysqlDialect = dialect{
	name:  "mysql",
	goose: goose.DialectMySQL,
	versions: []string{
		`CREATE TABLE IF NOT EXISTS goose_db_version (
			id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
			version_id BIGINT          NOT NULL,
			is_applied BOOLEAN         NOT NULL,
			tstamp     DATETIME        NULL DEFAULT CURRENT_TIMESTAMP
		) ENGINE = InnoDB`,
		`INSERT INTO goose_db_version (version_id, is_applied)
			SELECT 0, TRUE FROM DUAL WHERE NOT EXISTS (SELECT * FROM goose_db_version)`,
	},
	now:       "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000)",
	forUpdate: " FOR UPDATE",
	snapshot: []string{
		"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
		"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
	},
	duplicate: func(err error) bool { return isNumber(err, duplicateKey) },
}

func (s *Store) openMySQL(ctx context.Context, m MySQL) error {
	s.dialect = &mysqlDialect
	config, err := m.config()
	if err != nil {
		return err
	}
	if s.db, err = connect(config); err != nil {
		return err
	}
	s.reader = s.db
	writing := config.Clone()
	writing.MultiStatements = true
	writing.Params["autocommit"] = "0"
	db, err := connect(writing)
	if err != nil {
		return err
	}
	s.writer = retrier{db}
	// A migration takes as long as it takes.
	config.ReadTimeout = 0
	patient, err := connect(config)
	if err != nil {
		return err
	}
	defer func() { _ = patient.Close() }()
	unlock, err := lockSchema(ctx, patient)
	if err != nil {
		return err
	}
	defer unlock()
	if err := migrate(ctx, patient, s.dialect); err != nil {
		return err
	}
	return s.checkKey(ctx)
}

// config returns how the driver is to connect.
func (m MySQL) config() (*mysql.Config, error) {
	host, _, err := net.SplitHostPort(m.Address)
	if err != nil {
		return nil, fmt.Errorf("the address must be host:port: %w", err)
	}
	c := mysql.NewConfig()
	c.Net, c.Addr, c.DBName, c.User, c.Passwd = "tcp", m.Address, m.Name, m.User, m.Password
	c.Timeout, c.ReadTimeout, c.WriteTimeout = dialTimeout, readTimeout, writeTimeout
	c.Logger = &mysql.NopLogger{} // what it would log is in the errors
	c.InterpolateParams = true    // one trip to the server for a statement, and not three
	c.Collation = "utf8mb4_bin"
	c.Params = map[string]string{
		"sql_mode":                 "'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
		"innodb_lock_wait_timeout": "5", // seconds
	}
	if !m.Plain {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	}
	if !m.Plain && len(m.CAPEM) > 0 {
		c.TLS.RootCAs = x509.NewCertPool()
		if !c.TLS.RootCAs.AppendCertsFromPEM(m.CAPEM) {
			return nil, errors.New("there is no certificate in the CA's PEM: name the file of the server's CA")
		}
	}
	return c, nil
}

func connect(c *mysql.Config) (*sql.DB, error) {
	inner, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector{inner})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxLifetime(connectionLife)
	return db, nil
}

// connector gives connections on which each statement sees what was committed before it, and a row that is locked for an
// update locks no others. The name of the setting differs among the servers, the statement does not.
type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, advise(err)
	}
	_, err = conn.(driver.ExecerContext).ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// advise adds what to do about a connection that did not come about.
func advise(err error) error {
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.Is(err, mysql.ErrNoTLS):
		return fmt.Errorf("%w: set it up there, or do without only if the server is on this machine", err)
	case errors.As(err, &unverified):
		return fmt.Errorf("%w: name the CA of the server's certificate, and the host as the certificate has it", err)
	case isNumber(err, accessDenied), isNumber(err, databaseDenied):
		return fmt.Errorf("%w: check user, password, what the user is granted, and whether it must use TLS", err)
	case isNumber(err, unknownDatabase):
		return fmt.Errorf("%w: create it first", err)
	}
	return err
}

// lockSchema keeps other processes from opening the database until unlock is called. The lock goes with the connection.
// It is the server's: two nodes of a cluster do not share it, but do each other's statements one after the other.
func lockSchema(ctx context.Context, db *sql.DB) (unlock func(), err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var got sql.NullInt64
	err = conn.QueryRowContext(ctx, "SELECT GET_LOCK(CONCAT('vsp ', MD5(DATABASE())), ?)", lockWait.Seconds()).Scan(&got)
	if err == nil && got.Int64 != 1 {
		err = fmt.Errorf("another process has been opening the database for %v: try again", lockWait)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the schema: %w", err), conn.Close())
	}
	return func() { discard(conn) }, nil
}
