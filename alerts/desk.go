package alerts

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Config makes a Desk. Rules and Retry start from DefaultRules and DefaultRetry.
type Config struct {
	Sender     Sender
	Recipients []string // each is told everything, once; may be empty: then incidents are only logged
	Rules      Rules
	Retry      Retry
	Log        *slog.Logger     // required
	Now        func() time.Time // the clock that observations are stamped by; time.Now if nil
}

// Desk turns observations into incidents and has them told. It is safe for concurrent use; no method but Close waits for
// a delivery. Make it with NewDesk and end it with Close.
type Desk struct {
	now        func() time.Time
	log        *slog.Logger
	recipients []string
	outbox     *outbox

	mu     sync.Mutex // guards what follows, and keeps the order of notices from decision to outbox
	closed bool
	docket *docket
	timer  *time.Timer // fires when the next reminder is due; nil until there is one
}

// NewDesk returns a Desk at which no incident is open.
func NewDesk(config Config) *Desk {
	if config.Now == nil {
		config.Now = time.Now
	}
	recipients := slices.Clone(config.Recipients)
	slices.Sort(recipients)
	recipients = slices.Compact(recipients)
	return &Desk{
		now:        config.Now,
		log:        config.Log,
		recipients: recipients,
		outbox:     newOutbox(config.Sender, recipients, config.Retry, config.Log),
		docket:     newDocket(config.Rules),
	}
}

// Bad takes an observation, made at now, that the condition is bad. The alert's texts are those of this observation and
// may differ from the last; its Severity may rise. After Close it does nothing.
func (d *Desk) Bad(key Key, now time.Time, alert Alert) {
	d.observe(func() *Notice { return d.docket.bad(key, now.UTC(), alert) })
}

// Good takes an observation, made at now, that the condition is not bad. Only what was really looked at and found well is
// good: what could not be looked at is neither. The outcome is told if this ends an incident: a sentence on the harm
// done ("Nothing was missed."), or nothing when that is not known. After Close it does nothing.
func (d *Desk) Good(key Key, now time.Time, outcome string) {
	d.observe(func() *Notice { return d.docket.good(key, now.UTC(), outcome) })
}

func (d *Desk) observe(decide func() *Notice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	if n := decide(); n != nil {
		d.tell(n)
	}
	d.schedule()
}

// tell logs a notice and hands a copy for each recipient to the outbox. The caller holds mu.
func (d *Desk) tell(n *Notice) {
	d.log.Warn("incident "+string(n.Event), "incident", n.Incident.Number, "key", string(n.Incident.Key),
		"title", n.Incident.Title, "severity", n.Incident.Severity.String(), "since", n.Incident.Since)
	for _, to := range d.recipients {
		addressed := *n
		addressed.To = to
		d.outbox.put(addressed)
	}
}

// schedule sets the timer to the next reminder. The caller holds mu.
func (d *Desk) schedule() {
	next, ok := d.docket.nextReminder()
	switch {
	case !ok && d.timer != nil:
		d.timer.Stop()
	case ok && d.timer == nil:
		d.timer = time.AfterFunc(next.Sub(d.now()), d.remind)
	case ok:
		d.timer.Reset(next.Sub(d.now()))
	}
}

// remind tells the reminders that are due.
func (d *Desk) remind() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	for _, n := range d.docket.remind(d.now().UTC()) {
		d.tell(n)
	}
	d.schedule()
}

// Close takes no more observations and tries to deliver what waits until ctx ends. It returns an error that lists what
// was not delivered. A second call does nothing.
func (d *Desk) Close(ctx context.Context) error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	if d.timer != nil {
		d.timer.Stop()
	}
	d.mu.Unlock()
	return d.outbox.drain(ctx)
}
