// Package storetest is the suite every Store must pass, and a Store in memory that fails on demand.
//
// Run checks each guarantee that is written on vsp.Store, but one: whether what was acknowledged survives the process
// cannot be seen from inside it. That is for each Store's own tests.
package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
)

// Memory is a Store that lasts as long as the process. Its zero value is empty and ready to use, by several goroutines
// at once.
type Memory struct {
	// Fail, if set, is called before each operation with the name of its method. The error it returns is what the
	// caller gets; apply tells whether the operation is carried out nevertheless, as when a connection is lost after
	// the commit. It is called with no lock held. Set it while no operation is under way.
	Fail func(op string) (apply bool, err error)

	mu       sync.Mutex // guards all that follows
	tickets  map[chainhash.Hash]*record
	order    []chainhash.Hash // oldest first
	indexes  map[string]uint32
	position vsp.Position
}

var _ vsp.Store = (*Memory)(nil)

type record struct {
	ticket  vsp.Ticket
	changes []vsp.Change
}

// do carries out one operation under the lock, unless Fail says otherwise.
func (m *Memory) do(ctx context.Context, op string, act func() error) error {
	var fault error
	if m.Fail != nil {
		apply, err := m.Fail(op)
		if err != nil && !apply {
			return err
		}
		fault = err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	err := act()
	if fault != nil {
		return fault
	}
	return err
}

// record returns a ticket's record, or an ErrNoTicket. The lock must be held.
func (m *Memory) record(hash chainhash.Hash) (*record, error) {
	r, ok := m.tickets[hash]
	if !ok {
		return nil, fmt.Errorf("ticket %v: %w", hash, vsp.ErrNoTicket)
	}
	return r, nil
}

// Ticket implements vsp.Tickets.
func (m *Memory) Ticket(ctx context.Context, hash chainhash.Hash) (t vsp.Ticket, err error) {
	err = m.do(ctx, "Ticket", func() error {
		r, err := m.record(hash)
		if err != nil {
			return err
		}
		t = stored(r.ticket)
		return nil
	})
	if err != nil {
		return vsp.Ticket{}, err
	}
	return t, nil
}

// Insert implements vsp.Tickets.
func (m *Memory) Insert(ctx context.Context, t vsp.Ticket) error {
	return m.do(ctx, "Insert", func() error {
		if _, ok := m.tickets[t.Hash]; ok {
			return fmt.Errorf("ticket %v: %w", t.Hash, vsp.ErrTicketExists)
		}
		if m.tickets == nil {
			m.tickets = make(map[chainhash.Hash]*record)
		}
		m.tickets[t.Hash] = &record{ticket: stored(t)}
		m.order = append(m.order, t.Hash)
		return nil
	})
}

// Update implements vsp.Tickets. It always calls act twice, so that nobody comes to rely on one call.
func (m *Memory) Update(ctx context.Context, hash chainhash.Hash,
	act func(*vsp.Ticket) (*vsp.Change, error)) (vsp.Ticket, error) {
	var after vsp.Ticket
	err := m.do(ctx, "Update", func() error {
		r, err := m.record(hash)
		if err != nil {
			return err
		}
		var t vsp.Ticket
		var change *vsp.Change
		for range 2 {
			t = stored(r.ticket)
			if change, err = act(&t); err != nil {
				return err
			}
		}
		if t.Hash != hash {
			return fmt.Errorf("update ticket %v: its hash cannot be changed", hash)
		}
		r.ticket, after = stored(t), stored(t)
		r.add(change)
		return nil
	})
	if err != nil {
		return vsp.Ticket{}, err
	}
	return after, nil
}

// add keeps a change, and lets go of the oldest but the first when there are too many.
func (r *record) add(change *vsp.Change) {
	if change == nil {
		return
	}
	r.changes = append(r.changes, copied(*change))
	if len(r.changes) > vsp.MaxChanges {
		r.changes = slices.Delete(r.changes, 1, 2)
	}
}

// Remove implements vsp.Tickets.
func (m *Memory) Remove(ctx context.Context, hash chainhash.Hash) error {
	return m.do(ctx, "Remove", func() error {
		if r, ok := m.tickets[hash]; !ok || r.ticket.Fee.Status != vsp.FeeNone {
			return nil
		}
		delete(m.tickets, hash)
		m.order = slices.DeleteFunc(m.order, func(h chainhash.Hash) bool { return h == hash })
		return nil
	})
}

// Select implements vsp.Tickets.
func (m *Memory) Select(ctx context.Context, filter vsp.Filter) (found []vsp.Ticket, err error) {
	err = m.do(ctx, "Select", func() error {
		for _, hash := range m.order {
			if t := m.tickets[hash].ticket; matches(filter, t) {
				found = append(found, stored(t))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func matches(f vsp.Filter, t vsp.Ticket) bool {
	return (f.Confirmed == nil || *f.Confirmed == t.Confirmed) &&
		(len(f.Fee) == 0 || slices.Contains(f.Fee, t.Fee.Status)) &&
		(len(f.Outcome) == 0 || slices.Contains(f.Outcome, t.Outcome))
}

// Changes implements vsp.Tickets.
func (m *Memory) Changes(ctx context.Context, hash chainhash.Hash) (changes []vsp.Change, err error) {
	err = m.do(ctx, "Changes", func() error {
		if r, ok := m.tickets[hash]; ok {
			for _, c := range r.changes {
				changes = append(changes, copied(c))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return changes, nil
}

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

// stored returns t as a Store gives it back. It shares nothing with t.
func stored(t vsp.Ticket) vsp.Ticket {
	t.Fee.Expires = time.Unix(t.Fee.Expires.Unix(), 0).UTC()
	t.Fee.Tx = bytesOrNil(t.Fee.Tx)
	t.Choices.Agendas = mapOrNil(t.Choices.Agendas)
	t.Choices.TSpends = mapOrNil(t.Choices.TSpends)
	t.Choices.Treasury = mapOrNil(t.Choices.Treasury)
	return t
}

func copied(c vsp.Change) vsp.Change {
	c.Request = bytesOrNil(c.Request)
	return c
}

func bytesOrNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return slices.Clone(b)
}

func mapOrNil(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return maps.Clone(m)
}
