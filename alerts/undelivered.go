package alerts

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// undelivered returns an error that lists what waits, in a stable order.
func (o *outbox) undelivered() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var errs []error
	for _, l := range o.lanes {
		for i, n := range l.waiting {
			err := fmt.Errorf("incident %d %s to %s not delivered", n.Incident.Number, n.Event, n.To)
			if i == 0 && l.err != nil {
				err = fmt.Errorf("%w: %w", err, l.err)
			}
			errs = append(errs, err)
		}
	}
	slices.SortStableFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// list returns what waits, the oldest first.
func (o *outbox) list() []Waiting {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []Waiting
	for _, l := range o.lanes {
		for i, n := range l.waiting {
			w := Waiting{To: n.To, Incident: n.Incident.Number, More: len(n.With), Event: n.Event, At: n.At}
			if i == 0 && l.err != nil {
				w.Err = l.err.Error()
			}
			all = append(all, w)
		}
	}
	slices.SortFunc(all, func(a, b Waiting) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Incident, b.Incident), cmp.Compare(a.To, b.To))
	})
	return all
}
