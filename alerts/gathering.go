package alerts

import (
	"cmp"
	"slices"
	"time"
)

// What opens together is told together: it has one cause more often than not, and whoever is woken by it wants one mail.

// moment is how long what was found at one look may take to be told to the Desk.
const moment = 100 * time.Millisecond

// owe notes an event that somebody must act on. What is owed already says as much. The caller says when it is told.
func (d *docket) owe(c *condition, event Event, now time.Time) {
	if c.Owed == "" {
		c.Owed, c.OwedAt = event, now
	}
	c.Alert = c.alert
	d.changed[c.Incident.Key] = true
}

// clamp keeps an observer whose clock is ahead of ours from delaying what is owed.
func (d *docket) clamp(now time.Time) {
	for _, c := range d.cases {
		if c.Owed != "" && c.OwedAt.After(now) {
			c.OwedAt = now
		}
	}
}

// callAt returns when what is owed is told, if something is.
func (d *docket) callAt() (at time.Time, ok bool) {
	doubtful := false
	for _, c := range d.cases {
		doubtful = doubtful || !c.open() && c.badRun > 0
		if d.ripe(c) && (!ok || c.OwedAt.Before(at)) {
			at, ok = c.OwedAt, true
		}
	}
	if doubtful {
		return at.Add(d.rules.Gather), ok
	}
	return at.Add(min(d.rules.Gather, moment)), ok
}

// calls tells what is owed once it is time.
func (d *docket) calls(now time.Time) []*Notice {
	if at, ok := d.callAt(); !ok || at.After(now) {
		return nil
	}
	return d.call(now, nil)
}

// ripe reports whether something is owed that may be told: no maintenance forbids it, and it was not last seen well.
func (d *docket) ripe(c *condition) bool {
	return c.Owed != "" && c.goodSince.IsZero() && d.quietUntil(c).IsZero()
}

// call tells what is owed, and of one condition in any case, the worst first, whoever has acknowledged what was before.
func (d *docket) call(now time.Time, also *condition) []*Notice {
	owed := d.sorted(func(c *condition) bool { return c == also || d.ripe(c) })
	slices.SortStableFunc(owed, func(a, b *condition) int { return int(b.Incident.Severity - a.Incident.Severity) })
	join(owed)
	var notices []*Notice
	for _, c := range owed {
		event := c.Owed
		c.Owed = ""
		c.Incident.Called, c.Incident.Acked, c.Incident.AckedBy = now, time.Time{}, ""
		notices = append(notices, d.notice(c, event, now))
	}
	return notices
}

// join has what opens be told in one thread: that of the oldest of those that were told before, or else of the worst.
func join(owed []*condition) {
	var lane string
	oldest := 0
	for _, c := range owed {
		if c.Seq > 0 && (oldest == 0 || c.Incident.Number < oldest) {
			lane, oldest = c.Incident.Thread(), c.Incident.Number
		}
	}
	for _, c := range owed {
		if c.Seq == 0 {
			lane = cmp.Or(lane, c.Incident.ID)
			c.Incident.Lane = lane
		}
	}
}

// kin is what of an event goes into one notice with others of its thread. An end stands alone, for it has its own outcome.
func (n *Notice) kin() string {
	kin := n.Incident.Thread()
	switch n.Event {
	case Opened, Reopened, Worsened:
		return kin + " calls"
	case Reminded, Escalated:
		return kin + " time"
	case Acknowledged:
		return kin + " acknowledged"
	}
	return kin + " " + n.Incident.ID
}

// bundle makes one notice of those that belong together, and keeps the order otherwise. The worst names it.
func bundle(notices []*Notice) []Notice {
	var bundles []Notice
	place := map[string]int{}
	for _, n := range notices {
		i, known := place[n.kin()]
		if !known {
			place[n.kin()] = len(bundles)
			bundles = append(bundles, *n)
			continue
		}
		b := bundles[i]
		if n.Incident.Severity > b.Incident.Severity {
			first := b.parts()
			b = *n
			b.With = first
		} else {
			b.With = append(slices.Clone(b.With), n.parts()...)
		}
		slices.SortStableFunc(b.With, func(a, b Part) int {
			return cmp.Or(int(b.Incident.Severity-a.Incident.Severity), a.Incident.Number-b.Incident.Number)
		})
		bundles[i] = b
	}
	return bundles
}
