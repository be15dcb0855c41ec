package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Lead implements vsp.Lease. The clock is the database's, so that those of the processes need not agree.
func (s *Store) Lead(ctx context.Context, holder string, d time.Duration) (leads bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "UPDATE lease SET holder = ?, until = "+now+" + ? WHERE id = 1 AND (holder = ? OR until <= "+now+")",
			holder, d.Milliseconds(), holder)
		if err != nil {
			return err
		}
		rows, err := done.RowsAffected()
		leads = rows == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take the lease: %w", err)
	}
	return leads, nil
}

// Resign implements vsp.Lease.
func (s *Store) Resign(ctx context.Context, holder string) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE lease SET holder = '', until = 0 WHERE id = 1 AND holder = ?", holder)
		return err
	})
	if err != nil {
		return fmt.Errorf("give back the lease: %w", err)
	}
	return nil
}
