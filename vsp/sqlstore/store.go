// Package sqlstore is vsp.Store on a SQL database: SQLite in one file.
//
// What was acknowledged is on the disk: it survives kill -9 and a loss of power. Voting keys, and the requests that may
// carry them, are sealed before they reach the database; whoever has its files but not the key file learns none. Several
// processes may use one database at once. The schema is brought forward when the database is opened; one that is newer
// than the program is refused.
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

// Store is an open database. It may be used by several goroutines at once.
type Store struct {
	// SQLite has one writer at a time. One connection lets writers queue here, where their contexts are heard, and not
	// in SQLite's busy handler. Readers see the last commit and never wait.
	writer *sql.DB
	reader *sql.DB
	sealer *Sealer
}

var _ vsp.Store = (*Store)(nil)

// Open opens the database at path, which is created if it is not there, readable by its owner only. The sealer must be
// of the same key ever since. Close it when done.
func Open(ctx context.Context, path string, sealer *Sealer) (*Store, error) {
	s := &Store{sealer: sealer}
	if err := s.open(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) error {
	unlock, err := prepareFile(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	if s.writer, err = openWriter(path); err != nil {
		return err
	}
	if err := migrate(ctx, s.writer); err != nil {
		return err
	}
	if err := s.write(ctx, func(tx *sql.Tx) error { return s.checkKey(ctx, tx) }); err != nil {
		return err
	}
	s.reader, err = openReaders(path)
	return err
}

// Close lets go of the database. Operations under way may fail.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// write carries out act in a transaction that nobody else's write comes between, here or in another process. It returns
// act's error as it is, with nothing changed.
func (s *Store) write(ctx context.Context, act func(*sql.Tx) error) error {
	tx, err := begin(ctx, s.writer)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := act(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// checkKey compares the key with the one the database was sealed with, which is this one if there was none yet.
func (s *Store) checkKey(ctx context.Context, tx *sql.Tx) error {
	const about = "this database"
	var proof []byte
	err := tx.QueryRowContext(ctx, "SELECT proof FROM sealing WHERE id = 1").Scan(&proof)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = tx.ExecContext(ctx, "INSERT INTO sealing (id, proof) VALUES (1, ?)", s.sealer.seal(nil, about))
	}
	if err != nil {
		return fmt.Errorf("check the sealing key: %w", err)
	}
	if proof == nil {
		return nil
	}
	if _, err := s.sealer.open(proof, about); err != nil {
		return errors.New("the sealing key is not the one this database was sealed with")
	}
	return nil
}

// querier is what reads: a pool of connections, or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
