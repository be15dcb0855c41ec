package verifier

import (
	"slices"

	"scrutineer/verifier/votes"
)

// Evidence is everything that findings are drawn from: what the journal holds, and what the chain says.
type Evidence struct {
	Target Target
	Policy Policy
	Window Window
	Seen   []Observation // in the journal's order
	Beats  []Beat
	Drills []Drill

	Witnesses []Witness // the vantages on other machines

	Ledger   votes.Ledger // of the listed tickets
	Census   *Census      // of the blocks the ledger was read from
	Complete bool         // the list has every ticket whose fee the VSP confirmed, not only some: by its word, or the reviewer's

	Judged []Finding // of rows that another package judges: where the machines are

	Changes   []PlanChange // of the plan, since the trial began
	Listing   Listing      // where the ledger's tickets come from
	Withdrawn []Drill      // taken out of the drill log again

	AlertDrills []AlertDrill // the demonstrations that alerts arrive; the last one counts
}

// Judge returns one finding for each row, in the order of Rows.
func Judge(e Evidence) []Finding {
	misses := Misses(e)
	judged := map[string]Finding{
		"OP-3": judgeVoteVersion(e),
		"TR-1": withRegistrations(e, judgeUptime(e)),
		"TR-2": judgeVotes(e, misses),
		"TR-3": judgeReadiness(e, misses),
		"TR-4": judgeChoices(e),
		"TR-5": withPromises(e, judgeTruth(e)),
		"AL-1": judgeAlerts(e),
		"AL-2": judgeSilence(e),
		"AL-3": judgeEnd(e),
	}
	for _, f := range e.Judged {
		judged[f.Row] = f
	}
	findings := make([]Finding, 0, len(Rows))
	for _, row := range Rows {
		f, ok := judged[row.ID]
		if !ok {
			f = lacking(NotExamined)
		}
		if row.ID == "TR-2" || row.ID == "TR-5" {
			f = e.Listing.told(f)
		}
		f.Row, f.Requirement = row.ID, row.Requirement
		f.Cites = append([]Cite{}, slices.Compact(slices.SortedFunc(slices.Values(f.Cites), Cite.Compare))...)
		f.Numbers = append([]Number{}, f.Numbers...)
		findings = append(findings, f)
	}
	return findings
}

// Count returns how many findings have a verdict.
func Count(findings []Finding, verdict Verdict) int {
	n := 0
	for _, f := range findings {
		if f.Verdict == verdict {
			n++
		}
	}
	return n
}

// NotPassed reports whether a row failed or was refuted.
func NotPassed(findings []Finding) bool {
	return Count(findings, Fail)+Count(findings, Refuted) > 0
}

// unreadable is the finding of a row that needs the chain, where there is nothing to read from it. It reports false
// where there is.
func (e Evidence) unreadable() (Finding, bool) {
	switch {
	case e.Ledger.To == 0:
		return lacking("our own node never told of a block"), true
	case len(e.Ledger.Entries) == 0:
		return lacking("no tickets are listed"), true
	case e.Ledger.Mismatch != nil:
		return lacking("the chain that our node gave does not prove itself: see the ledger"), true
	default:
		return Finding{}, false
	}
}

// Final reports whether a ticket's fate was decided with enough blocks on top, as of the ledger's last block: what was
// read later may not change a report.
func (e Evidence) Final(entry votes.Entry) bool {
	return entry.Decided != 0 && e.Ledger.To-entry.Decided+1 >= votes.Confirmations
}
