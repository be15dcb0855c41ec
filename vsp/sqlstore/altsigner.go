package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
)

const altSignerColumns = "address, request, signature, answered"

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
	row := queryRow(ctx, s.reader, "SELECT "+altSignerColumns+" FROM alt_signers WHERE ticket = ?",
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

// TicketAndSigner implements vsp.AltSigners.
func (s *Store) TicketAndSigner(ctx context.Context, hash chainhash.Hash) (vsp.Ticket, string, error) {
	row := queryRow(ctx, s.reader, "SELECT id, "+columns+", (SELECT address FROM alt_signers WHERE ticket = tickets.hash) "+
		"FROM tickets WHERE hash = ?", hash[:])
	var signer sql.NullString
	_, t, err := s.scan(oneMore{row, &signer})
	if errors.Is(err, sql.ErrNoRows) {
		err = vsp.ErrNoTicket
	}
	if err != nil {
		return vsp.Ticket{}, "", fmt.Errorf("read ticket %v and who else signs for it: %w", hash, err)
	}
	return t, signer.String, nil
}

// oneMore is a row that has one more column behind those that are asked for.
type oneMore struct {
	scanner
	last any
}

func (o oneMore) Scan(into ...any) error { return o.scanner.Scan(append(into, o.last)...) }

// AltSigners returns all of them, by ticket.
func (s *Store) AltSigners(ctx context.Context) (map[chainhash.Hash]vsp.AltSigner, error) {
	all, err := s.altSigners(ctx)
	if err != nil {
		return nil, fmt.Errorf("read who else signs for tickets: %w", err)
	}
	return all, nil
}

func (s *Store) altSigners(ctx context.Context) (map[chainhash.Hash]vsp.AltSigner, error) {
	rows, err := s.reader.QueryContext(ctx, "SELECT ticket, "+altSignerColumns+" FROM alt_signers")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	all := make(map[chainhash.Hash]vsp.AltSigner)
	for rows.Next() {
		var ticket hashColumn
		var sealed []byte
		var a vsp.AltSigner
		if err := rows.Scan(&ticket, &a.Address, &sealed, &a.Change.Signature, &a.Change.Answered); err != nil {
			return nil, err
		}
		if a.Change.Request, err = s.sealer.openRequest(chainhash.Hash(ticket), sealed); err != nil {
			return nil, err
		}
		all[chainhash.Hash(ticket)] = a
	}
	return all, rows.Err()
}

// SetAltSigner implements vsp.AltSigners.
func (s *Store) SetAltSigner(ctx context.Context, ticket chainhash.Hash, signer vsp.AltSigner) error {
	request := s.sealer.sealRequest(ticket, signer.Change.Request)
	err := s.writer.write(ctx, func(ctx context.Context, tx transaction) error {
		return tx.exec(ctx, "INSERT INTO alt_signers (ticket, "+altSignerColumns+") VALUES (?, ?, ?, ?, ?)",
			ticket[:], signer.Address, request, signer.Change.Signature, signer.Change.Answered)
	})
	if s.dialect.duplicate(err) {
		err = vsp.ErrAltSignerExists
	}
	if err != nil {
		return fmt.Errorf("store who else signs for ticket %v: %w", ticket, err)
	}
	return nil
}
