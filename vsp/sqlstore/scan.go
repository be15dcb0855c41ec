package sqlstore

import (
	"context"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
)

// Position implements vsp.Scan.
func (s *Store) Position(ctx context.Context) (vsp.Position, error) {
	return position(ctx, s.reader, "")
}

func position(ctx context.Context, q querier, forUpdate string) (vsp.Position, error) {
	var p vsp.Position
	var hash hashColumn
	if err := queryRow(ctx, q, "SELECT height, hash FROM scan WHERE id = 1"+forUpdate).Scan(&p.Height, &hash); err != nil {
		return vsp.Position{}, fmt.Errorf("read the scan's position: %w", err)
	}
	p.Hash = chainhash.Hash(hash)
	return p, nil
}

// mustBeAt returns vsp.ErrMoved if the Position is another than from.
func (s *Store) mustBeAt(ctx context.Context, tx transaction, from vsp.Position) error {
	at, err := position(ctx, tx, s.dialect.forUpdate)
	if err == nil && at != from {
		err = vsp.ErrMoved
	}
	return err
}

// move makes p the Position.
func move(ctx context.Context, tx transaction, p vsp.Position) error {
	return tx.exec(ctx, "UPDATE scan SET height = ?, hash = ? WHERE id = 1", p.Height, p.Hash[:])
}

// Settle implements vsp.Scan.
func (s *Store) Settle(ctx context.Context, from, p vsp.Position, found []vsp.Spend) error {
	err := s.writer.write(ctx, func(ctx context.Context, tx transaction) error {
		if err := s.mustBeAt(ctx, tx, from); err != nil {
			return err
		}
		for _, f := range found {
			err := tx.exec(ctx, "UPDATE tickets SET outcome = ?, spent_height = ?, spent_by = ? WHERE hash = ?",
				string(f.Outcome), f.Height, f.By[:], f.Ticket[:])
			if err != nil {
				return fmt.Errorf("ticket %v: %w", f.Ticket, err)
			}
		}
		return move(ctx, tx, p)
	})
	if err != nil {
		return fmt.Errorf("settle block %d: %w", p.Height, err)
	}
	return nil
}

// Rewind implements vsp.Scan.
func (s *Store) Rewind(ctx context.Context, from, p vsp.Position) (taken []chainhash.Hash, err error) {
	err = s.writer.write(ctx, func(ctx context.Context, tx transaction) error {
		if err := s.mustBeAt(ctx, tx, from); err != nil {
			return err
		}
		if taken, err = s.settledAbove(ctx, tx, p.Height); err != nil {
			return err
		}
		err := tx.exec(ctx, `UPDATE tickets SET outcome = '', spent_height = 0, spent_by = ?
			WHERE spent_height > ? AND outcome <> ''`, new(chainhash.Hash)[:], p.Height)
		if err != nil {
			return err
		}
		return move(ctx, tx, p)
	})
	if err != nil {
		return nil, fmt.Errorf("rewind to block %d: %w", p.Height, err)
	}
	return taken, nil
}

// settledAbove returns the tickets whose outcome was found above a height.
func (s *Store) settledAbove(ctx context.Context, tx transaction, height int64) (tickets []chainhash.Hash, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT hash FROM tickets WHERE spent_height > ? AND outcome <> '' ORDER BY id"+
		s.dialect.forUpdate, height)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var hash hashColumn
		if err := rows.Scan(&hash); err != nil {
			return nil, err
		}
		tickets = append(tickets, chainhash.Hash(hash))
	}
	return tickets, rows.Err()
}

// Counts implements vsp.Scan.
func (s *Store) Counts(ctx context.Context) (vsp.Counts, error) {
	c, err := s.counts(ctx)
	if err != nil {
		return vsp.Counts{}, fmt.Errorf("count outcomes: %w", err)
	}
	return c, nil
}

func (s *Store) counts(ctx context.Context) (c vsp.Counts, err error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT outcome, COUNT(*) FROM tickets WHERE fee_status = ? GROUP BY outcome",
		string(vsp.FeeConfirmed))
	if err != nil {
		return c, err
	}
	defer func() { _ = rows.Close() }()
	count := map[vsp.Outcome]*int64{
		vsp.NoOutcome: &c.Voting, vsp.Voted: &c.Voted, vsp.Missed: &c.Missed, vsp.Expired: &c.Expired,
	}
	for rows.Next() {
		var outcome vsp.Outcome
		var n int64
		if err := rows.Scan(&outcome, &n); err != nil {
			return c, err
		}
		into, ok := count[outcome]
		if !ok {
			return c, fmt.Errorf("unknown outcome %q", outcome)
		}
		*into = n
	}
	return c, rows.Err()
}
