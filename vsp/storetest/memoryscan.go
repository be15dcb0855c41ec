package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
)

// The rest of a Store: what is not of one ticket.

// Position implements vsp.Scan.
func (m *Memory) Position(ctx context.Context) (p vsp.Position, err error) {
	err = m.do(ctx, "Position", func() error {
		p = m.position
		return nil
	})
	if err != nil {
		return vsp.Position{}, err
	}
	return p, nil
}

// Settle implements vsp.Scan.
func (m *Memory) Settle(ctx context.Context, from, p vsp.Position, found []vsp.Spend) error {
	return m.do(ctx, "Settle", func() error {
		if from != m.position {
			return vsp.ErrMoved
		}
		for _, s := range found {
			if r, ok := m.tickets[s.Ticket]; ok {
				r.ticket.Outcome, r.ticket.SpentHeight, r.ticket.SpentBy = s.Outcome, s.Height, s.By
			}
		}
		m.position = p
		return nil
	})
}

// Rewind implements vsp.Scan.
func (m *Memory) Rewind(ctx context.Context, from, p vsp.Position) (taken []chainhash.Hash, err error) {
	err = m.do(ctx, "Rewind", func() error {
		if from != m.position {
			return vsp.ErrMoved
		}
		for _, hash := range m.order {
			t := &m.tickets[hash].ticket
			if t.Outcome != vsp.NoOutcome && t.SpentHeight > p.Height {
				t.Outcome, t.SpentHeight, t.SpentBy = vsp.NoOutcome, 0, chainhash.Hash{}
				taken = append(taken, hash)
			}
		}
		m.position = p
		return nil
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// Counts implements vsp.Scan.
func (m *Memory) Counts(ctx context.Context) (c vsp.Counts, err error) {
	err = m.do(ctx, "Counts", func() error {
		for _, r := range m.tickets {
			if r.ticket.Fee.Status != vsp.FeeConfirmed {
				continue
			}
			switch r.ticket.Outcome {
			case vsp.NoOutcome:
				c.Voting++
			case vsp.Voted:
				c.Voted++
			case vsp.Missed:
				c.Missed++
			case vsp.Expired:
				c.Expired++
			}
		}
		return nil
	})
	if err != nil {
		return vsp.Counts{}, err
	}
	return c, nil
}

// NextFeeIndex implements vsp.Store.
func (m *Memory) NextFeeIndex(ctx context.Context, xpub string) (index uint32, err error) {
	err = m.do(ctx, "NextFeeIndex", func() error {
		if m.indexes == nil {
			m.indexes = make(map[string]uint32)
		}
		m.indexes[xpub]++
		index = m.indexes[xpub]
		return nil
	})
	if err != nil {
		return 0, err
	}
	return index, nil
}

// touch leaves a note that a ticket was updated. The lock must be held.
func (m *Memory) touch(ticket chainhash.Hash) {
	m.touched++
	m.touches = append(m.touches, vsp.Touch{ID: m.touched, Ticket: ticket})
}

// Touched implements vsp.Touches.
func (m *Memory) Touched(ctx context.Context, limit int) (notes []vsp.Touch, err error) {
	err = m.do(ctx, "Touched", func() error {
		notes = append(notes, m.touches[:min(limit, len(m.touches))]...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return notes, nil
}

// Heard implements vsp.Touches.
func (m *Memory) Heard(ctx context.Context, notes []vsp.Touch) error {
	return m.do(ctx, "Heard", func() error {
		m.touches = slices.DeleteFunc(m.touches, func(t vsp.Touch) bool { return slices.Contains(notes, t) })
		return nil
	})
}

// Lead implements vsp.Lease.
func (m *Memory) Lead(ctx context.Context, holder string, d time.Duration) (leads bool, err error) {
	err = m.do(ctx, "Lead", func() error {
		now := time.Now()
		if leads = m.leader == holder || !now.Before(m.until); leads {
			m.leader, m.until = holder, now.Add(d)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	return leads, nil
}

// Resign implements vsp.Lease.
func (m *Memory) Resign(ctx context.Context, holder string) error {
	return m.do(ctx, "Resign", func() error {
		if m.leader == holder {
			m.leader, m.until = "", time.Time{}
		}
		return nil
	})
}

// AltSigner implements vsp.AltSigners.
func (m *Memory) AltSigner(ctx context.Context, ticket chainhash.Hash) (signer vsp.AltSigner, err error) {
	err = m.do(ctx, "AltSigner", func() error {
		of, ok := m.signers[ticket]
		if !ok {
			return vsp.ErrNoAltSigner
		}
		signer = vsp.AltSigner{Address: of.Address, Change: copied(of.Change)}
		return nil
	})
	if err != nil {
		return vsp.AltSigner{}, err
	}
	return signer, nil
}

// TicketAndSigner implements vsp.AltSigners.
func (m *Memory) TicketAndSigner(ctx context.Context, ticket chainhash.Hash) (vsp.Ticket, string, error) {
	return m.ticketAndSigner(ctx, "TicketAndSigner", ticket)
}

// SetAltSigner implements vsp.AltSigners.
func (m *Memory) SetAltSigner(ctx context.Context, ticket chainhash.Hash, signer vsp.AltSigner) error {
	return m.do(ctx, "SetAltSigner", func() error {
		if _, ok := m.signers[ticket]; ok {
			return vsp.ErrAltSignerExists
		}
		if m.signers == nil {
			m.signers = make(map[chainhash.Hash]vsp.AltSigner)
		}
		m.signers[ticket] = vsp.AltSigner{Address: signer.Address, Change: copied(signer.Change)}
		return nil
	})
}
