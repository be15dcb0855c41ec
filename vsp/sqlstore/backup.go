package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backup writes all that is stored now to a file: an SQLite database of the same schema and sealed with the same key, from
// either kind of database. Writing goes on meanwhile. The file is read again and compared before it gets its name, is
// readable by its owner only, and takes the place of one that is there. Restore brings it back.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := s.backup(ctx, path); err != nil {
		return fmt.Errorf("back up to %s: %w", path, err)
	}
	return nil
}

func (s *Store) backup(ctx context.Context, path string) (err error) {
	if s.isItself(path) {
		return errors.New("that is the database itself: name another file")
	}
	// Beside the file, so that it can be renamed. A folder, as SQLite puts files beside its own.
	folder, err := os.MkdirTemp(filepath.Dir(path), ".backup-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	file := filepath.Join(folder, "vsp.db")
	written, err := s.copyTo(ctx, file)
	if err != nil {
		return err
	}
	if err := verify(ctx, file, s.sealer, written); err != nil {
		return fmt.Errorf("what was written is not what is stored: %w", err)
	}
	if err := syncFile(file); err != nil {
		return err
	}
	if err := os.Rename(file, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// isItself reports whether path is the file of this database.
func (s *Store) isItself(path string) bool {
	there, err := os.Stat(path)
	if err != nil || s.path == "" {
		return false
	}
	own, err := os.Stat(s.path)
	return err == nil && os.SameFile(there, own)
}

// copyTo makes a database in a file and copies all there, as it was at one moment.
func (s *Store) copyTo(ctx context.Context, file string) (written []contents, err error) {
	into, err := Open(ctx, Config{Path: file}, s.sealer)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, into.Close()) }()
	err = s.atOneMoment(ctx, func(from querier) error {
		return into.writer.write(ctx, func(ctx context.Context, tx transaction) error {
			written, err = copyAll(ctx, from, tx)
			return err
		})
	})
	return written, err
}

// atOneMoment lets f read the database as it is now, whatever is written meanwhile.
func (s *Store) atOneMoment(ctx context.Context, f func(querier) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer discard(conn) // with its transaction
	for _, statement := range s.dialect.snapshot {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("begin to read: %w", err)
		}
	}
	return f(conn)
}

// verify reads the database in a file and returns an error unless it is sound, of this key, and holds what it should.
func verify(ctx context.Context, file string, sealer *Sealer, want []contents) (err error) {
	s, err := Open(ctx, Config{Path: file}, sealer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := mustBeSound(ctx, s.db); err != nil {
		return err
	}
	return compare(ctx, s.db, want)
}

// mustBeSound returns what SQLite finds wrong with a database.
func mustBeSound(ctx context.Context, q querier) error {
	var says string
	if err := queryRow(ctx, q, "PRAGMA integrity_check(1)").Scan(&says); err != nil {
		return fmt.Errorf("check the file: %w", err)
	}
	if says != "ok" {
		return fmt.Errorf("the file is damaged: %s", says)
	}
	return nil
}

func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
