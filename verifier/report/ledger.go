package report

import (
	"encoding/hex"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier"
	"scrutineer/verifier/votes"
)

// Ledger is what the chain says of the listed tickets, in sum. Made and missed count what is decided; of it, provisional
// is what may still change.
type Ledger struct {
	From          int64     `json:"from"`    // first block
	To            int64     `json:"to"`      // last block
	ToHash        string    `json:"to_hash"` // its hash; empty if no block was read
	Listed        int       `json:"listed"`
	Complete      bool      `json:"complete"`     // the list claims to have every ticket of the VSP
	CompleteBy    string    `json:"complete_by"`  // who claims it: "vsp", by its signature, "reviewer", or nobody
	ListHeight    *int64    `json:"list_height"`  // the block that the VSP signed the list at; null of a plain one
	ListEntries   []int64   `json:"list_entries"` // of the journal, that the list changed with
	Removed       []Removal `json:"list_removed"` // listed once, and not in the last list; counted all the same
	Made          int       `json:"made"`
	Missed        int       `json:"missed"`
	Expired       int       `json:"expired"`
	Live          int       `json:"live"`
	Immature      int       `json:"immature"`
	Unknown       int       `json:"unknown"`
	Provisional   int       `json:"provisional"`
	MissedBy      MissedBy  `json:"missed_by"`       // of the final ones
	MissRateBound float64   `json:"miss_rate_bound"` // upper bound with the operator's and the unknown ones, at the policy's confidence
	FinalStates   int       `json:"final_states_matched"`
	FinalMismatch *Mismatch `json:"final_state_mismatch"` // null if all matched
}

// Removal is a ticket that was taken out of the list.
type Removal struct {
	Ticket string `json:"ticket"`
	Entry  int64  `json:"entry"` // of the journal, that took it out
}

// MissedBy says who is to answer for the final misses.
type MissedBy struct {
	Operator int `json:"operator"`
	Network  int `json:"network"`
	Unknown  int `json:"unknown"`
}

// Mismatch is the block whose header contradicts the account of the tickets before it.
type Mismatch struct {
	Height int64  `json:"height"`
	Got    string `json:"got"`  // final state by our account, hex
	Want   string `json:"want"` // by the header, hex
}

// Ticket is one ticket's account. Heights are null where the event has not happened or cannot be known.
type Ticket struct {
	Ticket  string          `json:"ticket"`
	Outcome string          `json:"outcome"` // "made", "missed", "expired", "live", "immature", "unknown"
	Final   bool            `json:"final"`
	Bought  *int64          `json:"bought"`
	Live    *int64          `json:"live"`
	Won     *int64          `json:"won"`     // block whose lottery it won
	Decided *int64          `json:"decided"` // block that has the vote, or lacks it, or expires the ticket
	Voters  *int            `json:"voters"`  // how many votes that block has
	Vote    *Vote           `json:"vote"`
	Blame   verifier.Blame  `json:"blame,omitempty"` // of a missed one
	Why     string          `json:"why,omitempty"`
	Cites   []verifier.Cite `json:"cites,omitempty"` // entries of the journals
}

// Vote is a vote as it stands in its block.
type Vote struct {
	Hash    string `json:"hash"`
	Bits    uint16 `json:"bits"`
	Version uint32 `json:"version"`
}

func newLedger(e verifier.Evidence, misses []verifier.Miss) Ledger {
	t := verifier.NewTally(e, misses)
	_, worst := t.Bounds(e.Policy.Confidence)
	count := func(o votes.Outcome) int { return e.Ledger.Count(o) }
	l := Ledger{From: e.Ledger.From, To: e.Ledger.To, Listed: len(e.Ledger.Entries), Complete: e.Complete,
		Made: count(votes.Voted), Missed: count(votes.Missed), Expired: count(votes.Expired), Live: count(votes.Live),
		Immature: count(votes.Immature), Unknown: count(votes.Unknown), Provisional: t.Provisional,
		MissedBy: MissedBy{t.Operator, t.Network, t.Unknown}, MissRateBound: worst, FinalStates: e.Ledger.Checked}
	l.addList(e)
	if hash, ok := e.Census.Hash(e.Ledger.To); ok {
		l.ToHash = hash.String()
	}
	if m := e.Ledger.Mismatch; m != nil {
		l.FinalMismatch = &Mismatch{m.Height, hex.EncodeToString(m.Account.FinalState[:]), hex.EncodeToString(m.Header.FinalState[:])}
	}
	return l
}

// Who says that a list is complete.
const (
	byVSP      = "vsp"
	byReviewer = "reviewer"
)

// addList says where the listed tickets come from.
func (l *Ledger) addList(e verifier.Evidence) {
	l.ListEntries, l.Removed = append([]int64{}, e.Listing.Entries...), []Removal{}
	switch {
	case e.Listing.File.Signed:
		l.CompleteBy, l.ListHeight = byVSP, &e.Listing.File.Height
	case e.Complete:
		l.CompleteBy = byReviewer
	}
	for _, r := range e.Listing.Removed() {
		l.Removed = append(l.Removed, Removal{r.Ticket.String(), r.Entry})
	}
}

func newTickets(e verifier.Evidence, misses []verifier.Miss) []Ticket {
	missed := make(map[chainhash.Hash]verifier.Miss, len(misses))
	for _, m := range misses {
		missed[m.Entry.Ticket] = m
	}
	tickets := make([]Ticket, 0, len(e.Ledger.Entries))
	for _, entry := range e.Ledger.Entries {
		t := Ticket{Ticket: entry.Ticket.String(), Outcome: outcome(entry), Final: e.Final(entry), Bought: known(entry.Bought),
			Live: known(entry.Live), Won: known(entry.Won), Decided: known(entry.Decided), Voters: known(entry.Voters)}
		if entry.Vote != nil {
			t.Vote = &Vote{entry.Vote.Tx.String(), entry.Vote.Bits, entry.Vote.Version}
		}
		if m, ok := missed[entry.Ticket]; ok {
			t.Blame, t.Why, t.Cites = m.Blame, m.Why, m.Cites
		}
		tickets = append(tickets, t)
	}
	return tickets
}

// known returns nil for 0, which stands for what is not known.
func known[T int | int64](value T) *T {
	if value == 0 {
		return nil
	}
	return &value
}
