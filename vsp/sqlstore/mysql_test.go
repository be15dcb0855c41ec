package sqlstore_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/sqlstore/mariadbtest"
)

func TestMySQLConnects(t *testing.T) {
	server := mariadbtest.Shared(t)
	good := server.Config(t)
	require.NoError(t, server.Exec(t.Context(), "CREATE USER IF NOT EXISTS plain@'%' IDENTIFIED BY 'plain password'"))
	require.NoError(t, server.Exec(t.Context(), "GRANT ALL ON `vsp_%`.* TO plain@'%'"))
	other := httptest.NewTLSServer(nil)
	defer other.Close()
	otherCA := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw})
	_, port, err := net.SplitHostPort(good.Address)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		change func(*sqlstore.MySQL)
		says   string // "" if it connects
	}{
		"TLS":              {func(*sqlstore.MySQL) {}, ""},
		"another CA":       {func(m *sqlstore.MySQL) { m.CAPEM = otherCA }, "name the CA of the server's certificate"},
		"system's CAs":     {func(m *sqlstore.MySQL) { m.CAPEM = nil }, "name the CA of the server's certificate"},
		"CA that is none":  {func(m *sqlstore.MySQL) { m.CAPEM = []byte("x") }, "there is no certificate"},
		"another name":     {func(m *sqlstore.MySQL) { m.Address = "localhost:" + port }, "the host as the certificate has it"},
		"plain, refused":   {func(m *sqlstore.MySQL) { m.Plain = true }, "check user, password"},
		"plain":            {func(m *sqlstore.MySQL) { m.Plain, m.User, m.Password = true, "plain", "plain password" }, ""},
		"wrong password":   {func(m *sqlstore.MySQL) { m.Password += "x" }, "check user, password"},
		"unknown user":     {func(m *sqlstore.MySQL) { m.User = "nobody" }, "check user, password"},
		"unknown database": {func(m *sqlstore.MySQL) { m.Name = "vsp_none" }, "create it first"},
		"not granted":      {func(m *sqlstore.MySQL) { m.Name = "mysql" }, "check user, password"},
		"no port":          {func(m *sqlstore.MySQL) { m.Address = "127.0.0.1" }, "must be host:port"},
		"nobody listens":   {func(m *sqlstore.MySQL) { m.Address = "127.0.0.1:1" }, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			m := good
			c.change(&m)
			s, err := sqlstore.Open(t.Context(), sqlstore.Config{MySQL: &m}, sqlstore.SealerOf(t, 1))
			if c.says == "" {
				require.NoError(t, err)
				require.NoError(t, s.Close())
				return
			}
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), m.Password)
		})
	}
}

// TestConfigNamesOne shows that it must be clear which database is meant, and that no password is shown.
func TestConfigNamesOne(t *testing.T) {
	m := &sqlstore.MySQL{Address: "db.example.org:3306", Name: "vsp", User: "v", Password: "hunter2"}
	for _, c := range []sqlstore.Config{{}, {Path: "vsp.db", MySQL: m}} {
		_, err := sqlstore.Open(t.Context(), c, sqlstore.SealerOf(t, 1))
		require.ErrorContains(t, err, "either the path of an SQLite file or a MySQL server")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		text := fmt.Sprintf(verb+" "+verb, *m, sqlstore.Config{MySQL: m})
		require.NotContains(t, text, "hunter2", verb)
	}
	text, err := json.Marshal(sqlstore.Config{MySQL: m})
	require.NoError(t, err)
	require.NotContains(t, string(text), "hunter2")
	require.Equal(t, "v@db.example.org:3306/vsp", sqlstore.Config{MySQL: m}.String())
}

// TestLeastPrivilege serves with a user who may neither make nor change tables, once they are there.
func TestLeastPrivilege(t *testing.T) {
	server := mariadbtest.Shared(t)
	m := server.Config(t)
	for _, statement := range []string{
		"CREATE USER served@'%' IDENTIFIED BY 'pw' REQUIRE SSL",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON " + m.Name + ".* TO served@'%'",
	} {
		require.NoError(t, server.Exec(t.Context(), statement))
	}
	served := m
	served.User, served.Password = "served", "pw"
	_, err := sqlstore.Open(t.Context(), sqlstore.Config{MySQL: &served}, sqlstore.SealerOf(t, 1))
	require.ErrorContains(t, err, "CREATE command denied")

	full := open(t, sqlstore.Config{MySQL: &m})
	s := open(t, sqlstore.Config{MySQL: &served})
	fill(t, s)
	require.Equal(t, contents(t, full), contents(t, s))
	require.NoError(t, s.Backup(t.Context(), t.TempDir()+"/backup.db"))
	require.NoError(t, s.Reseal(t.Context(), sqlstore.SealerOf(t, 2), nil))
}

