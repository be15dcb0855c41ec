package alerts

import (
	"slices"
	"time"
)

// What time alone brings: reminders, and the call for the second circle.

// due returns what time brings next, and when. It brings nothing for what was last seen well, for that must not be called
// bad, nor for what somebody has taken on.
func (d *docket) due(c *condition) (event Event, at time.Time) {
	if !c.open() || !c.goodSince.IsZero() || !c.Incident.Acked.IsZero() {
		return "", time.Time{}
	}
	if d.rules.Remind > 0 {
		event, at = Reminded, c.Told.Add(d.rules.Remind)
	}
	if c.Incident.Severity == Crit && d.rules.Escalate > 0 && c.Incident.Escalated.IsZero() {
		if call := c.Incident.Called.Add(d.rules.Escalate); event == "" || !call.After(at) {
			event, at = Escalated, call
		}
	}
	if at.Before(c.waits) {
		at = c.waits
	}
	return event, at
}

// next returns when time brings something next, if it does.
func (d *docket) next() (next time.Time, ok bool) {
	for _, c := range d.cases {
		if event, at := d.due(c); event != "" && (!ok || at.Before(next)) {
			next, ok = at, true
		}
	}
	return next, ok
}

// pass returns what time has brought, by number.
func (d *docket) pass(now time.Time) []*Notice {
	var notices []*Notice
	for _, c := range d.cases {
		event, at := d.due(c)
		if event == "" || at.After(now) {
			continue
		}
		if event == Reminded {
			c.Incident.Reminders++
		} else {
			c.Incident.Escalated = now
		}
		notices = append(notices, d.notice(c, event, now))
	}
	slices.SortFunc(notices, func(a, b *Notice) int { return a.Incident.Number - b.Incident.Number })
	return notices
}
