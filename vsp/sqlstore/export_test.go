package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"os"
)

// What the tests outside of the package see of it. They are outside because mariadbtest imports it.
var (
	SealerOf = sealer
	TicketOf = ticket
	ChangeBy = change
)

// BeChild runs a child of TestKill in the place of the tests if it was started as one. Then it does not return.
func BeChild() {
	if path := os.Getenv(childDatabase); path != "" {
		write(path, os.Getenv(childRound)) // until it is killed
	}
}

// ContentsOf returns what each table holds that is copied, for comparison.
func ContentsOf(ctx context.Context, s *Store) (map[string]string, error) {
	all := make(map[string]string)
	for _, t := range tables {
		c, err := t.read(ctx, s.db, func([]any) error { return nil })
		if err != nil {
			return nil, err
		}
		all[t.name] = fmt.Sprintf("%d rows %x", c.rows, c.digest)
	}
	return all, nil
}

// SealedIn returns all that is sealed in a database, as it is there.
func SealedIn(ctx context.Context, s *Store) (all []string, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT voting_key FROM tickets WHERE voting_key IS NOT NULL
		UNION ALL SELECT request FROM changes UNION ALL SELECT request FROM alt_signers UNION ALL SELECT proof FROM sealing`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var sealed string
		if err := rows.Scan(&sealed); err != nil {
			return nil, err
		}
		all = append(all, sealed)
	}
	return all, rows.Err()
}

// Transaction is what an act reads and writes in.
type Transaction = transaction

// WriteBy has a Store carry out an act.
func WriteBy(ctx context.Context, s *Store, do func(context.Context, Transaction) error) error {
	return s.writer.write(ctx, do)
}

// ExecBy carries out a statement in a transaction.
func ExecBy(ctx context.Context, tx Transaction, statement string, args ...any) error {
	return tx.exec(ctx, statement, args...)
}

// DatabaseOf returns what a Store reads from.
func DatabaseOf(s *Store) *sql.DB { return s.db }

// ColumnsOf returns every column that is copied.
func ColumnsOf() (all []string) {
	for _, t := range tables {
		for _, c := range t.columns {
			all = append(all, t.name+"."+c.name)
		}
	}
	return all
}
