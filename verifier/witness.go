package verifier

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// LocalVantage is the name of the vantage that the trial itself is: the one whose journal it keeps.
const LocalVantage = "local"

var vantageNames = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// ValidVantage reports whether a vantage on another machine may have a name: it is a folder's, and stands in cites.
func ValidVantage(name string) bool { return vantageNames.MatchString(name) && name != LocalVantage }

// Witness returns what the journal tells of a vantage on another machine, nil if nothing.
func (r *Record) Witness(name string) *Witness {
	for i := range r.Witnesses {
		if r.Witnesses[i].Name == name {
			return &r.Witnesses[i]
		}
	}
	return nil
}

func (r *Record) takeWitness(data []byte) error {
	var w Witness
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if !ValidVantage(w.Name) || r.Witness(w.Name) != nil {
		return fmt.Errorf("%q is no name of a vantage, or one that was there before", w.Name)
	}
	r.Witnesses = append(r.Witnesses, w)
	return nil
}

func (r *Record) takePull(number int64, data []byte) error {
	var p Pull
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	known := r.Witness(p.Vantage)
	if known == nil {
		return fmt.Errorf("nothing was said before of vantage %q", p.Vantage)
	}
	p.Number = number
	known.Pulls = append(known.Pulls, p)
	return nil
}

// Timely returns of each entry of a vantage's journal whether its clock was right when the entry was written.
func (r *Record) Timely(w Witness) func(entry int64) bool {
	return w.Timely(ClockLimit(r.Plan.Policy, time.Duration(r.Plan.Slot)))
}

// TakeSeen takes in an entry of a vantage's journal. Where its clock was not right, only that counts which has no time: what
// its node heard while which block was the tip.
func (r *Record) TakeSeen(vantage string, number int64, kind string, data []byte, timely bool) error {
	var o Observation
	var b Beat
	var err error
	switch kind {
	case EntryObservation:
		err = json.Unmarshal(data, &o)
	case EntryBeat:
		err = json.Unmarshal(data, &b)
	case EntrySight, EntrySite: // a round trip is as long as it is, whatever the clock says
		err = r.Places.takePassage(Cite{vantage, number}, kind, data)
	}
	if err != nil {
		return fmt.Errorf("entry %v: read %s: %w", Cite{vantage, number}, kind, err)
	}
	switch {
	case o.Vantage == vantage && (timely || o.Kind == KindMempool):
		o.Journal, o.Number = vantage, number
		r.Seen = append(r.Seen, o)
	case b.Vantage == vantage && timely:
		r.Beats = append(r.Beats, b)
	}
	return nil
}
