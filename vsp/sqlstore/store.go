// Package sqlstore is vsp.Store on a SQL database: SQLite in one file, or MariaDB or MySQL.
//
// What was acknowledged is on the disk: it survives kill -9 and a loss of power. Voting keys, and the requests that may
// carry them, are sealed before they reach the database; whoever has its files but not the key file learns none. Several
// processes may use one database at once: those on other machines need a server. The schema is brought forward when the
// database is opened; one that is newer than the program is refused. Backups are SQLite files from either kind of database,
// and go into either.
//
// # MariaDB and MySQL
//
// MariaDB 10.5 or MySQL 8.0 are the oldest that keep the promises. Connections are made with TLS 1.2 or newer, and the
// server's certificate is checked, unless that is switched off for a server on the same machine. The user needs
//
//	GRANT SELECT, INSERT, UPDATE, DELETE ON vsp.* TO 'vsp'@'10.0.0.%' REQUIRE SSL;
//	GRANT CREATE, ALTER, INDEX ON vsp.* TO 'vsp'@'10.0.0.%';
//
// of which the second line is for migrations alone: it may be revoked, and given again to the user of a new version. The
// server must sync what is committed (innodb_flush_log_at_trx_commit=1, which is its default): what it loses, no VSP can
// keep. On a Galera cluster all front ends should use one node, or have wsrep_sync_wait=1 set, so that a ticket that one
// has stored is known to the next.
//
// # What is left to others
//
// Who may read the key file and the database, and copies of both, are the operator's: without the key file the voting
// keys are lost.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"scrutineer/vsp"
)

// Config says which database: one of the two.
type Config struct {
	Path  string // of an SQLite file, which is created if it is not there, readable by its owner only
	MySQL *MySQL
}

func (c Config) String() string {
	if c.MySQL != nil {
		return c.MySQL.String()
	}
	return c.Path
}

// Store is an open database. It may be used by several goroutines at once.
type Store struct {
	dialect *dialect
	db      *sql.DB // that reader reads from
	reader  querier // sees what was committed when a query begins
	writer  writer
	sealer  *Sealer
	path    string // of an SQLite file
}

var _ vsp.Store = (*Store)(nil)

// Open opens a database. The sealer must be of the same key ever since. Close it when done.
func Open(ctx context.Context, c Config, sealer *Sealer) (*Store, error) {
	s := &Store{sealer: sealer}
	if err := s.open(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %v: %w", c, err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, c Config) error {
	switch {
	case (c.Path == "") == (c.MySQL == nil):
		return errors.New("give either the path of an SQLite file or a MySQL server")
	case c.MySQL != nil:
		return s.openMySQL(ctx, *c.MySQL)
	}
	return s.openSQLite(ctx, c.Path)
}

// Close lets go of the database. Operations under way may fail.
func (s *Store) Close() error {
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	// The writer comes last: what closes an SQLite file as the last tidies up after it, and must be able to write.
	if s.writer != nil {
		errs = append(errs, s.writer.Close())
	}
	return errors.Join(errs...)
}

var errOtherKey = errors.New("the sealing key is not the one this database was sealed with: name the right key file")

// checkKey compares the key with the one the database was sealed with, which is this one if there was none yet. Nobody
// else may be opening the database.
func (s *Store) checkKey(ctx context.Context) error {
	return s.writer.write(ctx, func(ctx context.Context, tx transaction) error {
		var proof []byte
		err := queryRow(ctx, tx, "SELECT proof FROM sealing WHERE id = 1"+s.dialect.forUpdate).Scan(&proof)
		if errors.Is(err, sql.ErrNoRows) {
			return tx.exec(ctx, "INSERT INTO sealing (id, proof) VALUES (1, ?)", s.sealer.seal(nil, proofAbout))
		}
		if err != nil {
			return fmt.Errorf("check the sealing key: %w", err)
		}
		if _, err := s.sealer.open(proof, proofAbout); err != nil {
			return errOtherKey
		}
		return nil
	})
}
