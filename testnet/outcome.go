package testnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// account is the part of report.json that a plain count can be held against.
type account struct {
	Rows []struct {
		ID      string   `json:"row"`
		Verdict string   `json:"verdict"`
		Says    []string `json:"says"`
	} `json:"rows"`
	Ledger struct {
		Made     int       `json:"made"`
		Missed   int       `json:"missed"`
		Mismatch *struct{} `json:"final_state_mismatch"`
	} `json:"ledger"`
	Tickets []accountTicket `json:"tickets"`
}

// accountTicket is what the report says of a ticket.
type accountTicket struct {
	Ticket  string `json:"ticket"`
	Outcome string `json:"outcome"`
	Decided *int64 `json:"decided"`
	Blame   string `json:"blame"`
	Vote    *struct {
		Hash string `json:"hash"`
	} `json:"vote"`
}

// verdicts is what a trial must come to: the rows that it can judge. All others are UNPROVEN; TR-5 among them, although
// what the VSP says of its votes is found true, because how many of its wallets are online cannot be seen from outside.
var verdicts = map[string]string{
	"TR-1": "PASS", // the front end was up throughout
	"TR-2": "FAIL", // votes were missed while all wallets were locked
	"TR-3": "FAIL", // and so not one wallet was ready then
	"PL-4": "PASS", // the machines are where they are said to be, far from each other
	"PL-5": "PASS",
	"PL-6": "PASS", // the site has no address but the front end's
}

// placeRows are those that can be judged only where machines can have places.
var placeRows = map[string]bool{"PL-4": true, "PL-5": true, "PL-6": true}

// Check returns what of the trial did not come out as it was played: nothing if the verifier saw all that was done and
// nothing else, and each mail was due.
func (t *Trial) Check() error {
	raw, err := os.ReadFile(filepath.Join(t.Network.Plan.Dir, "report.json"))
	if err != nil {
		return fmt.Errorf("read report: %w", err)
	}
	var a account
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("decode report: %w", err)
	}
	return errors.Join(t.checkRows(a), t.checkLedger(a), t.checkMisses(), t.checkMails())
}

func (t *Trial) checkRows(a account) error {
	var errs []error
	for _, row := range a.Rows {
		want, judged := verdicts[row.ID]
		if t.Places == nil && placeRows[row.ID] {
			judged = false
		}
		if !judged {
			want = "UNPROVEN"
		}
		if row.Verdict != want {
			errs = append(errs, fmt.Errorf("row %s is %s, it must be %s: %s", row.ID, row.Verdict, want, strings.Join(row.Says, " ")))
		}
	}
	return errors.Join(errs...)
}

// checkLedger holds the report against the plain count. All that was missed is the operator's to answer for.
func (t *Trial) checkLedger(a account) error { return a.agrees(t.Tickets, t.Fates, "operator") }

// agrees holds a report against the plain count, ticket by ticket. Blame is who must be to answer for every miss; empty if
// nothing is said of that.
func (a account) agrees(tickets []chainhash.Hash, fates *Fates, blame string) error {
	var errs []error
	if len(a.Tickets) != len(tickets) || a.Ledger.Mismatch != nil {
		errs = append(errs, fmt.Errorf("the report has %d tickets, there are %d; a final state differs: %t",
			len(a.Tickets), len(tickets), a.Ledger.Mismatch != nil))
	}
	reported := make(map[string]string)
	for _, ticket := range a.Tickets {
		text := ticket.Outcome
		switch {
		case text == "live", text == "immature":
			text = "unspent"
		case ticket.Decided != nil && ticket.Vote != nil:
			text += fmt.Sprintf(" in block %d by %s", *ticket.Decided, ticket.Vote.Hash)
		case ticket.Decided != nil:
			text += fmt.Sprintf(" in block %d", *ticket.Decided)
		}
		if blame != "" && ticket.Blame != "" {
			text += ", blame: " + ticket.Blame
		}
		reported[ticket.Ticket] = text
	}
	made, missed := 0, 0
	for _, ticket := range tickets {
		want := "unspent"
		switch fate, spent := fates.Of(ticket); {
		case spent && fate.Voted:
			made++
			want = fmt.Sprintf("made in block %d by %s", fate.Height, fate.By)
		case spent && fate.Expired:
			want = fmt.Sprintf("expired in block %d", fate.Height)
		case spent:
			missed++
			want = fmt.Sprintf("missed in block %d", fate.Height)
			if blame != "" {
				want += ", blame: " + blame
			}
		}
		if got := reported[ticket.String()]; got != want {
			errs = append(errs, fmt.Errorf("ticket %s: the report says %q, the chain %q", ticket, got, want))
		}
	}
	if a.Ledger.Made != made || a.Ledger.Missed != missed {
		errs = append(errs, fmt.Errorf("the report has %d votes made and %d missed, the chain %d and %d",
			a.Ledger.Made, a.Ledger.Missed, made, missed))
	}
	return errors.Join(errs...)
}

// checkMisses makes sure that nothing was missed but what had to be.
func (t *Trial) checkMisses() error {
	var errs []error
	locked := t.phase(PhaseLocked)
	for _, ticket := range t.Tickets {
		fate, spent := t.Fates.Of(ticket)
		if spent && !fate.Voted && (fate.Height < locked.From || fate.Height > locked.To) {
			errs = append(errs, fmt.Errorf("ticket %s was missed in block %d; all wallets were locked in blocks %d to %d only",
				ticket, fate.Height, locked.From, locked.To))
		}
	}
	return errors.Join(errs...)
}

// checkMails makes sure that each mail is about a fault that was made, and that the end of each fault was told.
func (t *Trial) checkMails() error {
	conditions := []string{"wallet-2 does not answer", "wallet-1 is locked", "wallet-2 is locked", "wallet-3 is locked"}
	told := make(map[string]int)
	var errs []error
	for _, mail := range t.Mails.Mails() {
		for _, part := range mail.Told() {
			told[part.Condition]++
			if part.State == "OK" {
				told["over: "+part.Condition]++
			}
		}
	}
	for _, condition := range conditions {
		// The second may be that it got worse: the first wallet of several to be locked is not alone for long.
		if n := told[condition]; n < 2 || n > 3 {
			errs = append(errs, fmt.Errorf("%d mails say %q, there must be 2 or 3", n, condition))
		}
		if n := told["over: "+condition]; n != 1 {
			errs = append(errs, fmt.Errorf("%d mails say that %q is over, there must be 1", n, condition))
		}
		delete(told, condition)
		delete(told, "over: "+condition)
	}
	// Each wallet was locked while tickets won.
	const missed = "Votes were missed"
	if told[missed] == 0 {
		errs = append(errs, fmt.Errorf("no mail says that votes were missed"))
	}
	delete(told, missed)
	delete(told, "over: "+missed)
	for condition, n := range told {
		errs = append(errs, fmt.Errorf("%d mails say %q, which nobody has caused", n, condition))
	}
	return errors.Join(errs...)
}
