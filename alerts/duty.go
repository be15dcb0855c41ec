package alerts

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What the people on duty ask of a Desk.

// errClosed is what a Desk answers after Close.
var errClosed = errors.New("the desk is closed")

// Waiting is a notice that is not delivered yet.
type Waiting struct {
	To       string
	Incident int // number
	More     int // events that it tells besides
	Event    Event
	At       time.Time
	Err      string // why the latest attempt failed; empty before, or while earlier news of the incident waits
}

// Delivery is how the first attempt to tell one recipient went.
type Delivery struct {
	To    string
	Taken bool   // the far side has taken charge of it
	Err   string // why not, if not
}

// Open returns the incidents that are not over, by number, and what is not delivered.
func (d *Desk) Open() ([]Incident, []Waiting) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.docket.incidents(), d.outbox.list()
}

// Acknowledge notes that somebody takes an incident on, and tells the others. To say so again changes nothing. It returns
// an error if no incident of this number is open.
func (d *Desk) Acknowledge(number int, by string, now time.Time) error {
	return d.acknowledge(number, false, by, now)
}

// AcknowledgeAll is Acknowledge of an incident and of all that are told in the same thread.
func (d *Desk) AcknowledgeAll(number int, by string, now time.Time) error {
	return d.acknowledge(number, true, by, now)
}

func (d *Desk) acknowledge(number int, all bool, by string, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errClosed
	}
	notices, err := d.docket.acknowledge(number, all, by, now.UTC())
	if err != nil {
		return err
	}
	d.tell(notices...)
	d.schedule()
	return nil
}

// Test sends everybody, the second circle too, a notice that nothing is wrong, on the way that all notices take. It waits
// until each was tried once, or ctx ends. What was not taken then is tried on, unless it was refused for good.
func (d *Desk) Test(ctx context.Context, now time.Time) ([]Delivery, error) {
	n := test(now.UTC())
	d.mu.Lock()
	notices := d.address(&n)
	d.mu.Unlock()
	first := make([]chan error, len(notices))
	if err := d.post(notices, first); err != nil {
		return nil, err
	}
	deliveries := make([]Delivery, len(notices))
	for i, n := range notices {
		deliveries[i] = Delivery{To: n.To}
		select {
		case err := <-first[i]:
			deliveries[i].Taken = err == nil
			if err != nil {
				deliveries[i].Err = err.Error()
			}
		case <-ctx.Done():
			deliveries[i].Err = "not tried yet: others wait before it"
		}
	}
	return deliveries, nil
}

// post stores notices that are of no condition, and hands them to the outbox.
func (d *Desk) post(notices []Notice, first []chan error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errClosed
	}
	d.keeper.keep(Change{Put: notices})
	for i, n := range notices {
		first[i] = make(chan error, 1)
		d.outbox.put(n, first[i])
	}
	return nil
}

// test is a notice that nothing is wrong.
func test(now time.Time) Notice {
	at := now.Format("15:04:05 UTC")
	return Notice{Event: Tested, Seq: 1, At: now,
		Incident: Incident{ID: incidentID("test", now), Key: "test", Title: "Alerts work", First: now, Since: now, LastBad: now},
		Alert: Alert{Subject: "Alerts", Problem: "work",
			What:   fmt.Sprintf("This is a test that somebody asked for at %s. Nothing is wrong.", at),
			Impact: "It came on the way that every alert takes."},
	}
}
