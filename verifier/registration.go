package verifier

import (
	"slices"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier/votes"
	"scrutineer/vsp/vspapi"
)

// Registration is one ticket of the mystery shopper's, as its steps tell.
type Registration struct {
	Ticket chainhash.Hash
	Buy    Observation // with the ticket's transactions

	// State is what a holder would have found who came then: Up where the ticket was registered at the first try that tells
	// anything, Down where that try failed and the VSP is to answer for it. Because is the step that decided.
	State   State
	Because Observation

	Offer   *vspapi.FeeAddressResponse // the one that was paid
	FeeTx   string                     // hex; the only transaction that ever pays for this ticket
	Paid    bool                       // the VSP acknowledged the fee
	Took    time.Duration              // of the answers that granted it
	Asked   time.Time                  // when the fee was handed over last, UTC
	Status  *vspapi.TicketStatusResponse
	Told    Observation // the last signed Status
	Since   int64       // our node's height when the VSP had said that the fee is confirmed; 0 if it has not
	Pending *Choices    // sent, and not known whether they were taken
	Changed int         // how often choices were changed
	Tried   int         // how often choices were sent
	Ended   bool        // nothing more is done
}

// Shopping is all that the mystery shopper did, taken in step by step. Both its judge and the shopper itself, who must know
// after a death where it was, have it from the journal.
type Shopping struct {
	Target        Target
	Registrations []*Registration // in the order in which the tickets were bought
	Spends        map[chainhash.Hash]string

	known map[chainhash.Hash]*Registration
}

// NewShopping returns what was done by some observations.
func NewShopping(target Target, seen []Observation) *Shopping {
	s := &Shopping{Target: target, Spends: make(map[chainhash.Hash]string), known: make(map[chainhash.Hash]*Registration)}
	for _, o := range seen {
		s.Take(o)
	}
	return s
}

// Take takes in one observation, which must come after all before it. What is no step of the
// shopper's changes nothing, nor does what another vantage says: the shopper is where the trial is.
func (s *Shopping) Take(o Observation) {
	if o.Errand == nil || o.Journal != "" {
		return
	}
	ticket := chainhash.Hash(o.Errand.Ticket)
	r := s.known[ticket]
	switch step := o.Errand.Step; {
	case step == StepSpend:
		s.Spends[ticket] = o.Errand.Key
	case step == StepBuy && r == nil:
		r = &Registration{Ticket: ticket, Buy: o}
		s.known[ticket] = r
		s.Registrations = append(s.Registrations, r)
	case r != nil:
		r.take(o, s.Target)
	}
}

func (r *Registration) take(o Observation, target Target) {
	switch o.Errand.Step {
	case StepOffer:
		r.tried(o)
		var offer vspapi.FeeAddressResponse
		if o.Code == OK && o.Exchange.answer(target.PubKey, &offer) == nil {
			r.Offer, r.Took = &offer, o.Took
		}
	case StepFee:
		r.FeeTx = o.Errand.Tx
	case StepPay:
		r.tried(o)
		r.Asked = o.At
		if o.Code == OK {
			r.grant(o)
			r.Took += o.Took
		}
	case StepStatus:
		r.takeStatus(o, target)
	case StepChoose:
		r.Pending = o.Errand.Choices
		r.Tried++
	case StepChange:
		r.takeChange(o, target)
	case StepEnd:
		r.Ended = true
	}
}

// tried takes in a try that failed. The first that says anything counts.
func (r *Registration) tried(o Observation) {
	if r.State == Unknown && o.Code.State() == Down {
		r.State, r.Because = Down, o
	}
}

// grant takes in that the VSP has the fee.
func (r *Registration) grant(o Observation) {
	r.Paid = true
	if r.State == Unknown {
		r.State, r.Because = Up, o
	}
}

// takeStatus takes in where the ticket stands. It also says what became of a fee and of choices whose answer was lost.
func (r *Registration) takeStatus(o Observation, target Target) {
	var status vspapi.TicketStatusResponse
	if o.Code != OK || o.Exchange.answer(target.PubKey, &status) != nil {
		r.wronged(o)
		return
	}
	r.Status, r.Told = &status, o
	if !r.Paid && held(status.FeeTxStatus) {
		r.grant(o)
	}
	if r.Since == 0 && status.FeeTxStatus == feeStatusConfirmed && o.Later != nil {
		r.Since = o.Later.Height
	}
	if r.Pending != nil && (Choices{status.VoteChoices, status.TSpendPolicy, status.TreasuryPolicy}).has(*r.Pending) {
		r.Changed++
	}
	r.Pending = nil
}

func (r *Registration) takeChange(o Observation, target Target) {
	if o.Code == OK {
		r.Changed++
		r.Pending = nil
		return
	}
	if code, refused := o.refusal(target.PubKey); refused && code != vspapi.InvalidTimestamp {
		r.Pending = nil
	}
	r.wronged(o)
}

// wronged takes in an answer that was no answer of the VSP's: the registration was not whole, though its fee was taken.
func (r *Registration) wronged(o Observation) {
	if r.State != Down && (o.Code == BadSignature || o.Code == WrongAnswer) {
		r.State, r.Because = Down, o
	}
}

// What a VSP says of a fee (TicketStatusResponse of vspapi).
const feeStatusConfirmed = "confirmed"

// held reports whether a VSP has taken a fee by what it says of it.
func held(status string) bool {
	return status == "received" || status == "broadcast" || status == feeStatusConfirmed
}

// Owed returns the tickets that the VSP has said, signed, to vote for, and from which height of our own node on.
func (s *Shopping) Owed() map[chainhash.Hash]int64 {
	owed := make(map[chainhash.Hash]int64)
	for _, r := range s.Registrations {
		if r.Since > 0 {
			owed[r.Ticket] = r.Since
		}
	}
	return owed
}

// Tickets returns the tickets of Owed in the order in which they were bought.
func (s *Shopping) Tickets() []chainhash.Hash {
	var tickets []chainhash.Hash
	for _, r := range s.Registrations {
		if r.Since > 0 {
			tickets = append(tickets, r.Ticket)
		}
	}
	return tickets
}

// Due makes unknown in a ledger what became of the shopper's tickets that were drawn before the VSP had them, or so soon after
// that it may have known too late: nobody was bound to vote with them. The VSP may have, and then counts them, so they stay.
func (s *Shopping) Due(entries []votes.Entry, lag int64) []votes.Entry {
	since := make(map[chainhash.Hash]int64)
	for _, r := range s.Registrations {
		since[r.Ticket] = r.Since
	}
	due := slices.Clone(entries)
	for i, entry := range due {
		from, own := since[entry.Ticket]
		if own && (from == 0 || entry.Won != 0 && entry.Won < from+lag) {
			due[i] = votes.Entry{Ticket: entry.Ticket, Outcome: votes.Unknown, Bought: entry.Bought, Live: entry.Live}
		}
	}
	return due
}

// Open reports whether a ticket was bought that is neither registered nor given up.
func (s *Shopping) Open() bool {
	return slices.ContainsFunc(s.Registrations, func(r *Registration) bool { return !r.Paid && !r.Ended })
}

// Last returns when the last ticket was bought, zero if none was.
func (s *Shopping) Last() time.Time {
	if n := len(s.Registrations); n > 0 {
		return s.Registrations[n-1].Buy.At
	}
	return time.Time{}
}
