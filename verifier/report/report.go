// Package report is the verdict on a VSP and all it rests on, as text for people and as JSON for programs.
//
// It promises that the same evidence gives the same bytes, that every row of the programme is in it, and that each figure
// follows from the journal and the chain. What the evidence means is decided in verifier; this package only shows it.
package report

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"scrutineer/verifier"
	"scrutineer/verifier/votes"
)

// Format names the shape of the JSON. It changes when a field changes its meaning or goes away.
const Format = "scrutineer-report/3"

// The answers, the best first.
const (
	Passed    = "PASSED"     // every row passed or was attested
	NotProven = "NOT PROVEN" // nothing speaks against the VSP, but not every row is proven
	NotPassed = "NOT PASSED" // a row failed or was refuted
)

// Report is the whole report. Times are UTC, shares run from 0 to 1, heights are of blocks.
type Report struct {
	Format   string                   `json:"format"`
	Target   Target                   `json:"target"`
	Answer   string                   `json:"answer"` // one of the answers above
	Counts   map[verifier.Verdict]int `json:"counts"` // rows by verdict
	Window   Window                   `json:"window"`
	Policy   Policy                   `json:"policy"`
	Warnings []verifier.Warning       `json:"warnings"`     // of what is about to be lost; none when the trial is over
	Changes  []verifier.PlanChange    `json:"plan_changes"` // what was planned otherwise when the trial began
	Rows     []verifier.Finding       `json:"rows"`         // every row of the programme, in its order
	Uptime   []Endpoint               `json:"uptime"`
	Shopper  *Registrations           `json:"registrations,omitempty"` // the mystery shopper's; left out where nobody shopped
	Vantages []Vantage                `json:"vantages"`                // where it was watched from, the trial's own first
	Places   *Places                  `json:"places,omitempty"`        // left out where nobody measured
	Wallets  []Wallets                `json:"wallets"`                 // as the VSP said, in the order of time
	Ledger   Ledger                   `json:"ledger"`
	Tickets  []Ticket                 `json:"tickets"` // in the order of the list
	Drills   []Drill                  `json:"drills"`
	Gone     []Drill                  `json:"drills_withdrawn"` // taken out of the drill log again
	Alerts   *AlertDrill              `json:"alerts,omitempty"` // the demonstration that they arrive; left out where there was none
	Evidence Evidence                 `json:"evidence"`
	Check    string                   `json:"check"` // the command that derives this report anew

	// Signed says that a signature goes with it, so that text and page may name it.
	Signed bool `json:"-"`
}

// Check is the command with which anybody derives a report anew.
const Check = "vspverify check-report report.json --journal DIR --node HOST:PORT --cert FILE --user NAME --pass-file FILE"

// Target says who was judged.
type Target struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	PubKey  string `json:"pubkey"` // base64
	Network string `json:"network"`
}

// Window says when.
type Window struct {
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
	SlotSeconds float64   `json:"slot_seconds"`
	Slots       int       `json:"slots"`
	Planned     int       `json:"planned_slots"` // 0 where the trial lasted until it was stopped
	Complete    bool      `json:"complete"`
	Compressed  bool      `json:"compressed"` // slots are shorter than a minute
}

// Policy is the thresholds that were used.
type Policy struct {
	Uptime               float64 `json:"uptime"`
	Coverage             float64 `json:"coverage"`
	MissRate             float64 `json:"miss_rate"`
	Confidence           float64 `json:"confidence"`
	TargetLatencySeconds float64 `json:"target_latency_seconds"`
	MaxLagBlocks         int64   `json:"max_lag_blocks"`
	MaxSkewSeconds       float64 `json:"max_skew_seconds"`
	MinVantages          int     `json:"min_vantages"`
}

// Drill is a fault that somebody made on purpose.
type Drill struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"`
	From  int64  `json:"from"`
	To    int64  `json:"to"`
	Note  string `json:"note"`
	Entry int64  `json:"entry"` // of the journal, that has it, or that took it out
}