// TestSession looks at what the settings of a connection are.
func TestSession(t *testing.T) {
	m := mariadbtest.Shared(t).Config(t)
	s := open(t, sqlstore.Config{MySQL: &m})
	for variable, want := range map[string]string{
		"sql_mode":                 "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
		"tx_isolation":             "READ-COMMITTED",
		"character_set_connection": "utf8mb4",
		"collation_connection":     "utf8mb4_bin",
		"innodb_lock_wait_timeout": "5",
	} {
		var got string
		require.NoError(t, sqlstore.DatabaseOf(s).QueryRow("SELECT @@SESSION."+variable).Scan(&got))
		require.Equal(t, want, got, variable)
	}
	var name, cipher string
	require.NoError(t, sqlstore.DatabaseOf(s).QueryRow("SHOW STATUS LIKE 'Ssl_version'").Scan(&name, &cipher))
	require.Equal(t, "TLSv1.3", cipher)
	var tables int
	require.NoError(t, sqlstore.DatabaseOf(s).QueryRow(`SELECT COUNT(*) FROM information_schema.tables
		WHERE table_schema = DATABASE() AND engine <> 'InnoDB'`).Scan(&tables))
	require.Zero(t, tables, "only InnoDB keeps what was committed")

	// What does not fit is refused, and not cut.
	_, err := s.Lead(t.Context(), strings.Repeat("x", 1000), time.Hour)
	require.ErrorContains(t, err, "too long")
}

// TestMySQLOpensAtOnce makes the schema from several processes at the same time, and after one was killed at each of its
// steps.
func TestMySQLOpensAtOnce(t *testing.T) {
	server := mariadbtest.Shared(t)
	cuts := map[string][]string{
		"nothing":         nil,
		"goose's table":   {"DELETE FROM goose_db_version"},
		"no version":      {"DELETE FROM goose_db_version WHERE version_id <> 0"},
		"a table":         {"DELETE FROM goose_db_version WHERE version_id <> 0", "DROP TABLE lease"},
		"a row":           {"DELETE FROM goose_db_version WHERE version_id <> 0", "DELETE FROM lease"},
		"no proof of key": {"DELETE FROM sealing"},
	}
	for name, statements := range cuts {
		t.Run(name, func(t *testing.T) {
			m := server.Config(t)
			if statements != nil {
				require.NoError(t, open(t, sqlstore.Config{MySQL: &m}).Close())
			}
			for _, statement := range statements {
				require.NoError(t, server.Exec(t.Context(), strings.NewReplacer("FROM ", "FROM "+m.Name+".", "TABLE ", "TABLE "+m.Name+".").Replace(statement)))
			}
			const openers = 4
			opened := make(chan error, openers)
			for range openers {
				go func() {
					s, err := sqlstore.Open(t.Context(), sqlstore.Config{MySQL: &m}, sqlstore.SealerOf(t, 1))
					if err == nil {
						_, err = s.NextFeeIndex(t.Context(), "spub")
						err = errors.Join(err, s.Close())
					}
					opened <- err
				}()
			}
			for range openers {
				require.NoError(t, <-opened)
			}
			s := open(t, sqlstore.Config{MySQL: &m})
			var rows int
			require.NoError(t, sqlstore.DatabaseOf(s).QueryRow("SELECT COUNT(*) FROM goose_db_version").Scan(&rows))
			require.Equal(t, 2, rows, "each version is written once")
			leads, err := s.Lead(t.Context(), "a", time.Hour)
			require.NoError(t, err)
			require.True(t, leads)
		})
	}
}

func TestMySQLRefusesANewerSchema(t *testing.T) {
	m := mariadbtest.Shared(t).Config(t)
	s := open(t, sqlstore.Config{MySQL: &m})
	err := sqlstore.ChangeBy(s, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	require.NoError(t, err)
	_, err = sqlstore.Open(t.Context(), sqlstore.Config{MySQL: &m}, sqlstore.SealerOf(t, 1))
	require.ErrorContains(t, err, "its schema is version 99, and this program knows none newer than 2: use the newer program")
}

// TestTablesAreAll compares what is copied with what is there.
func TestTablesAreAll(t *testing.T) {
	m := mariadbtest.Shared(t).Config(t)
	server := open(t, sqlstore.Config{MySQL: &m})
	file := open(t, kinds["sqlite"](t))
	want := sqlstore.ColumnsOf()
	require.Greater(t, len(want), 40)
	for name, rows := range map[string]func() (*sql.Rows, error){
		"mariadb": func() (*sql.Rows, error) {
			return sqlstore.DatabaseOf(server).Query(`SELECT table_name, column_name FROM information_schema.columns
				WHERE table_schema = DATABASE() AND table_name NOT IN ('goose_db_version', 'sealing', 'lease')`)
		},
		"sqlite": func() (*sql.Rows, error) {
			return sqlstore.DatabaseOf(file).Query(`SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
				WHERE t.type = 'table' AND t.name NOT IN ('goose_db_version', 'sealing', 'lease', 'sqlite_sequence')`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := rows()
			require.NoError(t, err)
			defer func() { require.NoError(t, rows.Close()) }()
			var got []string
			for rows.Next() {
				var table, column string
				require.NoError(t, rows.Scan(&table, &column))
				got = append(got, table+"."+column)
			}
			require.NoError(t, rows.Err())
			require.ElementsMatch(t, want, got)
		})
	}
}

// TestDialsNoLongerThanItsContext connects to what takes connections and says nothing.
func TestDialsNoLongerThanItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	m := sqlstore.MySQL{Address: l.Addr().String(), Name: "vsp", User: "vsp"}
	_, err = sqlstore.Open(ctx, sqlstore.Config{MySQL: &m}, sqlstore.SealerOf(t, 1))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(start), 3*time.Second)
}
