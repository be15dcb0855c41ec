package alerts

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// docket is the state of every condition that is not plainly healthy. It decides and does nothing else: each method takes
// an observation or the time, and returns the notices it calls for, in order, not yet addressed to anyone.
type docket struct {
	rules   Rules
	cases   map[Key]*condition
	number  int          // of the newest incident
	changed map[Key]bool // whose kept part has changed since take

	windows windows
	untidy  bool // windows have changed since take
}

// condition is what is known of one key.
type condition struct {
	Condition // its zero value until an incident opens; kept after its end, for as long as it may reopen

	alert     Alert     // as last observed
	badRun    int       // bad observations since the last good one
	badSince  time.Time // the first of them
	goodSince time.Time // first good observation since the last bad one; zero if the latest was bad
	waits     time.Time // nothing that time brings is due earlier; zero once it was observed since the start
}

// open reports whether the condition has an incident that is not over.
func (c *Condition) open() bool { return c.Incident.Number > 0 && c.Incident.Resolved.IsZero() }

// newDocket goes on from what was kept.
func newDocket(rules Rules, kept State, now time.Time) *docket {
	rules.Hold = max(rules.Hold, 1)
	d := &docket{rules: rules, cases: map[Key]*condition{}, number: kept.Number, changed: map[Key]bool{}, windows: keptWindows(kept)}
	for _, k := range kept.Conditions {
		d.number = max(d.number, k.Incident.Number)
		switch {
		case k.open():
			d.cases[k.Incident.Key] = &condition{Condition: k, alert: k.Alert, badRun: rules.Hold, badSince: k.Incident.Since, waits: now.Add(startWait)}
		case now.Sub(k.Told) <= rules.Reopen:
			d.cases[k.Incident.Key] = &condition{Condition: k, alert: k.Alert}
		default:
			d.changed[k.Incident.Key] = true
		}
	}
	return d
}

// startWait is how long after a start the first look is waited for before time alone makes a reminder due: it may have
// ended while nobody looked.
const startWait = 2 * time.Minute

// take returns what has changed since the last time, to be stored.
func (d *docket) take() Change {
	change := Change{Number: d.number, Conditions: map[Key]*Condition{}}
	for key := range d.changed {
		if c := d.cases[key]; c != nil {
			kept := c.Condition
			change.Conditions[key] = &kept
		} else {
			change.Conditions[key] = nil
		}
	}
	clear(d.changed)
	if d.untidy {
		change.Notes, d.untidy = d.windowNote(), false
	}
	return change
}

// bad takes an observation that something is wrong.
func (d *docket) bad(key Key, now time.Time, alert Alert) []*Notice {
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
	c.waits = time.Time{}
	if c.open() {
		d.more(c, now)
	} else if c.badRun >= d.rules.Hold {
		d.trouble(c, key, now)
	}
	return d.calls(now)
}

// more notes that the condition of an incident is still bad, or worse.
func (d *docket) more(c *condition, now time.Time) {
	c.Incident.LastBad = now
	if c.badRun == d.rules.Hold {
		c.Incident.Spells++
	}
	if c.alert.Severity > c.Incident.Severity {
		c.Incident.Severity = c.alert.Severity
		d.owe(c, Worsened, now)
	}
}

