package alerts

import (
	"crypto/sha256"
	"fmt"
	"time"
)

// docket is the state of every condition that is not plainly healthy. It decides and does nothing else: each method takes
// an observation or the time, and returns the notice it calls for, not yet addressed to anyone, or nil.
type docket struct {
	rules  Rules
	cases  map[Key]*condition
	number int // of the newest incident
}

// condition is what is known of one key.
type condition struct {
	incident Incident // its zero value until one opens; kept after its end, for as long as it may reopen
	alert    Alert    // as last observed
	seq      int      // of the incident's newest notice
	told     time.Time

	badRun    int       // bad observations since the last good one
	badSince  time.Time // the first of them
	goodSince time.Time // first good observation since the last bad one; zero if the latest was bad
}

// open reports whether the condition has an incident that is not over.
func (c *condition) open() bool { return c.incident.Number > 0 && c.incident.Resolved.IsZero() }

func newDocket(rules Rules) *docket {
	rules.Hold = max(rules.Hold, 1)
	return &docket{rules: rules, cases: map[Key]*condition{}}
}

// bad takes an observation that something is wrong.
func (d *docket) bad(key Key, now time.Time, alert Alert) *Notice {
	c := d.cases[key]
	if c == nil {
		c = &condition{}
		d.cases[key] = c
	}
	if c.badRun == 0 {
		c.badSince = now
	}
	c.badRun++
	c.goodSince = time.Time{}
	c.alert = alert
	if !c.open() {
		return d.trouble(c, key, now)
	}
	c.incident.LastBad = now
	if c.badRun == d.rules.Hold {
		c.incident.Spells++
	}
	if alert.Severity > c.incident.Severity {
		c.incident.Severity = alert.Severity
		return d.notice(c, Worsened, now)
	}
	return nil
}

// trouble opens or reopens an incident if the condition was bad often enough.
func (d *docket) trouble(c *condition, key Key, now time.Time) *Notice {
	if c.badRun < d.rules.Hold {
		return nil
	}
	if c.incident.Number > 0 && c.badSince.Sub(c.told) <= d.rules.Reopen {
		return d.reopen(c, now)
	}
	d.number++
	c.seq = 0
	c.incident = Incident{
		ID:       incidentID(key, c.badSince),
		Number:   d.number,
		Key:      key,
		Title:    c.alert.Subject + " " + c.alert.Problem,
		Severity: c.alert.Severity,
		First:    c.badSince,
		Since:    c.badSince,
		LastBad:  now,
		Spells:   1,
	}
	return d.notice(c, Opened, now)
}

func (d *docket) reopen(c *condition, now time.Time) *Notice {
	i := &c.incident
	i.Severity = max(i.Severity, c.alert.Severity)
	i.Since, i.LastBad, i.Resolved = c.badSince, now, time.Time{}
	i.Spells++
	i.Reopened++
	return d.notice(c, Reopened, now)
}

// good takes an observation that nothing is wrong.
func (d *docket) good(key Key, now time.Time, outcome string) *Notice {
	c := d.cases[key]
	if c == nil {
		return nil
	}
	c.badRun = 0
	if !c.open() {
		if c.incident.Number == 0 || now.Sub(c.told) > d.rules.Reopen {
			delete(d.cases, key)
		}
		return nil
	}
	if c.goodSince.IsZero() {
		c.goodSince = now
	}
	if now.Sub(c.goodSince) < d.rules.settle(c.incident.Reopened) {
		return nil
	}
	c.incident.Resolved = c.goodSince
	n := d.notice(c, Resolved, now)
	n.Outcome, n.Remind = outcome, 0
	return n
}

// reminder returns when the condition's next reminder is due. There is none for what was last seen well: a reminder
// must not say that something is bad when it is not.
func (d *docket) reminder(c *condition) (due time.Time, ok bool) {
	return c.told.Add(d.rules.Remind), d.rules.Remind > 0 && c.open() && c.goodSince.IsZero()
}

// nextReminder returns when the earliest reminder is due, if any is.
func (d *docket) nextReminder() (next time.Time, ok bool) {
	for _, c := range d.cases {
		if due, any := d.reminder(c); any && (!ok || due.Before(next)) {
			next, ok = due, true
		}
	}
	return next, ok
}

// remind returns the reminders that are due.
func (d *docket) remind(now time.Time) []*Notice {
	var notices []*Notice
	for _, c := range d.cases {
		if due, any := d.reminder(c); any && !due.After(now) {
			c.incident.Reminders++
			notices = append(notices, d.notice(c, Reminded, now))
		}
	}
	return notices
}

// notice stamps the incident's next event.
func (d *docket) notice(c *condition, event Event, now time.Time) *Notice {
	c.seq++
	c.told = now
	return &Notice{Event: event, Seq: c.seq, At: now, Incident: c.incident, Alert: c.alert, Remind: d.rules.Remind}
}

// incidentID makes an identity that survives a restart's new count of numbers: no two incidents of one condition begin
// in the same nanosecond.
func incidentID(key Key, first time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", first.UnixNano(), key))
	return fmt.Sprintf("%s-%x", first.UTC().Format("20060102T150405"), sum[:6])
}
