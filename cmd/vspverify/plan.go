package main

import (
	"time"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
)

// plan is what the configuration says the trial is to be.
func (t *trial) plan() verifier.Plan {
	controls := append([]string{}, t.Controls...)
	return verifier.Plan{Name: t.Name, URL: t.URL, PubKey: t.target.PubKey, Network: t.target.Network.Name, Slot: verifier.Duration(t.Slot),
		Duration: verifier.Duration(t.Duration), FromHeight: t.FromHeight, Controls: controls, TicketsComplete: t.TicketsComplete, Policy: t.policy, Places: t.placesPlan()}
}

// begin returns what the journal tells, with the plan as the configuration has it now: a new trial begins a moment from now, and
// in one that has begun what is planned otherwise becomes an entry.
func (t *trial) begin(book *journal.Journal) (*verifier.Record, error) {
	record, err := t.readJournal()
	if err != nil {
		return nil, err
	}
	plan, kind := t.plan(), verifier.EntryPlan
	if plan.Begins = record.Plan.Begins; !record.Begun() {
		plan.Begins, kind = time.Now().UTC().Round(0).Add(lead), verifier.EntryStart // by the wall clock alone
	}
	changes, err := verifier.Compare(record.Plan, plan)
	if err != nil || len(changes) == 0 {
		return record, err
	}
	if _, err := book.Append(kind, plan); err != nil {
		return nil, err
	}
	record.Plan = plan
	return record, nil
}
