package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
)

// Ticket implements vsp.Tickets.
func (s *Store) Ticket(ctx context.Context, hash chainhash.Hash) (vsp.Ticket, error) {
	_, t, err := s.find(ctx, s.reader, hash, "")
	return t, err
}

// find returns a ticket and its row's id.
func (s *Store) find(ctx context.Context, q querier, hash chainhash.Hash, forUpdate string) (int64, vsp.Ticket, error) {
	row := queryRow(ctx, q, "SELECT id, "+columns+" FROM tickets WHERE hash = ?"+forUpdate, hash[:])
	id, t, err := s.scan(row)
	if errors.Is(err, sql.ErrNoRows) {
		err = vsp.ErrNoTicket
	}
	if err != nil {
		return 0, vsp.Ticket{}, fmt.Errorf("read ticket %v: %w", hash, err)
	}
	return id, t, nil
}

// Insert implements vsp.Tickets.
func (s *Store) Insert(ctx context.Context, t vsp.Ticket) error {
	values, err := s.values(t)
	if err != nil {
		return fmt.Errorf("insert ticket %v: %w", t.Hash, err)
	}
	err = s.writer.write(ctx, func(ctx context.Context, tx transaction) error {
		return tx.exec(ctx, insertTicket, values...)
	})
	if s.dialect.duplicate(err) {
		err = vsp.ErrTicketExists
	}
	if err != nil {
		return fmt.Errorf("insert ticket %v: %w", t.Hash, err)
	}
	return nil
}

// Update implements vsp.Tickets.
func (s *Store) Update(ctx context.Context, hash chainhash.Hash,
	act func(*vsp.Ticket) (*vsp.Change, error)) (after vsp.Ticket, err error) {
	err = s.writer.write(ctx, func(ctx context.Context, tx transaction) error {
		id, t, err := s.find(ctx, tx, hash, s.dialect.forUpdate)
		if err != nil {
			return err
		}
		before := copied(t)
		change, err := act(&t)
		if err != nil {
			return &refusal{err}
		}
		if t.Hash != hash {
			return errors.New("its hash cannot be changed")
		}
		after = stored(t)
		return s.replace(ctx, tx, id, before, after, change)
	})
	var refused *refusal
	if errors.As(err, &refused) {
		return vsp.Ticket{}, refused.error
	}
	if err != nil {
		return vsp.Ticket{}, fmt.Errorf("update ticket %v: %w", hash, err)
	}
	return after, nil
}

// refusal is an error of who called Update.
type refusal struct{ error }

// replace makes before into after in the row with an id, adds the change, and leaves a note of it.
func (s *Store) replace(ctx context.Context, tx transaction, id int64, before, after vsp.Ticket, change *vsp.Change) error {
	statement, args, err := s.updateTicket(id, before, after)
	if err != nil {
		return err
	}
	if statement != "" {
		if err := tx.exec(ctx, statement, args...); err != nil {
			return err
		}
	}
	if err := s.keep(ctx, tx, id, after.Hash, change); err != nil {
		return err
	}
	return touch(ctx, tx, after.Hash)
}

// Remove implements vsp.Tickets.
func (s *Store) Remove(ctx context.Context, hash chainhash.Hash) error {
	err := s.writer.write(ctx, func(ctx context.Context, tx transaction) error {
		var id int64
		err := queryRow(ctx, tx, "SELECT id FROM tickets WHERE hash = ? AND fee_status = ?"+s.dialect.forUpdate,
			hash[:], string(vsp.FeeNone)).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := tx.exec(ctx, "DELETE FROM changes WHERE ticket = ?", id); err != nil {
			return err
		}
		return tx.exec(ctx, "DELETE FROM tickets WHERE id = ?", id)
	})
	if err != nil {
		return fmt.Errorf("remove ticket %v: %w", hash, err)
	}
	return nil
}

// Select implements vsp.Tickets.
func (s *Store) Select(ctx context.Context, filter vsp.Filter) ([]vsp.Ticket, error) {
	where, args := conditions(filter)
	tickets, err := s.query(ctx, "SELECT id, "+columns+" FROM tickets"+where+" ORDER BY id", args)
	if err != nil {
		return nil, fmt.Errorf("select tickets: %w", err)
	}
	return tickets, nil
}

func (s *Store) query(ctx context.Context, query string, args []any) (tickets []vsp.Ticket, err error) {
	rows, err := s.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		_, t, err := s.scan(rows)
		if err != nil {
			return nil, err
		}
		tickets = append(tickets, t)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return tickets, nil
}

// conditions returns a Filter as a WHERE clause, if it has any condition, with its arguments.
func conditions(f vsp.Filter) (where string, args []any) {
	var all []string
	if f.Confirmed != nil {
		all, args = append(all, "confirmed = ?"), append(args, *f.Confirmed)
	}
	if len(f.Fee) > 0 {
		all, args = append(all, "fee_status IN "+list(len(f.Fee))), appendText(args, f.Fee)
	}
	if len(f.Outcome) > 0 {
		all, args = append(all, "outcome IN "+list(len(f.Outcome))), appendText(args, f.Outcome)
	}
	if len(all) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(all, " AND "), args
}

// list returns n placeholders in parentheses.
func list(n int) string { return "(?" + strings.Repeat(", ?", n-1) + ")" }

func appendText[T ~string](args []any, texts []T) []any {
	for _, text := range texts {
		args = append(args, string(text))
	}
	return args
}
