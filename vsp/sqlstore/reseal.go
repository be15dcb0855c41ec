package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// Reseal seals with another key all that is sealed, in one transaction: whatever ends it, the database is of the old key
// or of the new. Progress, which may be nil, is told how many of how many are done. Nobody may be serving with the
// database. Afterwards close the Store, and open it with the new key.
//
// Backups that were written before stay sealed with the old key. So does what a server keeps of the past in its logs; an
// SQLite file is cleared of it.
func (s *Store) Reseal(ctx context.Context, to *Sealer, progress func(done, total int)) error {
	err := s.writer.write(ctx, func(ctx context.Context, tx transaction) error {
		if err := s.mustBeIdle(ctx, tx); err != nil {
			return err
		}
		r := resealing{tx: tx, from: s.sealer, to: to, progress: progress}
		return r.all(ctx)
	})
	if err != nil {
		return fmt.Errorf("reseal: %w", err)
	}
	if err := s.writer.purge(ctx); err != nil {
		return fmt.Errorf("all is sealed with the new key, but the file's free space may still hold what was sealed with the "+
			"old one: restore a new backup into a new file, and delete this one: %w", err)
	}
	return nil
}

// resealing is under way in a transaction.
type resealing struct {
	tx          transaction
	from, to    *Sealer
	progress    func(done, total int)
	done, total int
}

func (r *resealing) all(ctx context.Context) error {
	if err := r.proof(ctx); err != nil {
		return err
	}
	err := queryRow(ctx, r.tx, `SELECT (SELECT COUNT(*) FROM tickets WHERE voting_key IS NOT NULL) +
		(SELECT COUNT(*) FROM changes) + (SELECT COUNT(*) FROM alt_signers)`).Scan(&r.total)
	if err != nil {
		return fmt.Errorf("count what is sealed: %w", err)
	}
	if err := r.each(ctx, "SELECT id, hash, voting_key FROM tickets WHERE hash > ? ORDER BY hash LIMIT ?", r.ticket); err != nil {
		return err
	}
	if err := r.each(ctx, "SELECT 0, ticket, request FROM alt_signers WHERE ticket > ? ORDER BY ticket LIMIT ?", r.altSigner); err != nil {
		return err
	}
	if r.done != r.total {
		return fmt.Errorf("%d of %d are sealed anew: the others belong to no ticket", r.done, r.total)
	}
	return nil
}

// proof compares the keys with what the database was sealed with, and makes it the new one.
func (r *resealing) proof(ctx context.Context) error {
	var proof []byte
	if err := queryRow(ctx, r.tx, "SELECT proof FROM sealing WHERE id = 1").Scan(&proof); err != nil {
		return fmt.Errorf("read the proof of the key: %w", err)
	}
	if _, err := r.to.open(proof, proofAbout); err == nil {
		return errors.New("it is sealed with the new key already")
	}
	if _, err := r.from.open(proof, proofAbout); err != nil {
		return errors.New("it is not sealed with the old key any more: name the key it was resealed with")
	}
	if err := r.tx.exec(ctx, "UPDATE sealing SET proof = ? WHERE id = 1", r.to.seal(nil, proofAbout)); err != nil {
		return fmt.Errorf("store the proof of the key: %w", err)
	}
	return nil
}

// sealedRow is a row with something sealed, which is nil if there is nothing.
type sealedRow struct {
	id     int64
	ticket chainhash.Hash
	sealed []byte
}

// each gives f every row of a query, which takes where to begin and how many to return. A transaction of MySQL can change
// nothing while it reads rows, so they are read some at a time.
func (r *resealing) each(ctx context.Context, query string, f func(context.Context, sealedRow) error) error {
	const some = 500
	last := []byte{} // which is before every hash
	for {
		rows, err := r.some(ctx, query, last, some)
		if err != nil {
			return fmt.Errorf("read what is sealed: %w", err)
		}
		for _, row := range rows {
			if err := f(ctx, row); err != nil {
				return fmt.Errorf("ticket %v: %w", row.ticket, err)
			}
			last = row.ticket[:]
		}
		if len(rows) < some {
			return nil
		}
	}
}

func (r *resealing) some(ctx context.Context, query string, args ...any) (all []sealedRow, err error) {
	rows, err := r.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row sealedRow
		if err := rows.Scan(&row.id, (*hashColumn)(&row.ticket), &row.sealed); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// ticket seals a ticket's voting key, and its changes.
func (r *resealing) ticket(ctx context.Context, t sealedRow) error {
	if t.sealed != nil {
		if err := r.again(ctx, t.sealed, aboutKey(t.ticket), "UPDATE tickets SET voting_key = ? WHERE id = ?", t.id); err != nil {
			return err
		}
	}
	changes, err := r.some(ctx, "SELECT c.id, t.hash, c.request FROM changes c JOIN tickets t ON t.id = c.ticket WHERE t.id = ?", t.id)
	if err != nil {
		return fmt.Errorf("read its changes: %w", err)
	}
	for _, c := range changes {
		if err := r.again(ctx, c.sealed, aboutRequest(t.ticket), "UPDATE changes SET request = ? WHERE id = ?", c.id); err != nil {
			return err
		}
	}
	return nil
}

func (r *resealing) altSigner(ctx context.Context, a sealedRow) error {
	return r.again(ctx, a.sealed, aboutRequest(a.ticket), "UPDATE alt_signers SET request = ? WHERE ticket = ?", a.ticket[:])
}

// again seals something with the new key and stores it by an update of the row with a key.
func (r *resealing) again(ctx context.Context, sealed []byte, about, update string, key any) error {
	plain, err := r.from.open(sealed, about)
	if err != nil {
		return err
	}
	if err := r.tx.exec(ctx, update, r.to.seal(plain, about), key); err != nil {
		return err
	}
	r.done++
	if r.progress != nil {
		r.progress(r.done, r.total)
	}
	return nil
}
