package alerts

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Config makes a Desk. Rules and Retry start from DefaultRules and DefaultRetry.
type Config struct {
	Sender     Sender
	Store      Store    // Memory if nil
	Recipients []string // each is told everything, once; may be empty: then incidents are only logged
	Escalation []string // the second circle: told all of an incident from when it is escalated
	Heartbeat  Heartbeat
	Rules      Rules
	Retry      Retry
	Log        *slog.Logger     // required
	Now        func() time.Time // the clock that observations are stamped by; time.Now if nil
}

// Desk turns observations into incidents and has them told. It is safe for concurrent use; no method but Test and Close
// waits for a delivery. Make it with NewDesk and end it with Close.
type Desk struct {
	now        func() time.Time
	log        *slog.Logger
	recipients []string
	escalation []string // without recipients
	heartbeat  Heartbeat
	keeper     *keeper
	outbox     *outbox

	mu     sync.Mutex // guards what follows, and keeps the order of notices from decision to outbox
	closed bool
	guests map[string]Guest // by address; those whose time is over may be among them
	docket *docket
	place  int // of the newest notice
	pulse  pulse
	notes  map[string]json.RawMessage // what callers keep
	timer  *time.Timer                // fires when time brings something next; nil until it does
}

// NewDesk returns a Desk that goes on from what its Store keeps: incidents that were open are, and what was not delivered
// is. Only what waits for somebody who is no recipient any more is dropped.
func NewDesk(config Config) (*Desk, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Store == nil {
		config.Store = &Memory{}
	}
	kept, err := config.Store.Load()
	if err != nil {
		return nil, err
	}
	keeper := &keeper{store: config.Store, log: config.Log}
	recipients := distinct(config.Recipients)
	escalation := slices.DeleteFunc(distinct(config.Escalation), func(to string) bool { return slices.Contains(recipients, to) })
	if len(escalation) == 0 {
		config.Rules.Escalate = 0
	}
	heartbeat := config.Heartbeat
	if heartbeat.To = distinct(heartbeat.To); len(heartbeat.To) == 0 {
		heartbeat.To = recipients
	}
	d := &Desk{
		heartbeat:  heartbeat,
		notes:      map[string]json.RawMessage{},
		now:        config.Now,
		log:        config.Log,
		recipients: recipients,
		escalation: escalation,
		keeper:     keeper,
		guests:     map[string]Guest{},
		outbox: newOutbox(config.Sender, slices.Concat(recipients, escalation, heartbeat.To), config.Retry, keeper, config.Log,
			config.Now),
		docket: newDocket(config.Rules, kept, config.Now().UTC()),
	}
	for _, g := range kept.Guests {
		d.guests[g.To] = g
		d.outbox.admit(g.To)
	}
	maps.Copy(d.notes, kept.Notes)
	d.resume(kept)
	return d, nil
}

func distinct(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}

// resume takes up what was not delivered when the process before this one ended.
func (d *Desk) resume(kept State) {
	undelivered := kept.Outbox
	d.mu.Lock()
	defer d.mu.Unlock()
	var dropped []NoticeID
	for _, n := range undelivered {
		d.place = max(d.place, n.Place)
		if !d.outbox.put(n, nil) {
			dropped = append(dropped, n.ID())
			d.log.Warn("alert dropped: no recipient any more", "incident", n.Incident.Number, "event", string(n.Event), "to", n.To)
		}
	}
	if len(undelivered)+len(d.docket.cases) > 0 {
		d.log.Info("alerts go on", "incidents", len(d.docket.incidents()), "undelivered", len(undelivered)-len(dropped))
	}
	change := d.docket.take()
	change.Done, change.Guests, change.Notes = dropped, d.forgetGuests(d.now()).Guests, d.resumePulse(kept)
	d.keeper.keep(change)
	d.schedule()
}

// Bad takes an observation, made at now, that the condition is bad. The alert's texts are those of this observation and
// may differ from the last; its Severity may rise. After Close it does nothing.
func (d *Desk) Bad(key Key, now time.Time, alert Alert) {
	d.observe(func() []*Notice { return d.docket.bad(key, now.UTC(), alert) })
}

// Good takes an observation, made at now, that the condition is not bad. Only what was really looked at and found well is
// good: what could not be looked at is neither. The outcome is told if this ends an incident: a sentence on the harm
// done ("Nothing was missed."), or nothing when that is not known. After Close it does nothing.
func (d *Desk) Good(key Key, now time.Time, outcome string) {
	d.observe(func() []*Notice { return d.docket.good(key, now.UTC(), outcome) })
}

// Withdraw ends an incident whose subject is gone for good: nobody will ever see it well. The outcome says why. It does
// nothing if the key has no open incident.
func (d *Desk) Withdraw(key Key, now time.Time, outcome string) {
	d.observe(func() []*Notice { return d.docket.withdraw(key, now.UTC(), outcome) })
}

func (d *Desk) observe(decide func() []*Notice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	notices := decide()
	d.docket.clamp(d.now().UTC())
	d.tell(notices...)
	d.schedule()
}

// tell stores what was decided together with the notices for each recipient, what belongs together in one, and then hands them
// to the outbox. A reminder is left out where earlier news of its incident still waits: that says as much, and what a dead
// mail server piles up must not come down as a storm. The caller holds mu.
func (d *Desk) tell(notices ...*Notice) {
	change := d.docket.take()
	for _, n := range notices {
		d.log.Warn("incident "+string(n.Event), "incident", n.Incident.Number, "key", string(n.Incident.Key),
			"title", n.Incident.Title, "severity", n.Incident.Severity.String(), "since", n.Incident.Since)
	}
	change.Put = d.address(notices...)
	if change.empty() {
		return
	}
	d.keeper.keep(change)
	for _, n := range change.Put {
		d.outbox.put(n, nil)
	}
}

// circle is who is told, besides guests.
func (d *Desk) circle(n *Notice) []string {
	if n.Incident.Escalated.IsZero() && n.Event != Tested {
		return d.recipients
	}
	return slices.Concat(d.recipients, d.escalation)
}

// schedule sets the timer to what time brings next. The caller holds mu.
func (d *Desk) schedule() {
	next, ok := d.docket.next()
	if beat, due := d.nextBeat(); due && (!ok || beat.Before(next)) {
		next, ok = beat, true
	}
	switch {
	case !ok && d.timer != nil:
		d.timer.Stop()
	case ok && d.timer == nil:
		d.timer = time.AfterFunc(next.Sub(d.now()), d.pass)
	case ok:
		d.timer.Reset(next.Sub(d.now()))
	}
}

// pass tells what time has brought.
func (d *Desk) pass() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	now := d.now().UTC()
	d.tell(d.docket.pass(now)...)
	d.beat(now)
	d.schedule()
}

// Close takes no more observations, tells what waits to be told with others, and tries to deliver what waits until ctx ends.
// It returns an error that lists what was not delivered; the Store keeps it. A second call does nothing.
func (d *Desk) Close(ctx context.Context) error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.tell(d.docket.call(d.now().UTC(), nil)...)
	d.closed = true
	if d.timer != nil {
		d.timer.Stop()
	}
	d.mu.Unlock()
	err := d.outbox.drain(ctx)
	d.keeper.keep(Change{}) // what is owed
	return err
}
