package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"scrutineer/vsp"
)

// Restore puts what a Backup has written into a database of either kind, which must be empty, or is emptied if forced. The
// backup must be of the sealer's key. All is put there, read again and compared in one transaction: after an error nothing
// has changed.
//
// Fee addresses that were given out after the backup would be given out a second time. Where the database still has the
// indexes that were given out, the higher ones stay. Where it is lost, raise them afterwards: see RaiseFeeIndex.
func Restore(ctx context.Context, c Config, from string, sealer *Sealer, force bool) error {
	if err := restore(ctx, c, from, sealer, force); err != nil {
		return fmt.Errorf("restore %s: %w", from, err)
	}
	return nil
}

func restore(ctx context.Context, c Config, from string, sealer *Sealer, force bool) (err error) {
	// A copy, because an older schema is brought forward first, and a backup is to stay as it is.
	folder, err := os.MkdirTemp("", "vsp-restore-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	file := filepath.Join(folder, "vsp.db")
	if err := copyBackup(from, file); err != nil {
		return err
	}
	backup, err := Open(ctx, Config{Path: file}, sealer)
	if err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	defer func() { err = errors.Join(err, backup.Close()) }()
	if err := mustBeSound(ctx, backup.db); err != nil {
		return err
	}
	into, err := Open(ctx, c, sealer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, into.Close()) }()
	return into.writer.write(ctx, func(ctx context.Context, tx transaction) error {
		return into.takeOver(ctx, tx, backup.db, force)
	})
}

// copyBackup copies a file that Backup has written. A database that is or was in use is none: what it holds may be partly
// in other files.
func copyBackup(from, to string) error {
	if log, err := os.Stat(from + "-wal"); err == nil && log.Size() > 0 {
		return errors.New("that is a database in use, or the copy of one: restore what a backup has written")
	}
	source, err := os.Open(from)
	if err != nil {
		return pathless(err)
	}
	defer func() { _ = source.Close() }()
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, source)
	return errors.Join(err, file.Close())
}

// takeOver puts all that another database holds in the place of what is here.
func (s *Store) takeOver(ctx context.Context, tx transaction, from querier, force bool) error {
	if err := s.mustBeIdle(ctx, tx); err != nil {
		return err
	}
	if err := mustBeEmpty(ctx, tx); err != nil && !force {
		return err
	}
	before, err := feeIndexes(ctx, tx)
	if err != nil {
		return err
	}
	written, err := copyAll(ctx, from, tx)
	if err != nil {
		return err
	}
	if err := compare(ctx, tx, written); err != nil {
		return err
	}
	for _, f := range before {
		if _, err := s.moveIn(ctx, tx, f.XPub, func(last uint32) (uint32, error) { return max(last, f.Last), nil }); err != nil {
			return fmt.Errorf("keep the fee indexes: %w", err)
		}
	}
	return nil
}

// mustBeIdle returns an error while a vsp serves with this database: it would not know what has changed.
func (s *Store) mustBeIdle(ctx context.Context, tx transaction) error {
	var holder string
	var left int64 // milliseconds
	err := queryRow(ctx, tx, "SELECT holder, until - "+s.dialect.now+" FROM lease WHERE id = 1"+s.dialect.forUpdate).
		Scan(&holder, &left)
	if err != nil {
		return fmt.Errorf("look whether the database is in use: %w", err)
	}
	if left > 0 {
		return fmt.Errorf("%s serves with this database: stop all that do, and try again in %v", holder,
			time.Duration(left)*time.Millisecond)
	}
	return nil
}

// mustBeEmpty returns an error if there is anything that should not be lost.
func mustBeEmpty(ctx context.Context, tx transaction) error {
	at, err := position(ctx, tx, "")
	if err != nil {
		return err
	}
	for _, t := range tables {
		if t.name == "scan" || t.name == "touches" {
			continue
		}
		var rows int64
		if err := queryRow(ctx, tx, "SELECT COUNT(*) FROM "+t.name).Scan(&rows); err != nil {
			return err
		}
		if rows > 0 {
			return fmt.Errorf("the database is not empty, %s has %d rows: name an empty one, or force it, which deletes them",
				t.name, rows)
		}
	}
	if at != (vsp.Position{}) {
		return fmt.Errorf("the database is not empty, it has scanned up to block %d: name an empty one, or force it", at.Height)
	}
	return nil
}
