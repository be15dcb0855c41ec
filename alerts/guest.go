package alerts

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
)

// Guest is a recipient for a while: somebody who is to see that alerts arrive, such as who reviews the service. Until its end
// it is told everything that recipients are told, and after it nothing, not even what waits for it.
type Guest struct {
	To    string
	Nonce string // that each of its notices carries, so that it knows them to be meant for it; may be empty
	Since time.Time
	Until time.Time
}

// The shortest and the longest that a guest may stay. A guest is forgotten by itself, so that nobody has to think of it; who is
// to stay for longer is no guest.
const (
	MinStay = 10 * time.Second
	MaxStay = 31 * 24 * time.Hour
)

// nonce is what may stand in a header and be found again in any mail.
var nonce = regexp.MustCompile(`^[A-Za-z0-9._-]{0,64}$`)

// Invite takes in a guest from now on. One that is there already stays until the new end, with the new nonce. It returns why
// that cannot be, as a sentence for whoever asked.
func (d *Desk) Invite(to, nonceText string, stay time.Duration, now time.Time) (Guest, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return Guest{}, errClosed
	case to == "":
		return Guest{}, fmt.Errorf("a guest needs an address")
	case stay < MinStay:
		return Guest{}, fmt.Errorf("for %v is too short: a guest stays for %v at least", stay, MinStay)
	case stay > MaxStay:
		return Guest{}, fmt.Errorf("for %v is too long: a guest stays for 31 days at most. Who is to stay is a recipient", stay)
	case !nonce.MatchString(nonceText):
		return Guest{}, fmt.Errorf("the nonce %q has other than letters, digits, dots, dashes and underscores, or more than 64 of them", nonceText)
	case slices.Contains(d.recipients, to):
		return Guest{}, fmt.Errorf("%s is told everything already, by the configuration", to)
	}
	g := Guest{To: to, Nonce: nonceText, Since: now.UTC(), Until: now.UTC().Add(stay)}
	if before, there := d.guests[to]; there && before.here(now) {
		g.Since = before.Since
	}
	change := d.forgetGuests(now)
	change.Guests[to] = &g
	d.guests[to] = g
	d.keeper.keep(change)
	d.outbox.admit(to)
	d.log.Warn("guest is told everything", "to", to, "until", g.Until)
	return g, nil
}

// Dismiss ends a guest's stay before its time. It returns an error if there is no such guest.
func (d *Desk) Dismiss(to string, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, there := d.guests[to]
	if d.closed {
		return errClosed
	}
	if !there || !g.here(now) {
		return fmt.Errorf("there is no guest %s", to)
	}
	change := d.forgetGuests(now)
	change.Guests[to] = nil
	delete(d.guests, to)
	d.keeper.keep(change)
	d.outbox.dismiss(to)
	d.log.Warn("guest is told nothing more", "to", to)
	return nil
}

// Guests returns who is there now, in the order of their ends.
func (d *Desk) Guests(now time.Time) []Guest {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.guestsAt(now)
}

// guestsAt returns who is there. The caller holds mu.
func (d *Desk) guestsAt(now time.Time) []Guest {
	here := slices.DeleteFunc(slices.Collect(maps.Values(d.guests)), func(g Guest) bool { return !g.here(now) })
	slices.SortFunc(here, func(a, b Guest) int { return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.To, b.To)) })
	return here
}

// forgetGuests drops whose time is over. The caller holds mu.
func (d *Desk) forgetGuests(now time.Time) Change {
	change := Change{Guests: map[string]*Guest{}}
	for to, g := range d.guests {
		if !g.here(now) {
			change.Guests[to] = nil
			delete(d.guests, to)
			d.outbox.dismiss(to)
		}
	}
	return change
}

// here reports whether the guest is to be told at now.
func (g Guest) here(now time.Time) bool { return now.Before(g.Until) }

// address returns what each recipient is told of some notices, what belongs together in one. It leaves out reminders of what
// there is earlier news of that waits. The caller holds mu.
func (d *Desk) address(notices ...*Notice) []Notice {
	var all []Notice
	add := func(to Guest, told func(n *Notice) bool) {
		bundles := bundle(slices.DeleteFunc(slices.Clone(notices), func(n *Notice) bool {
			return !told(n) || n.Event == Reminded && d.outbox.waits(to.To, n.Incident)
		}))
		for _, n := range bundles {
			d.place++
			n.To, n.Nonce, n.Until, n.Place = to.To, to.Nonce, to.Until, d.place
			all = append(all, n)
		}
	}
	for _, to := range slices.Concat(d.recipients, d.escalation) {
		add(Guest{To: to}, func(n *Notice) bool { return slices.Contains(d.circle(n), to) })
	}
	for _, g := range d.guests {
		add(g, func(n *Notice) bool { return g.here(n.At) && !slices.Contains(d.circle(n), g.To) })
	}
	return all
}
