package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
)

// AltSigner implements vsp.AltSigners.
func (s *Store) AltSigner(ctx context.Context, ticket chainhash.Hash) (vsp.AltSigner, error) {
	signer, err := s.altSigner(ctx, ticket)
	if err != nil {
		return vsp.AltSigner{}, fmt.Errorf("read who else signs for ticket %v: %w", ticket, err)
	}
	return signer, nil
}

func (s *Store) altSigner(ctx context.Context, ticket chainhash.Hash) (a vsp.AltSigner, err error) {
	var sealed []byte
	row := s.reader.QueryRowContext(ctx, "SELECT address, request, signature, answered FROM alt_signers WHERE ticket = ?",
		ticket[:])
	err = row.Scan(&a.Address, &sealed, &a.Change.Signature, &a.Change.Answered)
	if errors.Is(err, sql.ErrNoRows) {
		return a, vsp.ErrNoAltSigner
	}
	if err != nil {
		return a, err
	}
	a.Change.Request, err = s.sealer.openRequest(ticket, sealed)
	return a, err
}

// SetAltSigner implements vsp.AltSigners.
func (s *Store) SetAltSigner(ctx context.Context, ticket chainhash.Hash, signer vsp.AltSigner) error {
	request := s.sealer.sealRequest(ticket, signer.Change.Request)
	err := s.writer.write(ctx, func(ctx context.Context, tx transaction) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO alt_signers (ticket, address, request, signature, answered) VALUES (?, ?, ?, ?, ?)",
			ticket[:], signer.Address, request, signer.Change.Signature, signer.Change.Answered)
		return err
	})
	if s.dialect.duplicate(err) {
		err = vsp.ErrAltSignerExists
	}
	if err != nil {
		return fmt.Errorf("store who else signs for ticket %v: %w", ticket, err)
	}
	return nil
}
