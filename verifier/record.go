package verifier

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"scrutineer/verifier/votes"
)

// Kinds of entries in a trial's journal, besides those that the journal itself makes.
const (
	EntryStart       = "start"       // Plan; the first entry
	EntryPlan        = "plan"        // Plan: it was changed
	EntryFile        = "file"        // FileChange
	EntryObservation = "observation" // Observation
	EntryBeat        = "beat"        // Beat: a round is whole
	EntryStop        = "stop"        // the verifier ended as it should
	EntryWitness     = "vantage"     // Witness: a vantage on another machine, and its journal's key
	EntryPull        = "pull"        // Pull: what came of asking it for its journal
	EntryClock       = "clock"       // our own clock was set
	EntrySight       = "sight"       // location.Sight: a measurement of how far away a host is
	EntryAlertDrill  = "alert-drill" // AlertStep: of a demonstration that alerts arrive
	EntryLookup      = "lookup"      // location.Lookup: what a database says of the hosts' addresses
	EntrySite        = "site"        // location.Site: what addresses the VSP's site has
)

// Record is what a trial's journal tells, taken in entry by entry. Together with the chain it is all that a report rests on.
type Record struct {
	Plan    Plan
	Changes []PlanChange
	Listing Listing
	Drills  DrillLog
	Seen    []Observation
	Beats   []Beat
	Last    time.Time // when the last entry was written, UTC
	Stopped bool      // the last entry says that the verifier ended as it should

	Witnesses []Witness // in the order of their first entries

	Places Places // where the machines are
	Alerts AlertLog

	files  map[string]*History
	target Target
}

// Begun reports whether there is a plan.
func (r *Record) Begun() bool { return !r.Plan.Begins.IsZero() }

// File returns a file beside the trial as it was last.
func (r *Record) File(name string) *History {
	if r.files == nil {
		r.files = make(map[string]*History)
	}
	if r.files[name] == nil {
		r.files[name] = new(History)
	}
	return r.files[name]
}

// Take takes in one entry, which must come after all before it. Its error says that the entry is none of a trial's journal.
func (r *Record) Take(number int64, at time.Time, kind string, data []byte) error {
	if kind != EntryAlertDrill || !r.Stopped { // a demonstration may come after the trial
		r.Last, r.Stopped = at, kind == EntryStop
	}
	var err error
	switch kind {
	case EntryStart, EntryPlan:
		err = r.takePlan(number, at, kind, data)
	case EntryFile:
		err = r.takeFile(number, at, data)
	case EntryObservation:
		o := Observation{}
		err = json.Unmarshal(data, &o)
		o.Number = number
		r.Seen = append(r.Seen, o)
	case EntryBeat:
		b := Beat{}
		err = json.Unmarshal(data, &b)
		r.Beats = append(r.Beats, b)
	case EntryWitness:
		err = r.takeWitness(data)
	case EntryPull:
		err = r.takePull(number, data)
	case EntrySight, EntryLookup, EntrySite:
		err = r.Places.takePassage(Own(number), kind, data)
	case EntryAlertDrill:
		err = r.Alerts.Take(number, data)
	}
	if err != nil {
		return fmt.Errorf("entry %d: read %s: %w", number, kind, err)
	}
	return nil
}

func (r *Record) takePlan(number int64, at time.Time, kind string, data []byte) error {
	var plan Plan
	if err := json.Unmarshal(data, &plan); err != nil {
		return err
	}
	if err := plan.Mistake(); err != nil {
		return err
	}
	before := r.Plan
	switch first := kind == EntryStart; {
	case first && r.Begun():
		return errors.New("the trial has begun before: a journal is of one trial only")
	case !first && !plan.SameTrial(before):
		return errors.New("it is of another trial")
	case !first:
		changes, err := plan.changes(before, number, at)
		if err != nil {
			return err
		}
		r.Changes = append(r.Changes, changes...)
	}
	r.Plan = plan
	var err error
	r.target, err = plan.Target()
	return err
}

func (r *Record) takeFile(number int64, at time.Time, data []byte) error {
	var c FileChange
	if err := json.Unmarshal(data, &c); err != nil {
		return err
	}
	known := c.File == FileTickets || c.File == FileDrills || c.File == FileDeployment || isSurvey(c.File)
	if !known || !r.Begun() {
		return fmt.Errorf("a trial has no file %q there", c.File)
	}
	if c.File == FileTickets {
		r.Listing.Entries = append(r.Listing.Entries, number)
	}
	whole, err := r.File(c.File).Apply(c)
	if err != nil || !whole {
		return err
	}
	return r.readFile(number, at, c.File, r.File(c.File).Text())
}

// readFile takes in a file beside the trial as it is after a change.
func (r *Record) readFile(number int64, at time.Time, name, text string) error {
	switch name {
	case FileTickets:
		file, err := ReadTicketFile(text, r.target)
		r.Listing.next(number, file)
		return err
	case FileDrills:
		drills, err := ReadDrills(text)
		r.Drills.next(number, drills)
		return err
	case FileDeployment:
		return r.Places.takeDeployment(number, at, r.Plan, text)
	}
	r.Places.takeSurvey(number, name, text)
	return nil
}

// Shopping returns what the mystery shopper did.
func (r *Record) Shopping() *Shopping { return NewShopping(r.target, r.Seen) }

// Query returns what to ask the chain for: the listed tickets and the shopper's, in the blocks of the trial. It reports false
// where no block is known.
func (r *Record) Query() (votes.Query, bool) {
	first, last := r.heights()
	if r.Plan.FromHeight > 0 {
		first = r.Plan.FromHeight
	}
	tickets := slices.Concat(r.Listing.Tickets, r.Shopping().Tickets())
	return votes.Query{Tickets: tickets, From: max(1, first), To: last}, last > 0
}

// Held returns what of a ledger of the Query the VSP is held to.
func (r *Record) Held(l votes.Ledger) votes.Ledger {
	l.Entries = r.Shopping().Due(l.Entries, r.Plan.Policy.MaxLagBlocks)
	return l
}

// heights returns the first and the last height that our own node told of; 0 if it told of none.
func (r *Record) heights() (first, last int64) {
	for _, o := range r.Seen {
		if o.Kind != KindNode || o.Node == nil || o.Journal != "" {
			continue
		}
		if first == 0 {
			first = o.Node.Height
		}
		last = o.Node.Height
	}
	return first, last
}

// Window returns the time that is judged.
func (r *Record) Window() Window {
	return NewWindow(r.Plan.Begins, r.Last, time.Duration(r.Plan.Slot), time.Duration(r.Plan.Duration), r.Stopped)
}

// Evidence returns all that the journal tells. The chain's part is left to the caller.
func (r *Record) Evidence() Evidence {
	if len(r.Witnesses) > 0 { // or else it is in order, whatever the clock did
		slices.SortStableFunc(r.Seen, func(a, b Observation) int { return a.At.Compare(b.At) })
	}
	return Evidence{Target: r.target, Witnesses: r.Witnesses, Policy: r.Plan.Policy, Window: r.Window(), Seen: r.Seen, Beats: r.Beats, Drills: r.Drills.Drills,
		Changes: r.Changes, Listing: r.Listing, Withdrawn: r.Drills.Withdrawn,
		AlertDrills: r.Alerts.Drills,
		Complete:    r.Plan.TicketsComplete || r.Listing.File.Signed}
}
