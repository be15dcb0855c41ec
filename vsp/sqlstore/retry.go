package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"
)

// The numbers of MySQL's errors that mean something here.
const (
	databaseDenied  = 1044
	accessDenied    = 1045
	unknownDatabase = 1049
	duplicateKey    = 1062
	lockWaitTimeout = 1205
	deadlock        = 1213 // also a cluster's refusal of what another node has changed at the same time
)

// maxAttempts is how often an act is begun that others' locks keep from being done.
const maxAttempts = 8

// retrier is the writer of MySQL: one transaction for an act, done again if it was in a deadlock. On its connections a
// transaction begins with the first statement.
type retrier struct{ db *sql.DB }

func (r retrier) purge(context.Context) error { return nil } // the server does in its own time
func (r retrier) Close() error                { return r.db.Close() }

// write implements writer.
func (r retrier) write(ctx context.Context, do act) error {
	for attempt := 1; ; attempt++ {
		err := r.attempt(ctx, do)
		if attempt == maxAttempts || !undone(err) {
			return err
		}
		if err := pause(ctx, time.Duration(rand.IntN(10*attempt))*time.Millisecond); err != nil {
			return err
		}
	}
}

// attempt carries out an act in a transaction. The connection is used again only after the transaction has ended: the
// server takes back what is open on one that is closed.
func (r retrier) attempt(ctx context.Context, do act) error {
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	ended := false
	defer func() {
		if ended {
			_ = conn.Close() // it goes back to the pool
		} else {
			discard(conn)
		}
	}()
	p := &pipeline{conn: conn}
	if err = do(ctx, p); err == nil {
		err = p.commit(ctx)
	}
	if err == nil {
		ended = true
		return nil
	}
	_, rollback := conn.ExecContext(ctx, "ROLLBACK")
	ended = rollback == nil
	return err
}

// undone reports whether nothing is left of a transaction that could be carried out another time.
func undone(err error) bool {
	// The driver says ErrBadConn only where the server has not seen the statement.
	return isNumber(err, deadlock, lockWaitTimeout) || errors.Is(err, driver.ErrBadConn)
}

// discard closes a connection for good.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // which is how to say so
	_ = conn.Close()
}

// isNumber reports whether err is the server's with one of these numbers.
func isNumber(err error, numbers ...uint16) bool {
	var said *mysql.MySQLError
	return errors.As(err, &said) && slices.Contains(numbers, said.Number)
}