// Evidence says what the report was derived from: entries that a checkpoint of the journal covers, and nothing after them.
type Evidence struct {
	Entries    int64  `json:"journal_entries"`
	Root       string `json:"journal_root"`       // of the Merkle tree of these entries (RFC 6962), base64
	Checkpoint int64  `json:"journal_checkpoint"` // number of the one that is on just these entries
	Key        string `json:"journal_key"`        // that the checkpoints are verified with: a verifier key of signed notes (C2SP)
	Gaps       int    `json:"journal_gaps"`       // how often its end was torn by a death and mended
}

// New draws up a report. Places may be nil.
func New(e verifier.Evidence, places *Places, journal Evidence) Report {
	e.Judged = append(slices.Clone(e.Judged), places.judged()...)
	findings := verifier.Judge(e)
	r := Report{
		Format: Format,
		Target: Target{Name: e.Target.Name, URL: e.Target.URL, Network: e.Target.Network.Name,
			PubKey: base64.StdEncoding.EncodeToString(e.Target.PubKey)},
		Answer: answer(findings),
		Counts: make(map[verifier.Verdict]int),
		Window: Window{From: e.Window.Start.UTC(), To: e.Window.End().UTC(), SlotSeconds: e.Window.Slot.Seconds(), Slots: e.Window.Slots,
			Planned: e.Window.Planned, Complete: e.Window.Complete(), Compressed: e.Window.Compressed()},
		Policy: Policy{Uptime: e.Policy.Uptime, Coverage: e.Policy.Coverage, MissRate: e.Policy.MissRate, Confidence: e.Policy.Confidence,
			TargetLatencySeconds: e.Policy.TargetLatency.Seconds(), MaxLagBlocks: e.Policy.MaxLagBlocks,
			MaxSkewSeconds: e.Policy.MaxSkew.Seconds(), MinVantages: e.Policy.MinVantages},
		Rows:     findings,
		Uptime:   []Endpoint{},
		Vantages: newVantages(e),
		Places:   places,
		Shopper:  newRegistrations(e),
		Wallets:  newWallets(e),
		Changes:  append([]verifier.PlanChange{}, e.Changes...),
		Drills:   newDrills(e.Drills),
		Gone:     newDrills(e.Withdrawn),
		Alerts:   newAlertDrill(e),
		Evidence: journal,
		Check:    Check,
	}
	for _, verdict := range verifier.Verdicts {
		r.Counts[verdict] = verifier.Count(findings, verdict)
	}
	uptimes, misses := verifier.Uptimes(e.Window, e.Seen, e.Beats, e.Policy.MinVantages), verifier.Misses(e)
	r.Warnings = append([]verifier.Warning{}, verifier.NewForecast(e, uptimes, misses).Warnings...)
	for _, u := range uptimes {
		r.Uptime = append(r.Uptime, newEndpoint(e.Window, u))
	}
	r.Ledger, r.Tickets = newLedger(e, misses), newTickets(e, misses)
	return r
}

func newDrills(of []verifier.Drill) []Drill {
	drills := make([]Drill, 0, len(of))
	for _, d := range of {
		drills = append(drills, Drill{d.Kind, d.Count, d.From, d.To, d.Note, d.Entry})
	}
	return drills
}

func answer(findings []verifier.Finding) string {
	switch {
	case verifier.NotPassed(findings):
		return NotPassed
	case verifier.Count(findings, verifier.Pass)+verifier.Count(findings, verifier.Attested) == len(findings):
		return Passed
	default:
		return NotProven
	}
}

// JSON returns the report for programs, indented, with a line end.
func (r Report) JSON() ([]byte, error) {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode report: %w", err)
	}
	return append(raw, '\n'), nil
}

// ID is a short name of the report: the beginning of the hash of its JSON (SHA-256).
func (r Report) ID() string {
	raw, err := r.JSON()
	if err != nil {
		return "" // and nobody gets to see it: JSON says why
	}
	return HashOf(raw)[:6]
}

// name is how text and page call the report.
func (r Report) name() string {
	if r.Signed {
		return "report " + r.ID() + ", signed"
	}
	return "report " + r.ID() + ", not signed"
}

// Refuses reports whether the answer is no.
func (r Report) Refuses() bool { return r.Answer == NotPassed }

// made and missed are how tickets' outcomes are called in the report; the others have the ledger's own names.
func outcome(entry votes.Entry) string {
	if entry.Outcome == votes.Voted {
		return "made"
	}
	return string(entry.Outcome)
}
