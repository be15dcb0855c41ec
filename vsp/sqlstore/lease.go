package sqlstore

import (
	"context"
	"fmt"
	"time"
)

// Lead implements vsp.Lease. The clock is the database's, so that those of the processes need not agree.
func (s *Store) Lead(ctx context.Context, holder string, d time.Duration) (leads bool, err error) {
	err = s.writer.write(ctx, func(ctx context.Context, tx transaction) error {
		query := "SELECT holder = ? OR until <= " + s.dialect.now + " FROM lease WHERE id = 1" + s.dialect.forUpdate
		if err := queryRow(ctx, tx, query, holder).Scan(&leads); err != nil || !leads {
			return err
		}
		return tx.exec(ctx, "UPDATE lease SET holder = ?, until = "+s.dialect.now+" + ? WHERE id = 1", holder, d.Milliseconds())
	})
	if err != nil {
		return false, fmt.Errorf("take the lease: %w", err)
	}
	return leads, nil
}

// Resign implements vsp.Lease.
func (s *Store) Resign(ctx context.Context, holder string) error {
	err := s.writer.write(ctx, func(ctx context.Context, tx transaction) error {
		return tx.exec(ctx, "UPDATE lease SET holder = '', until = 0 WHERE id = 1 AND holder = ?", holder)
	})
	if err != nil {
		return fmt.Errorf("give back the lease: %w", err)
	}
	return nil
}
