package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/pressly/goose/v3"
)

// dialect is what the databases differ in, as data.
type dialect struct {
	name      string // of its folder of migrations
	goose     goose.Dialect
	versions  []string         // make goose's table with its first row, where goose itself could be cut short between them
	now       string           // an expression: the database's time in milliseconds of UTC since 1970
	forUpdate string           // ends a SELECT of rows that must not change until the transaction has ended
	snapshot  []string         // begins a transaction that sees one state of the whole database
	duplicate func(error) bool // whether a row was refused because there is one with its key
}

// querier is what reads: connections, or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// transaction is what an act reads and writes in.
type transaction interface {
	querier

	// exec carries out a statement, at the latest before the next query or with the commit: its error may come from there.
	exec(ctx context.Context, statement string, args ...any) error
}

// act is what a writer carries out. It takes its context from the writer, may be called more than once, and must leave
// alone what its caller reads until the writer has returned.
type act func(ctx context.Context, tx transaction) error

// writer carries out an act in a transaction, and returns its error as it is, with nothing changed. Without an error
// what was done is durable. What an act has read for update stays true until its transaction has ended.
type writer interface {
	write(ctx context.Context, do act) error

	// purge overwrites what was deleted and replaced, where that is up to us.
	purge(ctx context.Context) error

	Close() error
}

// errUnknown is what an error says after which what was to be done may be done or not.
var errUnknown = errors.New("it is not known whether it was stored: read back")

// queryRow returns the first row of a query.
func queryRow(ctx context.Context, q querier, query string, args ...any) row {
	rows, err := q.QueryContext(ctx, query, args...)
	return row{rows, err}
}

// scanner is a row to be read.
type scanner interface{ Scan(into ...any) error }

// row is what sql.Row is.
type row struct {
	rows *sql.Rows
	err  error
}

// Scan reads the row, or returns sql.ErrNoRows.
func (r row) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	defer func() { _ = r.rows.Close() }()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := r.rows.Scan(into...); err != nil {
		return err
	}
	return r.rows.Close()
}
