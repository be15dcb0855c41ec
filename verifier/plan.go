package verifier

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"scrutineer/vsp/network"
)

// Plan is what a trial is to be, as it was written down before anything was seen. All that a report rests on besides what was
// seen, and the chain, is in it.
type Plan struct {
	Name            string    `json:"name"`
	URL             string    `json:"url"`
	PubKey          []byte    `json:"pubkey"`
	Network         string    `json:"network"`
	Slot            Duration  `json:"slot"`
	Duration        Duration  `json:"duration"`    // 0: until it is stopped
	FromHeight      int64     `json:"from_height"` // 0: the tip as the trial began
	Controls        []string  `json:"controls"`
	TicketsComplete bool      `json:"tickets_complete"` // the reviewer says that a plain list has every ticket of the VSP
	Policy          Policy    `json:"policy"`
	Begins          time.Time `json:"begins"` // the first slot, UTC

	Places *PlacesPlan `json:"places,omitempty"` // nil: nobody measures where the machines are
}

// Duration is a time.Duration that is text in JSON, such as "1m0s".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// SameTrial reports whether two plans are of one trial: what tells trials apart must not change.
func (p Plan) SameTrial(other Plan) bool {
	return p.Name == other.Name && p.URL == other.URL && string(p.PubKey) == string(other.PubKey) && p.Network == other.Network && p.Slot == other.Slot
}

// Mistake says what is wrong with a plan, and is nil if nothing is.
func (p Plan) Mistake() error {
	wrong := p.Policy.Mistakes()
	keys := slices.Sorted(maps.Keys(wrong))
	_, err := network.Lookup(p.Network)
	switch {
	case err != nil:
		return err
	case p.Slot <= 0 || p.Duration < 0 || p.FromHeight < 0:
		return fmt.Errorf("slots of %v for %v from block %d on are none", time.Duration(p.Slot), time.Duration(p.Duration), p.FromHeight)
	case p.Begins.IsZero():
		return errors.New("when the first slot begins is missing")
	case len(keys) > 0:
		return fmt.Errorf("policy: %s %s", keys[0], wrong[keys[0]])
	}
	return p.Places.Mistake()
}

// Target returns whom the plan is about.
func (p Plan) Target() (Target, error) {
	profile, err := network.Lookup(p.Network)
	return Target{Name: p.Name, URL: p.URL, PubKey: p.PubKey, Network: profile}, err
}

// PlanChange is one thing that was planned otherwise before.
type PlanChange struct {
	Entry int64     `json:"entry"` // of the journal
	At    time.Time `json:"at"`    // UTC
	Slots int       `json:"slots"` // that were over by then
	What  string    `json:"what"`  // as in the plan, such as "policy.uptime"
	Was   string    `json:"was"`
	Now   string    `json:"now"`
}

// changes returns how a plan differs from the one before it.
func (p Plan) changes(before Plan, entry int64, at time.Time) ([]PlanChange, error) {
	return p.differences(before, p, entry, at)
}

// differences returns how something that was written down before the trial, or in its course, differs from what it was.
func (p Plan) differences(before, after any, entry int64, at time.Time) ([]PlanChange, error) {
	differences, err := Compare(before, after)
	if err != nil {
		return nil, err
	}
	slots := NewWindow(p.Begins, at, time.Duration(p.Slot), 0, false).Slots
	var all []PlanChange
	for _, d := range differences {
		text := func(value string) string { return strings.Trim(value, `"`) }
		all = append(all, PlanChange{Entry: entry, At: at.UTC(), Slots: slots, What: d.Path, Was: text(d.A), Now: text(d.B)})
	}
	return all, nil
}
