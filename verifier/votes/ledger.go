package votes

import "github.com/decred/dcrd/chaincfg/chainhash"

// Outcome is what became of a ticket, as of the last block of a ledger.
type Outcome string

const (
	Unknown  Outcome = "unknown"  // neither bought nor live in the blocks accounted for
	Immature Outcome = "immature" // bought, and not live yet
	Live     Outcome = "live"     // may win, or has won in the last block and its vote is due in the next
	Voted    Outcome = "voted"    // won, and its vote is in the next block
	Missed   Outcome = "missed"   // won, and the next block carries no vote of it
	Expired  Outcome = "expired"  // never won in the whole time given
)

// Outcomes lists all outcomes, the most telling first.
var Outcomes = []Outcome{Missed, Voted, Expired, Live, Immature, Unknown}

// Confirmations is how many blocks make an outcome final, the one that decided it counted in.
const Confirmations = 6

// Entry is the account of one ticket. Heights are 0 where the event has not happened, or happened before the ledger's
// first block and cannot be known from the blocks read.
type Entry struct {
	Ticket  chainhash.Hash
	Outcome Outcome
	Bought  int64 // height of the block that the ticket is in
	Live    int64 // height from which on it may win
	Won     int64 // height of the block whose lottery it won; its vote is due in the next
	Decided int64 // height of the block that holds the vote, or lacks it, or expires the ticket
	Voters  int   // how many winners' votes block Decided carries, if it holds or lacks the ticket's
	Final   bool  // decided, and the block that did has the confirmations that make it final
	Vote    *Vote // nil unless voted
}

// Mismatch is a header that contradicts the live tickets or the lottery before it.
type Mismatch struct {
	Height          int64 // of the header
	Header, Account State // before that block, by the header and by our account
}

// State is what a header says of the tickets before its block.
type State struct {
	PoolSize   int     // live tickets
	FinalState [6]byte // of the lottery among them
}

// Ledger is the account of tickets over a window of blocks. Everything in it is proven by final states up to block To;
// winners that block To itself drew, by the next one only.
type Ledger struct {
	From, To int64 // the blocks accounted for; From-1 if the first one mismatched
	Tip      int64
	TipHash  chainhash.Hash
	Checked  int       // final states that matched
	Mismatch *Mismatch // what ended the account before the end of the window; nil if everything matched
	Entries  []Entry   // in the order asked for
}

// Count returns how many tickets had an outcome.
func (l *Ledger) Count(outcome Outcome) int {
	n := 0
	for _, entry := range l.Entries {
		if entry.Outcome == outcome {
			n++
		}
	}
	return n
}

// Provisional returns how many outcomes are decided but not final.
func (l *Ledger) Provisional() int {
	n := 0
	for _, entry := range l.Entries {
		if entry.Decided != 0 && !entry.Final {
			n++
		}
	}
	return n
}
