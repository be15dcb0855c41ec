package verifier

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Steps of a demonstration that alerts arrive, as who carries it out writes them down. What takes time has one when it was begun
// and one when it was done.
const (
	StepPlanned  = "plan"      // of what is to be shown: Plan
	StepListened = "listening" // our own mailbox answered us
	StepDeaf     = "deaf"      // it did not, or took no more: what was sent now could not arrive
	StepCalm     = "calm"      // all is well, and nothing may arrive until the next fault
	StepBreak    = "break"     // a fault is about to be made
	StepBroken   = "broken"    // it was made
	StepMend     = "mend"      // it is about to be ended
	StepMended   = "mended"    // it was ended
	StepSkipped  = "skipped"   // a fault could not be made or ended: Note says why
	StepMail     = "mail"      // a mail came: Mail
	StepOver     = "over"      // the address is no recipient any more from Until on
	StepFinished = "finished"  // nothing more is done
)

// AlertStep is one thing that happened in a demonstration.
type AlertStep struct {
	At    time.Time  `json:"at"` // by our clock, UTC
	Step  string     `json:"step"`
	Fault string     `json:"fault,omitempty"`
	Note  string     `json:"note,omitempty"`
	Plan  *AlertPlan `json:"plan,omitempty"`
	Mail  *AlertMail `json:"mail,omitempty"`
	Until *time.Time `json:"until,omitempty"` // of StepOver, UTC

	Entry int64 `json:"-"` // of the journal
}

// AlertPlan is what a demonstration is to show, and by which measure, as it was written down before anything was broken.
type AlertPlan struct {
	To     string            `json:"to"`     // local@domain; mail to local+anything@domain is for it as well
	Domain string            `json:"domain"` // that mails must be signed by (DKIM)
	Keys   map[string]string `json:"keys"`   // TXT records of DKIM keys by their names, where they are not in the DNS; "*" is any name
	Until  time.Time         `json:"until"`  // when the address ceases to be a recipient, UTC

	Within Duration `json:"within"` // of a fault, or its end, a mail must be here
	Quiet  Duration `json:"quiet"`  // how long nothing may come before each fault
	Watch  Duration `json:"watch"`  // how long nothing may come after a fault that is made after the end
	Grace  Duration `json:"grace"`  // how long after the end a mail may still be on its way
	Beat   Duration `json:"beat"`   // how often our own mailbox is tried

	Recovery string `json:"recovery"` // a regular expression: what subjects of mails that something is over have in them
	Ignore   string `json:"ignore"`   // and of those that say nothing of faults, such as a heartbeat

	Faults []AlertFault `json:"faults"`
}

// AlertFault is one kind of fault, and how the mails about it are known.
type AlertFault struct {
	Name  string `json:"name"`
	What  string `json:"what"` // for the operator: what to break
	Mend  string `json:"mend"` // and how it is to end
	Nonce string `json:"nonce"`
}

// AlertMail is a mail as it came into our own mailbox.
type AlertMail struct {
	From string   `json:"from"` // of the envelope
	To   []string `json:"to"`
	TLS  bool     `json:"tls"`
	Raw  []byte   `json:"raw"`

	Keys     map[string]string `json:"keys"`                // TXT records by their names, as the DNS had them then
	NoKey    string            `json:"no_key,omitempty"`    // why there are none
	Verified string            `json:"verified,omitempty"`  // by whose signature, when it came; read only where the signature has an end
	Clock    *time.Time        `json:"signed_to,omitempty"` // that end, UTC
}

// AlertDrill is one demonstration.
type AlertDrill struct {
	Plan  AlertPlan
	Steps []AlertStep
}

// Mistake says what is wrong with a plan, and is nil if nothing is.
func (p AlertPlan) Mistake() error {
	nonces := make(map[string]bool)
	for _, f := range p.Faults {
		if f.Name == "" || len(f.Nonce) < 8 || nonces[f.Nonce] {
			return fmt.Errorf("fault %q needs a name and a nonce of its own", f.Name)
		}
		nonces[f.Nonce] = true
	}
	_, recovery := regexp.Compile(p.Recovery)
	_, ignore := regexp.Compile(p.Ignore)
	switch {
	case len(p.Faults) == 0:
		return errors.New("no fault is to be made")
	case p.To == "" || p.Domain == "":
		return errors.New("a demonstration needs an address, and a domain whose mails count")
	case p.Within <= 0 || p.Quiet < 0 || p.Watch < 0 || p.Grace < 0 || p.Beat <= 0:
		return errors.New("a demonstration needs times that are none below nothing")
	}
	return errors.Join(recovery, ignore)
}

// AlertLog is the demonstrations of a trial, taken in step by step. Each plan begins one.
type AlertLog struct {
	Drills []AlertDrill // in the order in which they began
	Steps  int          // of all of them

	last string // step, as it was written
}

// Take takes in one step, which an entry of the journal has. Its error says that it is none, or comes before any plan.
func (l *AlertLog) Take(number int64, data []byte) error {
	var s AlertStep
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	s.Entry = number
	switch {
	case s.At.IsZero() || s.Step == "":
		return errors.New("it is no step of a demonstration")
	case s.Step == StepPlanned && s.Plan == nil:
		return errors.New("a plan has none in it")
	case s.Step == StepPlanned:
		if err := s.Plan.Mistake(); err != nil {
			return err
		}
		l.Drills = append(l.Drills, AlertDrill{Plan: *s.Plan})
	case len(l.Drills) == 0:
		return fmt.Errorf("step %q comes before any plan", s.Step)
	}
	last := &l.Drills[len(l.Drills)-1]
	last.Steps = append(last.Steps, s)
	l.Steps, l.last = l.Steps+1, string(data)
	return nil
}

// Continues reports whether a line is that of the last step.
func (l *AlertLog) Continues(line string) bool { return line == l.last }

// deafness is how many beats may be missed before nobody is said to have listened.
const deafness = 6

// listened reports whether our mailbox is known to have been open from one instant to another.
func (d AlertDrill) listened(from, to time.Time) bool {
	most := deafness * time.Duration(d.Plan.Beat)
	last, heard := from, false
	for _, s := range d.Steps {
		within := s.At.After(from) && !s.At.After(to)
		switch open := s.Step == StepListened || s.Step == StepMail; {
		case s.Step == StepDeaf && within:
			return false
		case !open:
		case within && s.At.Sub(last) > most:
			return false
		case within:
			last, heard = s.At, true
		default:
			heard = heard || !s.At.Before(from.Add(-most)) && !s.At.After(to.Add(most))
		}
	}
	return heard && to.Sub(last) <= most
}
