package alerts

import "time"

// What time alone brings: reminders, the call for the second circle, what has waited for others, the end of maintenance.

// due returns what time brings next, and when. It brings nothing for what was last seen well, for that must not be called
// bad, nor for what somebody has taken on.
func (d *docket) due(c *condition) (event Event, at time.Time) {
	if !c.open() || c.Owed != "" || !c.goodSince.IsZero() || !c.Incident.Acked.IsZero() {
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
	for _, until := range []time.Time{c.waits, d.quietUntil(c)} {
		if at.Before(until) {
			at = until
		}
	}
	return event, at
}

// next returns when time brings something next, if it does.
func (d *docket) next() (next time.Time, ok bool) {
	next, ok = d.callAt()
	earlier := func(at time.Time) {
		if !ok || at.Before(next) {
			next, ok = at, true
		}
	}
	for _, c := range d.cases {
		if event, at := d.due(c); event != "" {
			earlier(at)
		}
	}
	for _, w := range d.windows.UnderWay {
		earlier(w.Until)
	}
	return next, ok
}

// pass returns what time has brought.
func (d *docket) pass(now time.Time) []*Notice {
	notices := d.end(now, func(m Maintenance) bool { return !m.Until.After(now) })
	notices = append(notices, d.calls(now)...)
	for _, c := range d.sorted((*condition).open) {
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
	return notices
}
