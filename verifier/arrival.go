package verifier

import (
	"slices"
	"time"
)

// Arrival is what came of one fault, or of its end.
type Arrival string

// The arrivals.
const (
	Arrived  Arrival = "told"     // a mail came in time, with the nonce, and the domain has signed it
	TooLate  Arrival = "late"     // it came after the time
	NoneCame Arrival = "not told" // none came, and our mailbox was open
	Unsaid   Arrival = "unsaid"   // one came that does not count: not signed, or without the nonce
	Deaf     Arrival = "deaf"     // none came, and it is not known that our mailbox was open
	NotDone  Arrival = "not done" // the fault was not made, or not ended
)

// News is how one fault, or its end, was told of.
type News struct {
	Arrival Arrival
	After   time.Duration // from when it was done to the mail; of Arrived and TooLate
	Why     string        // of Unsaid
	Entry   int64         // of the mail; 0: there is none
}

// Came reports whether there was a mail, whatever is wrong with it.
func (n News) Came() bool { return n.Arrival == Arrived || n.Arrival == TooLate || n.Arrival == Unsaid }

// AlertOutcome is what came of one fault of a demonstration. Of a fault that was made again after the end it is the first time.
type AlertOutcome struct {
	AlertFault
	Begun, Broken, Mending, Mended time.Time // zero: not done
	Note                           string    // why not
	Alert, Recovery                News
	Entries                        []int64 // of the journal: the fault's steps and mails
}

// Outcomes returns what came of each fault, in the order of the plan.
func (d AlertDrill) Outcomes() []AlertOutcome {
	letters := d.Letters()
	all := make([]AlertOutcome, 0, len(d.Plan.Faults))
	for _, f := range d.Plan.Faults {
		o := d.steps(f)
		o.Alert = d.news(letters, f, o.Begun, o.Broken, o.Mending, false)
		o.Recovery = d.news(letters, f, o.Mending, o.Mended, d.next(o.Mended), true)
		for _, n := range []News{o.Alert, o.Recovery} {
			if n.Entry > 0 {
				o.Entries = append(o.Entries, n.Entry)
			}
		}
		slices.Sort(o.Entries)
		all = append(all, o)
	}
	return all
}

// steps gathers when a fault was made and ended.
func (d AlertDrill) steps(f AlertFault) AlertOutcome {
	o := AlertOutcome{AlertFault: f}
	for _, s := range d.Steps {
		if s.Step == StepOver {
			break
		}
		if s.Fault != f.Name {
			continue
		}
		switch s.Step {
		case StepBreak:
			o.Begun = s.At
		case StepBroken:
			o.Broken = s.At
		case StepMend:
			o.Mending = s.At
		case StepMended:
			o.Mended = s.At
		case StepSkipped:
			o.Note = s.Note
		default:
			continue
		}
		o.Entries = append(o.Entries, s.Entry)
	}
	return o
}

// next returns when the next fault was begun, or the end came; zero where neither did.
func (d AlertDrill) next(after time.Time) time.Time {
	for _, s := range d.Steps {
		if s.At.After(after) && (s.Step == StepBreak || s.Step == StepOver) {
			return s.At
		}
	}
	return time.Time{}
}

// news returns how something was told of that was begun at one instant and done at another. A mail without a nonce can only be
// about it before the other thing that it could be about.
func (d AlertDrill) news(letters []Letter, f AlertFault, begun, done, other time.Time, recovery bool) News {
	if begun.IsZero() || done.IsZero() {
		return News{Arrival: NotDone}
	}
	within, best := time.Duration(d.Plan.Within), News{}
	for _, l := range letters {
		if l.At.Before(begun) || l.Ignored || l.Recovery != recovery {
			continue
		}
		n := News{Arrival: Arrived, After: max(l.At.Sub(done), 0), Entry: l.Entry}
		switch about := l.About(f); {
		case l.Unsaid != "" && about:
			n = News{Arrival: Unsaid, Why: l.Unsaid, Entry: l.Entry}
		case l.Unsaid != "" || d.otherNonce(l, f):
			continue
		case !about && (other.IsZero() || l.At.Before(other)) && !l.At.After(done.Add(within)):
			n = News{Arrival: Unsaid, Why: "it does not carry the nonce", Entry: l.Entry}
		case !about:
			continue
		case n.After > within:
			n.Arrival = TooLate
		}
		if best.Arrival == "" || n.Arrival == Arrived && best.Arrival != Arrived {
			best = n
		}
	}
	switch {
	case best.Arrival != "":
		return best
	case d.listened(begun, done.Add(within)):
		return News{Arrival: NoneCame}
	}
	return News{Arrival: Deaf}
}

// otherNonce reports whether a mail is about another fault of the plan.
func (d AlertDrill) otherNonce(l Letter, f AlertFault) bool {
	return slices.ContainsFunc(d.Plan.Faults, func(other AlertFault) bool { return other.Nonce != f.Nonce && l.About(other) })
}

// aboutAny reports whether a mail is about a fault of the plan.
func (d AlertDrill) aboutAny(l Letter) bool { return slices.ContainsFunc(d.Plan.Faults, l.About) }

// Stretch is a time in which nothing was to come.
type Stretch struct {
	From, To time.Time
	Heard    bool     // our mailbox was open throughout
	Noise    []Letter // that the domain has signed, and that came all the same
	Strange  int      // mails that it has not signed, which count for nobody
}

// Calms returns the stretches before faults.
func (d AlertDrill) Calms() []Stretch {
	var all []Stretch
	for i, s := range d.Steps {
		if s.Step != StepCalm {
			continue
		}
		end := s.At
		for _, later := range d.Steps[i+1:] {
			if end = later.At; later.Step == StepBreak || later.Step == StepSkipped || later.Step == StepOver || later.Step == StepFinished {
				break
			}
		}
		all = append(all, d.stretch(s.At, end, true))
	}
	return all
}

// stretch looks at what came from one instant to another.
func (d AlertDrill) stretch(from, to time.Time, calm bool) Stretch {
	s := Stretch{From: from, To: to, Heard: d.listened(from, to)}
	for _, l := range d.Letters() {
		switch {
		case !l.At.After(from), l.At.After(to), l.Ignored:
		case calm && l.Recovery && d.aboutAny(l): // the news of an end may be held back, to see whether it lasts
		case l.Unsaid != "":
			s.Strange++
		default:
			s.Noise = append(s.Noise, l)
		}
	}
	return s
}

// Aftermath is what came after the address had ceased to be a recipient.
type Aftermath struct {
	Stretch
	Over   time.Time     // when that was
	Broken time.Time     // when a fault was made after it; zero: none was
	Watch  time.Duration // how long was listened from then on
	Steps  []int64       // entries
}

// Aftermath reports false where the end has not come.
func (d AlertDrill) Aftermath() (Aftermath, bool) {
	var a Aftermath
	last := time.Time{}
	for _, s := range d.Steps {
		switch {
		case s.Step == StepOver && s.Until != nil && a.Over.IsZero():
			a.Over, a.Steps = *s.Until, append(a.Steps, s.Entry)
		case s.Step == StepBroken && !a.Over.IsZero() && a.Broken.IsZero():
			a.Broken, a.Steps = s.At, append(a.Steps, s.Entry)
		}
		last = s.At
	}
	if a.Over.IsZero() {
		return a, false
	}
	a.Stretch = d.stretch(a.Over.Add(time.Duration(d.Plan.Grace)), last, false)
	if !a.Broken.IsZero() {
		a.Watch = last.Sub(a.Broken)
	}
	return a, true
}