// trouble opens or reopens an incident.
func (d *docket) trouble(c *condition, key Key, now time.Time) {
	if c.Incident.Number > 0 && c.badSince.Sub(c.Told) <= d.rules.Reopen {
		d.reopen(c, now)
		return
	}
	d.number++
	c.Seq = 0
	c.Incident = Incident{
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
	d.owe(c, Opened, now)
}

func (d *docket) reopen(c *condition, now time.Time) {
	i := &c.Incident
	i.Severity = max(i.Severity, c.alert.Severity)
	i.Since, i.LastBad, i.Resolved, i.Gone = c.badSince, now, time.Time{}, false
	i.Spells++
	if c.Seq == 0 { // it was over before anybody was told
		d.owe(c, Opened, now)
		return
	}
	i.Reopened++
	d.owe(c, Reopened, now)
}

// good takes an observation that nothing is wrong.
func (d *docket) good(key Key, now time.Time, outcome string) []*Notice {
	c := d.cases[key]
	if c == nil {
		return nil
	}
	c.badRun = 0
	if !c.open() {
		if c.Incident.Number == 0 || now.Sub(c.Told) > d.rules.Reopen {
			delete(d.cases, key)
			if c.Incident.Number > 0 {
				d.changed[key] = true
			}
		}
		return nil
	}
	if c.goodSince.IsZero() {
		c.goodSince = now
	}
	if now.Sub(c.goodSince) < d.rules.settle(c.Incident.Reopened) {
		return nil
	}
	return d.resolve(c, now, outcome)
}

// withdraw takes it that the condition cannot be bad any more, nor looked at.
func (d *docket) withdraw(key Key, now time.Time, outcome string) []*Notice {
	c := d.cases[key]
	if c == nil || !c.open() {
		return nil
	}
	c.badRun, c.goodSince, c.Incident.Gone = 0, now, true
	return d.resolve(c, now, outcome)
}

// resolve ends an incident. What is owed is told before its end; what nobody was to be told of ends untold.
func (d *docket) resolve(c *condition, now time.Time, outcome string) []*Notice {
	var notices []*Notice
	if c.Owed != "" && d.quietUntil(c).IsZero() {
		notices = d.call(now, c)
	}
	owed := c.Owed
	c.Incident.Resolved, c.Owed = c.goodSince, ""
	if owed == Opened || owed == Reopened {
		c.Told = now
		d.changed[c.Incident.Key] = true
		d.countUntold(c)
		return notices
	}
	n := d.notice(c, Resolved, now)
	n.Outcome = outcome
	return append(notices, n)
}

// acknowledge notes who takes an incident on, or all that are told in its thread. It returns an error if there is no such
// incident that is open, and nothing if somebody has it already.
func (d *docket) acknowledge(number int, all bool, by string, now time.Time) ([]*Notice, error) {
	c, err := d.numbered(number)
	if err != nil {
		return nil, err
	}
	taken := []*condition{c}
	if all {
		taken = d.sorted(func(other *condition) bool { return other.open() && other.Incident.Thread() == c.Incident.Thread() })
	}
	var notices []*Notice
	if slices.ContainsFunc(taken, d.ripe) {
		notices = d.call(now, nil)
	}
	for _, c := range taken {
		if !c.Incident.Acked.IsZero() {
			continue
		}
		c.Incident.Acked, c.Incident.AckedBy = now, by
		if c.Seq == 0 { // the others were told nothing of it yet, so this neither
			d.changed[c.Incident.Key] = true
			continue
		}
		notices = append(notices, d.notice(c, Acknowledged, now))
	}
	return notices, nil
}

// numbered returns the condition of an open incident.
func (d *docket) numbered(number int) (*condition, error) {
	for _, c := range d.cases {
		if c.Incident.Number != number || number == 0 {
			continue
		}
		if !c.open() {
			return nil, fmt.Errorf("incident %d is over", number)
		}
		return c, nil
	}
	return nil, fmt.Errorf("no incident %d is open", number)
}

// sorted returns some of the conditions that have incidents, by number.
func (d *docket) sorted(which func(*condition) bool) []*condition {
	var some []*condition
	for _, c := range d.cases {
		if c.Incident.Number > 0 && which(c) {
			some = append(some, c)
		}
	}
	slices.SortFunc(some, func(a, b *condition) int { return a.Incident.Number - b.Incident.Number })
	return some
}

// incidents returns those that are open, by number.
func (d *docket) incidents() []Incident {
	var open []Incident
	for _, c := range d.sorted((*condition).open) {
		open = append(open, c.Incident)
	}
	return open
}

// notice stamps the incident's next event.
func (d *docket) notice(c *condition, event Event, now time.Time) *Notice {
	c.Seq++
	c.Told, c.Alert = now, c.alert
	d.changed[c.Incident.Key] = true
	n := &Notice{Event: event, Seq: c.Seq, At: now, Incident: c.Incident, Alert: c.Alert}
	if c.open() && c.Incident.Acked.IsZero() {
		n.Remind = d.rules.Remind
		if c.Incident.Severity == Crit && c.Incident.Escalated.IsZero() && d.rules.Escalate > 0 {
			n.Escalate = max(c.Incident.Called.Add(d.rules.Escalate).Sub(now), time.Second)
		}
	}
	return n
}

// incidentID makes an identity that survives a restart's new count of numbers: no two incidents of one condition begin
// in the same nanosecond.
func incidentID(key Key, first time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", first.UnixNano(), key))
	return fmt.Sprintf("%s-%x", first.UTC().Format("20060102T150405"), sum[:6])
}
