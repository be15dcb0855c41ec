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
	touches  []vsp.Touch
	touched  int64 // the last note's ID
	leader   string
	until    time.Time // leader leads until then
	signers  map[chainhash.Hash]vsp.AltSigner
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
	t, _, err = m.ticketAndSigner(ctx, "Ticket", hash)
	return t, err
}

func (m *Memory) ticketAndSigner(ctx context.Context, op string, hash chainhash.Hash) (t vsp.Ticket, signer string, err error) {
	err = m.do(ctx, op, func() error {
		r, err := m.record(hash)
		if err != nil {
			return err
		}
		t, signer = stored(r.ticket), m.signers[hash].Address
		return nil
	})
	if err != nil {
		return vsp.Ticket{}, "", err
	}
	return t, signer, nil
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
		m.touch(hash)
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

// stored returns t as a Store gives it back. It shares nothing with t.
func stored(t vsp.Ticket) vsp.Ticket {
	for _, at := range []*time.Time{&t.Registered, &t.Fee.Expires, &t.Fee.Received} {
		*at = time.Unix(at.Unix(), 0).UTC()
	}
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
