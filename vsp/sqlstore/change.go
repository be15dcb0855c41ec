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
	err := tx.exec(ctx, "INSERT INTO changes (ticket, request, signature, answered) VALUES (?, ?, ?, ?)",
		id, s.sealer.sealRequest(hash, c.Request), c.Signature, c.Answered)
	if err != nil {
		return fmt.Errorf("keep the change: %w", err)
	}
	if err := tx.exec(ctx, thinned, id, id, id); err != nil {
		return fmt.Errorf("delete old changes: %w", err)
	}
	return nil
}

// thinned deletes the oldest changes of a ticket but the first until no more than vsp.MaxChanges are left: those between
// the first and the oldest of the newest that are kept. MySQL deletes from no table that it reads, but from one that a
// table of its own was made of.
var thinned = fmt.Sprintf(`DELETE FROM changes WHERE ticket = ?
	AND id > (SELECT id FROM (SELECT MIN(id) AS id FROM changes WHERE ticket = ?) AS the_first)
	AND id < (SELECT id FROM (SELECT id FROM changes WHERE ticket = ? ORDER BY id DESC LIMIT 1 OFFSET %d) AS kept)`,
	vsp.MaxChanges-2)

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
