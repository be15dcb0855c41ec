package report

import (
	"fmt"

	"scrutineer/verifier"
)

// Registrations is how the mystery shopper's registrations went. Up, down and unknown are of the first try of each that told
// anything, so that they add up to made.
type Registrations struct {
	Made           int     `json:"made"` // tickets bought for it
	Up             int     `json:"up"`
	Down           int     `json:"down"`
	Unknown        int     `json:"unknown"`
	Granted        int     `json:"granted"`         // in the end
	Confirmed      int     `json:"confirmed"`       // the VSP said that the fee is
	ChoicesChanged int     `json:"choices_changed"` // acknowledged
	LongestSeconds float64 `json:"longest_seconds"` // of those that were up, the VSP's answers together
	Causes         []Cause `json:"causes"`          // why they were down; slots is how many were
}

// newRegistrations returns nil where nobody shopped.
func newRegistrations(e verifier.Evidence) *Registrations {
	n := verifier.CountRegistrations(e)
	if n.Made == 0 {
		return nil
	}
	r := &Registrations{Made: n.Made, Up: n.Up, Down: n.Down, Unknown: n.Unknown, Granted: n.Granted, Confirmed: n.Confirmed,
		ChoicesChanged: n.Choices, LongestSeconds: n.Longest.Seconds(), Causes: []Cause{}}
	for _, reason := range n.Reasons {
		r.Causes = append(r.Causes, Cause{reason.Code, reason.Code.Text(), reason.Code.State().String(), reason.Slots})
	}
	return r
}

// Sentences say how they went, and then each cause of those that were down.
func (r *Registrations) Sentences() []string {
	says := []string{fmt.Sprintf("%d made by the mystery shopper: %d up, %d down, %d unknown; %d granted in the end. The longest took %.2f s. "+
		"Fees confirmed: %d. Choices changed: %d.", r.Made, r.Up, r.Down, r.Unknown, r.Granted, r.LongestSeconds, r.Confirmed, r.ChoicesChanged)}
	for _, c := range r.Causes {
		says = append(says, fmt.Sprintf("%d down: %s (%s)", c.Slots, c.Text, c.Code))
	}
	return says
}

// registrations is the shopper's line under the endpoints.
func (p *page) registrations(r *Registrations) {
	if r == nil {
		return
	}
	for i, says := range r.Sentences() {
		if i == 0 {
			p.wrap("  registration  ", says)
			continue
		}
		p.wrap("    ", says)
	}
}
