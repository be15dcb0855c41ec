package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// A pipeline sends what it keeps when it is this much: far below what a server takes at once, which is 16 MB.
const (
	pipelineStatements = 500
	pipelineBytes      = 1 << 20
)

// pipeline is a transaction on a connection of MySQL. It keeps the statements that return nothing, and sends them together
// before the next that returns something, or with the commit: each trip to the server takes as long as several of them.
type pipeline struct {
	conn *sql.Conn

	statements []string
	args       []any
	bytes      int // of args
}

// exec implements transaction.
func (p *pipeline) exec(ctx context.Context, statement string, args ...any) error {
	p.statements, p.args = append(p.statements, statement), append(p.args, args...)
	for _, arg := range args {
		switch v := arg.(type) {
		case string:
			p.bytes += len(v)
		case []byte:
			p.bytes += len(v)
		}
	}
	if len(p.statements) < pipelineStatements && p.bytes < pipelineBytes {
		return nil
	}
	return p.send(ctx)
}

// send has the server carry out what is kept. It ends with the first that fails.
func (p *pipeline) send(ctx context.Context) error {
	if len(p.statements) == 0 {
		return nil
	}
	_, err := p.conn.ExecContext(ctx, strings.Join(p.statements, "; "), p.args...)
	p.statements, p.args, p.bytes = nil, nil, 0
	return err
}

// QueryContext implements querier.
func (p *pipeline) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := p.send(ctx); err != nil {
		return nil, fmt.Errorf("before a query: %w", err)
	}
	return p.conn.QueryContext(ctx, query, args...)
}

// commit has the server carry out what is kept, and commit. Where the server does not say what came of it, nobody knows.
func (p *pipeline) commit(ctx context.Context) error {
	p.statements = append(p.statements, "COMMIT")
	err := p.send(ctx)
	var said *mysql.MySQLError
	if err == nil || errors.As(err, &said) || errors.Is(err, driver.ErrBadConn) {
		return err // the driver says ErrBadConn only where the server has not seen the statement
	}
	return fmt.Errorf("commit: %w: %w", errUnknown, err)
}
