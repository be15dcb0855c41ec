package alerts

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"
)

// Store keeps incidents and undelivered notices, so that they outlive the process. It is safe for concurrent use.
type Store interface {
	// Load returns all that is kept.
	Load() (State, error)

	// Commit makes a change, whole or not at all. After nil it outlives a crash. To make the same change twice is to make
	// it once.
	Commit(change Change) error
}

// Condition is what outlives a restart of one key: its newest incident.
type Condition struct {
	Incident Incident
	Alert    Alert     // as last told
	Seq      int       // of the incident's newest event that was told
	Told     time.Time // when that was, or when it ended untold
	Owed     Event     // Opened, Reopened or Worsened, if that is still to be told
	OwedAt   time.Time // since when
}

// State is all that a Store keeps.
type State struct {
	Number     int                        // of the newest incident
	Conditions []Condition                // by number
	Outbox     []Notice                   // what is not delivered, by Place
	Guests     []Guest                    // by address
	Notes      map[string]json.RawMessage // what else must outlive a restart, by name
}

// Change is one step from State to State.
type Change struct {
	Number     int                        // of the newest incident; a lower one than is kept changes nothing
	Conditions map[Key]*Condition         // nil forgets the key
	Put        []Notice                   // into the outbox
	Done       []NoticeID                 // out of it, after Put
	Guests     map[string]*Guest          // by address; nil forgets the guest
	Notes      map[string]json.RawMessage // nil forgets the name
}

// NoticeID names a notice among all that ever were.
type NoticeID struct {
	Incident string
	Seq      int
	To       string
}

// ID returns the notice's name.
func (n Notice) ID() NoticeID { return NoticeID{n.Incident.ID, n.Seq, n.To} }

func (a NoticeID) compare(b NoticeID) int {
	return cmp.Or(cmp.Compare(a.Incident, b.Incident), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.To, b.To))
}

func (c *Change) empty() bool {
	return len(c.Conditions)+len(c.Put)+len(c.Done)+len(c.Guests)+len(c.Notes) == 0
}

// add puts a later change on top of this one.
func (c *Change) add(later Change) {
	if c.Conditions == nil {
		c.Conditions, c.Guests, c.Notes = map[Key]*Condition{}, map[string]*Guest{}, map[string]json.RawMessage{}
	}
	c.Number = max(c.Number, later.Number)
	maps.Copy(c.Conditions, later.Conditions)
	maps.Copy(c.Guests, later.Guests)
	maps.Copy(c.Notes, later.Notes)
	c.Put, c.Done = append(c.Put, later.Put...), append(c.Done, later.Done...)
}

// sort puts a State into its order.
func (s *State) sort() {
	slices.SortFunc(s.Conditions, func(a, b Condition) int { return cmp.Compare(a.Incident.Number, b.Incident.Number) })
	slices.SortFunc(s.Outbox, func(a, b Notice) int { return cmp.Or(cmp.Compare(a.Place, b.Place), a.ID().compare(b.ID())) })
	slices.SortFunc(s.Guests, func(a, b Guest) int { return cmp.Compare(a.To, b.To) })
}

// Memory is a Store that ends with the process. Its zero value keeps nothing yet.
type Memory struct {
	// Fail, if set, is asked at each Commit whether the change is made all the same and what to answer.
	Fail func(change Change) (apply bool, err error)

	mu         sync.Mutex
	number     int
	conditions map[Key]Condition
	outbox     map[NoticeID]Notice
	guests     map[string]Guest
	notes      map[string]json.RawMessage
}

// Load returns all that is kept.
func (m *Memory) Load() (State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := State{m.number, slices.Collect(maps.Values(m.conditions)), slices.Collect(maps.Values(m.outbox)),
		slices.Collect(maps.Values(m.guests)), maps.Clone(m.notes)}
	s.sort()
	return s, nil
}

// Commit makes a change.
func (m *Memory) Commit(change Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var err error
	if m.Fail != nil {
		var apply bool
		if apply, err = m.Fail(change); !apply {
			return err
		}
	}
	if m.conditions == nil {
		m.conditions, m.outbox, m.guests, m.notes = map[Key]Condition{}, map[NoticeID]Notice{}, map[string]Guest{}, map[string]json.RawMessage{}
	}
	m.number = max(m.number, change.Number)
	for key, c := range change.Conditions {
		if c == nil {
			delete(m.conditions, key)
		} else {
			m.conditions[key] = *c
		}
	}
	for to, g := range change.Guests {
		if g == nil {
			delete(m.guests, to)
		} else {
			m.guests[to] = *g
		}
	}
	for name, note := range change.Notes {
		if note == nil {
			delete(m.notes, name)
		} else {
			m.notes[name] = note
		}
	}
	for _, n := range change.Put {
		m.outbox[n.ID()] = n
	}
	for _, id := range change.Done {
		delete(m.outbox, id)
	}
	return err
}
