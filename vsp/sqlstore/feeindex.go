package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/decred/dcrd/hdkeychain/v3"
)

// NextFeeIndex implements vsp.Store. The index is durable before it is returned: one whose caller dies is skipped.
func (s *Store) NextFeeIndex(ctx context.Context, xpub string) (uint32, error) {
	var last int64
	err := s.write(ctx, func(tx *sql.Tx) error {
		row := tx.QueryRowContext(ctx, "SELECT last FROM fee_indexes WHERE xpub = ?", xpub)
		if err := row.Scan(&last); errors.Is(err, sql.ErrNoRows) {
			last = 1
			_, err := tx.ExecContext(ctx, "INSERT INTO fee_indexes (xpub, last) VALUES (?, ?)", xpub, last)
			return err
		} else if err != nil {
			return err
		}
		last++
		if last >= hdkeychain.HardenedKeyStart {
			return errors.New("the branch has no index left")
		}
		_, err := tx.ExecContext(ctx, "UPDATE fee_indexes SET last = ? WHERE xpub = ?", last, xpub)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("take the next fee index: %w", err)
	}
	return uint32(last), nil
}
