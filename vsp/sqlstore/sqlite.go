package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// All that is SQLite's own is in this file.

// readers is how many read at the same time.
const readers = 4

// lockWait is how long a writer waits for other processes' writes, if its context allows it.
const lockWait = 10 * time.Second

var sqliteDialect = dialect{
	name:      "sqlite",
	goose:     goose.DialectSQLite3,
	now:       "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)",
	forUpdate: "", // nobody else writes anyway
	snapshot:  []string{"BEGIN"},
	duplicate: func(err error) bool { return isCode(err, sqlite3.SQLITE_CONSTRAINT) },
}

// openSQLite opens the database at path, which is created if it is not there.
func (s *Store) openSQLite(ctx context.Context, path string) error {
	s.dialect, s.path = &sqliteDialect, path
	unlock, err := prepareFile(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	db, err := openWriter(path)
	if err != nil {
		return err
	}
	if err := migrate(ctx, db, s.dialect); err != nil {
		return errors.Join(err, db.Close())
	}
	if s.writer, err = newGroup(ctx, db); err != nil {
		return errors.Join(err, db.Close())
	}
	if s.db, err = openReaders(path); err != nil {
		return err
	}
	s.reader = &prepared{on: s.db}
	return s.checkKey(ctx)
}

// openWriter opens the one connection that writes. A commit is synced to the disk before it returns.
func openWriter(path string) (*sql.DB, error) {
	// The busy handler does not hear a context: it gives up soon, and begin tries again.
	db, err := open(path, url.Values{
		"_busy_timeout": {"100"},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_foreign_keys": {"on"},
		"_pragma":       {"temp_store(MEMORY)"}, // for what a savepoint would take back, which is little
	})
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// openReaders opens the connections that only read. In WAL mode they wait for nobody but a process that recovers the
// database or closes it as the last.
func openReaders(path string) (*sql.DB, error) {
	db, err := open(path, url.Values{"_busy_timeout": {"5000"}, "_query_only": {"on"}})
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	return db, nil
}

func open(path string, settings url.Values) (*sql.DB, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", Path: absolute, RawQuery: settings.Encode()}
	return sql.Open("sqlite", name.String())
}

// begin starts a transaction that writes: it takes the database's write lock, so that what it reads stays true until it
// ends. While another process writes it waits, until ctx is done or for lockWait.
func begin(ctx context.Context, conn transaction) error {
	deadline := time.Now().Add(lockWait)
	for {
		// Without its cancelling: a lock that was just taken must not stay with an error.
		err := conn.exec(context.WithoutCancel(ctx), "BEGIN IMMEDIATE")
		if !isCode(err, sqlite3.SQLITE_BUSY) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("another process has been writing for %v (see who else has the file open): %w", lockWait, err)
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// isCode reports whether err is SQLite's with this primary result code.
func isCode(err error, code int) bool {
	var of *sqlite.Error
	return errors.As(err, &of) && of.Code()&0xff == code
}

// prepareFile creates the database's file if it is not there, and keeps other processes from opening the database until
// unlock is called: its first journal mode and its migrations are not for two at a time. The lock is on the folder, and
// goes with the process. The file itself must not be opened here: closing it would drop the locks SQLite has on it.
func prepareFile(ctx context.Context, path string) (unlock func(), err error) {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if err := lock(ctx, folder); err != nil {
		return nil, errors.Join(err, folder.Close())
	}
	// SQLite gives the files it puts beside this one the same mode.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = file.Close()
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, errors.Join(err, folder.Close())
	}
	return func() { _ = folder.Close() }, nil
}

// lock takes the lock on a folder as soon as nobody else has it, or returns why not.
func lock(ctx context.Context, folder *os.File) error {
	deadline := time.Now().Add(lockWait)
	for {
		err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("lock %s: %w", folder.Name(), err)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("another process has been opening a database in %s for %v: see what it waits for", folder.Name(), lockWait)
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
