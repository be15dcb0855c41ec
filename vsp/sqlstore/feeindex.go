package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/decred/dcrd/hdkeychain/v3"
)

// lastIndex is the last of a branch: those that follow are hardened, and do not derive from a public key.
const lastIndex = hdkeychain.HardenedKeyStart - 1

// FeeIndex is the last index that was given out of an extended public key. The first is 1.
type FeeIndex struct {
	XPub string
	Last uint32
}

// NextFeeIndex implements vsp.Store. The index is durable before it is returned: one whose caller dies is skipped.
func (s *Store) NextFeeIndex(ctx context.Context, xpub string) (uint32, error) {
	index, err := s.moveFeeIndex(ctx, xpub, func(last uint32) (uint32, error) {
		if last >= lastIndex {
			return 0, errors.New("the branch has no index left: name the xpub of another account")
		}
		return last + 1, nil
	})
	if err != nil {
		return 0, fmt.Errorf("take the next fee index: %w", err)
	}
	return index, nil
}

// RaiseFeeIndex has NextFeeIndex go on after atLeast, if it is not further already.
func (s *Store) RaiseFeeIndex(ctx context.Context, xpub string, atLeast uint32) error {
	_, err := s.moveFeeIndex(ctx, xpub, func(last uint32) (uint32, error) {
		if atLeast > lastIndex {
			return 0, fmt.Errorf("%d is not the index of a public key: the last is %d", atLeast, lastIndex)
		}
		return max(last, atLeast), nil
	})
	if err != nil {
		return fmt.Errorf("raise the fee index: %w", err)
	}
	return nil
}

// moveFeeIndex makes what next says the last index that was given out of a key. The last is 0 before the first.
func (s *Store) moveFeeIndex(ctx context.Context, xpub string, next func(last uint32) (uint32, error)) (to uint32, err error) {
	for {
		err = s.writer.write(ctx, func(ctx context.Context, tx transaction) error {
			to, err = s.moveIn(ctx, tx, xpub, next)
			return err
		})
		// Another process may have been the first with this key at the same time. It is there now.
		if !s.dialect.duplicate(err) {
			return to, err
		}
	}
}

func (s *Store) moveIn(ctx context.Context, tx transaction, xpub string,
	next func(last uint32) (uint32, error)) (to uint32, err error) {
	var last uint32
	change := "UPDATE fee_indexes SET last = ? WHERE xpub = ?"
	row := queryRow(ctx, tx, "SELECT last FROM fee_indexes WHERE xpub = ?"+s.dialect.forUpdate, xpub)
	if err := row.Scan(&last); errors.Is(err, sql.ErrNoRows) {
		change = "INSERT INTO fee_indexes (last, xpub) VALUES (?, ?)"
	} else if err != nil {
		return 0, err
	}
	if to, err = next(last); err != nil {
		return 0, err
	}
	return to, tx.exec(ctx, change, to, xpub)
}

// FeeIndexes returns the last index that was given out of each key.
func (s *Store) FeeIndexes(ctx context.Context) ([]FeeIndex, error) {
	all, err := feeIndexes(ctx, s.reader)
	if err != nil {
		return nil, fmt.Errorf("read fee indexes: %w", err)
	}
	return all, nil
}

func feeIndexes(ctx context.Context, q querier) (all []FeeIndex, err error) {
	rows, err := q.QueryContext(ctx, "SELECT xpub, last FROM fee_indexes ORDER BY xpub")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var f FeeIndex
		if err := rows.Scan(&f.XPub, &f.Last); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, rows.Err()
}
