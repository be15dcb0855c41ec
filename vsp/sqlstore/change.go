package sqlstore

import (
	"context"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
)

// keep adds a change, if there is one, to the ticket in the row, and deletes those that are too many.
func (s *Store) keep(ctx context.Context, tx transaction, id int64, hash chainhash.Hash, c *vsp.Change) error {
	if c == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO changes (ticket, request, signature, answered) VALUES (?, ?, ?, ?)",
		id, s.sealer.sealRequest(hash, c.Request), c.Signature, c.Answered)
	if err != nil {
		return fmt.Errorf("keep the change: %w", err)
	}
	if err := thin(ctx, tx, id); err != nil {
		return fmt.Errorf("delete old changes: %w", err)
	}
	return nil
}

// thin deletes the oldest changes but the first until no more than MaxChanges are left.
func thin(ctx context.Context, tx transaction, ticket int64) error {
	rows, err := tx.QueryContext(ctx, "SELECT id FROM changes WHERE ticket = ? ORDER BY id", ticket)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return err
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for ; len(ids) > vsp.MaxChanges; ids = ids[1:] {
		if _, err := tx.ExecContext(ctx, "DELETE FROM changes WHERE id = ?", ids[1]); err != nil {
			return err
		}
	}
	return nil
}

// Changes implements vsp.Tickets.
func (s *Store) Changes(ctx context.Context, hash chainhash.Hash) ([]vsp.Change, error) {
	changes, err := s.changes(ctx, hash)
	if err != nil {
		return nil, fmt.Errorf("read the changes of ticket %v: %w", hash, err)
	}
	return changes, nil
}

func (s *Store) changes(ctx context.Context, hash chainhash.Hash) (changes []vsp.Change, err error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT c.request, c.signature, c.answered
		FROM changes c JOIN tickets t ON t.id = c.ticket WHERE t.hash = ? ORDER BY c.id`, hash[:])
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var c vsp.Change
		var sealed []byte
		if err := rows.Scan(&sealed, &c.Signature, &c.Answered); err != nil {
			return nil, err
		}
		if c.Request, err = s.sealer.openRequest(hash, sealed); err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, rows.Err()
}
