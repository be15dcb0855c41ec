package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
)

// touch leaves a note that a ticket was updated.
func touch(ctx context.Context, tx transaction, ticket chainhash.Hash) error {
	if err := tx.exec(ctx, "INSERT INTO touches (ticket) VALUES (?)", ticket[:]); err != nil {
		return fmt.Errorf("note the update: %w", err)
	}
	return nil
}

// Touched implements vsp.Touches.
func (s *Store) Touched(ctx context.Context, limit int) ([]vsp.Touch, error) {
	notes, err := s.touched(ctx, limit)
	if err != nil {
		return nil, fmt.Errorf("read which tickets were updated: %w", err)
	}
	return notes, nil
}

func (s *Store) touched(ctx context.Context, limit int) (notes []vsp.Touch, err error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT id, ticket FROM touches ORDER BY id LIMIT ?", limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var note vsp.Touch
		var hash hashColumn
		if err := rows.Scan(&note.ID, &hash); err != nil {
			return nil, err
		}
		note.Ticket = chainhash.Hash(hash)
		notes = append(notes, note)
	}
	return notes, rows.Err()
}

// maxHeard is how many notes one statement deletes: databases limit the placeholders in one.
const maxHeard = 100

// Heard implements vsp.Touches.
func (s *Store) Heard(ctx context.Context, notes []vsp.Touch) error {
	for chunk := range slices.Chunk(notes, maxHeard) {
		ids := make([]any, len(chunk))
		for i, note := range chunk {
			ids[i] = note.ID
		}
		err := s.writer.write(ctx, func(ctx context.Context, tx transaction) error {
			return tx.exec(ctx, "DELETE FROM touches WHERE id IN "+list(len(ids)), ids...)
		})
		if err != nil {
			return fmt.Errorf("delete notes of updates: %w", err)
		}
	}
	return nil
}
