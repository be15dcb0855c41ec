package sqlstore

import (
	"context"
	"database/sql"
	"sync"
)

// maxPrepared is how many statements are kept: more than there are whose text does not vary.
const maxPrepared = 100

// prepared keeps the statements that it was given: to parse one takes SQLite as long as to carry it out.
type prepared struct {
	on interface {
		querier
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	}

	mu         sync.Mutex
	statements map[string]*sql.Stmt
}

// forget lets go of the statements. Those of a single connection do not end with it.
func (p *prepared) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.statements {
		_ = s.Close() // its error is that of its last use
	}
	clear(p.statements)
}

// statement returns a query's, or nil if it has to do without.
func (p *prepared) statement(ctx context.Context, query string) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.statements[query]; ok || len(p.statements) == maxPrepared {
		return s
	}
	s, err := p.on.PrepareContext(ctx, query)
	if err != nil {
		return nil // without it the query has the same error
	}
	if p.statements == nil {
		p.statements = make(map[string]*sql.Stmt)
	}
	p.statements[query] = s
	return s
}

// exec implements transaction.
func (p *prepared) exec(ctx context.Context, statement string, args ...any) (err error) {
	if s := p.statement(ctx, statement); s != nil {
		_, err = s.ExecContext(ctx, args...)
	} else {
		_, err = p.on.ExecContext(ctx, statement, args...)
	}
	return err
}

// QueryContext implements querier.
func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s := p.statement(ctx, query); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return p.on.QueryContext(ctx, query, args...)
}
