package report

import (
	"fmt"
	"strings"
	"time"

	"scrutineer/verifier"
)

// AlertDrill is the demonstration that alerts arrive: the last that was begun.
type AlertDrill struct {
	To            string      `json:"to"`     // the reviewer's address
	Domain        string      `json:"domain"` // whose signature counts (DKIM)
	From          time.Time   `json:"from"`
	Until         time.Time   `json:"until"` // when the address was to cease to be a recipient
	WithinSeconds float64     `json:"within_seconds"`
	QuietSeconds  float64     `json:"quiet_seconds"`
	WatchSeconds  float64     `json:"watch_seconds"`
	Earlier       int         `json:"earlier"` // demonstrations that were begun before it, and do not count
	Faults        []AlertNews `json:"faults"`
}

// AlertNews is what came of one fault. Seconds count from when the fault was made, or ended, to the mail.
type AlertNews struct {
	Fault           string           `json:"fault"`
	What            string           `json:"what"`
	Nonce           string           `json:"nonce"`
	Broken          *time.Time       `json:"broken"`
	Alert           verifier.Arrival `json:"alert"`
	AlertSeconds    *float64         `json:"alert_seconds"`
	Recovery        verifier.Arrival `json:"recovery"`
	RecoverySeconds *float64         `json:"recovery_seconds"`
	Why             string           `json:"why"` // mails do not count
	Entries         []int64          `json:"entries"`
}

// newAlertDrill returns nil where nothing was demonstrated.
func newAlertDrill(e verifier.Evidence) *AlertDrill {
	d, ok := e.Demonstration()
	if !ok {
		return nil
	}
	p := d.Plan
	a := &AlertDrill{To: p.To, Domain: p.Domain, From: d.Steps[0].At.UTC(), Until: p.Until.UTC(), WithinSeconds: time.Duration(p.Within).Seconds(),
		QuietSeconds: time.Duration(p.Quiet).Seconds(), WatchSeconds: time.Duration(p.Watch).Seconds(), Earlier: len(e.AlertDrills) - 1, Faults: []AlertNews{}}
	for _, o := range d.Outcomes() {
		a.Faults = append(a.Faults, newAlertNews(o))
	}
	return a
}

func newAlertNews(o verifier.AlertOutcome) AlertNews {
	n := AlertNews{Fault: o.Name, What: o.What, Nonce: o.Nonce, Alert: o.Alert.Arrival, Recovery: o.Recovery.Arrival,
		AlertSeconds: after(o.Alert), RecoverySeconds: after(o.Recovery), Entries: append([]int64{}, o.Entries...)}
	if !o.Broken.IsZero() {
		at := o.Broken.UTC()
		n.Broken = &at
	}
	for _, why := range []string{o.Note, o.Alert.Why, o.Recovery.Why} {
		if why != "" {
			n.Why = why
			break
		}
	}
	return n
}

// after is nil where no mail came that counts.
func after(n verifier.News) *float64 {
	if n.Arrival != verifier.Arrived && n.Arrival != verifier.TooLate {
		return nil
	}
	s := n.After.Round(time.Millisecond).Seconds()
	return &s
}

// arrived writes how something was told of.
func arrived(how verifier.Arrival, after *float64) string {
	if after == nil {
		return string(how)
	}
	text := fmt.Sprintf("%.1f s", *after)
	if how == verifier.TooLate {
		text += ", late"
	}
	return text
}

// AlertedAfter and RecoveredAfter are how the page and the text write them.
func (n AlertNews) AlertedAfter() string { return arrived(n.Alert, n.AlertSeconds) }

// RecoveredAfter is how the end was told of.
func (n AlertNews) RecoveredAfter() string { return arrived(n.Recovery, n.RecoverySeconds) }

// Signed says whether a mail with the nonce came that the domain has signed.
func (n AlertNews) Signed() string {
	if n.AlertSeconds == nil {
		return "no"
	}
	return "yes"
}

// alerts tells of the demonstration, a line for each fault.
func (r Report) alerts(p *page) {
	a := r.Alerts
	if a == nil {
		return
	}
	p.title("ALERTS (AL-1 to AL-3)")
	p.wrap("  ", fmt.Sprintf("Shown %s UTC, by mails to %s that %s signed, each within %s.", a.From.Format("02 Jan 2006 15:04"), a.To, a.Domain,
		span(seconds(a.WithinSeconds))))
	p.faults(a.Faults)
}

func (p *page) faults(faults []AlertNews) {
	p.line("  fault            broken     alert after    signed, nonce   over after")
	for _, n := range faults {
		broken := "-"
		if n.Broken != nil {
			broken = n.Broken.Format(time.TimeOnly)
		}
		p.line(fmt.Sprintf("  %-15s  %-9s  %-13s  %-14s  %s", n.Fault, broken, n.AlertedAfter(), n.Signed(), n.RecoveredAfter()))
		if n.Why != "" {
			p.wrap("      ", n.Why)
		}
	}
}

// AlertTable writes what came of a demonstration, a line for each fault, for a terminal.
func AlertTable(d verifier.AlertDrill) string {
	p := new(page)
	var faults []AlertNews
	for _, o := range d.Outcomes() {
		faults = append(faults, newAlertNews(o))
	}
	p.faults(faults)
	return strings.TrimPrefix(p.String(), "\n") + "\n"
}
