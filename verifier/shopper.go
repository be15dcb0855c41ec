package verifier

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	blockchain "github.com/decred/dcrd/blockchain/standalone/v2"
	"github.com/decred/dcrd/dcrutil/v4"
	"gonum.org/v1/gonum/stat/distuv"

	"scrutineer/verifier/votes"
	"scrutineer/vsp/vspapi"
)

// Registrations is how the mystery shopper's registrations went. It is a line of its own beside the uptime of endpoints: a
// registration every few hours fills few slots, and a slot in which none was tried says nothing. So the count is of
// registrations. Each is up, down or unknown as its first try was that told anything: a holder who came then would have
// found just that.
type Registrations struct {
	Made      int // tickets bought for it
	Up        int // registered at the first try, with valid signatures and the right fee
	Down      int // declined or answered wrongly at first, and the VSP is to answer for it
	Unknown   int // neither is known: our own wallet or node failed, or the VSP closed meanwhile
	Granted   int // registered in the end
	Confirmed int // whose fee the VSP has said is confirmed
	Choices   int // changes of choices acknowledged
	Longest   time.Duration
	Reasons   []Reason // why they were down; Slots is how many were
	Cites     []Cite
}

// CountRegistrations counts what the shopper did in a trial. That the VSP was down by its silence is believed only of a slot
// in which our vantage showed that it could see.
func CountRegistrations(e Evidence) Registrations {
	var n Registrations
	slots, _ := rounds(e.Window, e.Seen, e.Beats)
	causes := make(map[Code]int)
	for _, r := range NewShopping(e.Target, e.Seen).Registrations {
		n.Made++
		n.Choices += r.Changed
		if r.Paid {
			n.Granted++
		}
		if r.Since > 0 {
			n.Confirmed++
		}
		switch {
		case r.State == Up:
			n.Up++
			n.Longest = max(n.Longest, r.Took)
		case r.State == Down && (e.proven(r.Because) || e.alive(slots, r.Because)):
			n.Down++
			causes[r.Because.Code]++
			n.Cites = append(n.Cites, r.Because.Cite())
		default:
			n.Unknown++
		}
	}
	n.Reasons = reasons(causes)
	return n
}

// alive reports whether the vantage that made an observation could see in its slot.
func (e Evidence) alive(slots []map[string]*round, o Observation) bool {
	i, ok := e.Window.Index(o.At)
	if !ok {
		return false
	}
	r := slots[i][o.Vantage]
	return r != nil && r.alive()
}

// proven reports whether an observation shows by the VSP's own signature that it failed.
func (e Evidence) proven(o Observation) bool {
	switch o.Code {
	case Declined:
		_, refused := o.refusal(e.Target.PubKey)
		return refused
	case Overcharged:
		_, over := e.overcharge(o)
		return over
	case WrongAnswer:
		return o.Exchange != nil && vspapi.Verify(e.Target.PubKey, o.Exchange.Answer, o.Exchange.ServerSignature) == nil
	}
	return false
}

// clear reports whether so many of the registrations failed that the VSP cannot well have been up as often as it must: the
// lower Clopper-Pearson bound of the share that fails is over what is let pass.
func (n Registrations) clear(p Policy) bool {
	if n.Down == 0 {
		return false
	}
	least := distuv.Beta{Alpha: float64(n.Down), Beta: float64(n.Up + 1)}.Quantile(1 - p.Confidence)
	return least > 1-p.Uptime
}

// withRegistrations adds to row TR-1 what the shopper found. Few registrations prove little, so they never make the row pass
// by themselves, and make it fail only where they leave no doubt.
func withRegistrations(e Evidence, f Finding) Finding {
	n := CountRegistrations(e)
	if n.Made == 0 {
		return f
	}
	f.Numbers = append(f.Numbers, number("registrations_made", n.Made), number("registrations_up", n.Up),
		number("registrations_down", n.Down), number("registrations_unknown", n.Unknown), number("registrations_granted", n.Granted),
		number("registration_longest_seconds", n.Longest.Seconds()))
	if n.Down == 0 {
		return f
	}
	says := fmt.Sprintf("%d of the shopper's %d registrations failed: %s.", n.Down, n.Made, downTexts(n.Reasons))
	f.Cites = append(slices.Clone(f.Cites), n.Cites...)
	if n.clear(e.Policy) && f.Verdict != Fail {
		f.Verdict, f.Class = Fail, Outside
		f.Says = append([]string{says}, f.Says...)
		return f
	}
	f.Says = append(f.Says, says)
	return f
}

// overcharge returns by how much an offer is over what the VSP's own percentage gives, and whether its signatures show so.
func (e Evidence) overcharge(o Observation) (dcrutil.Amount, bool) {
	var offer vspapi.FeeAddressResponse
	var info vspapi.Info
	if o.Errand == nil || o.Errand.Quote == nil || o.Raw == nil || o.Exchange.answer(e.Target.PubKey, &offer) != nil ||
		vspapi.Verify(e.Target.PubKey, o.Raw.Body, o.Raw.Signature) != nil || json.Unmarshal(o.Raw.Body, &info) != nil {
		return 0, false
	}
	q := o.Errand.Quote
	profile := e.Target.Network
	most := profile.TicketFee(blockchain.NewSubsidyCache(profile.Params), info.FeePercentage, q.Height, q.Difficulty)
	over := dcrutil.Amount(offer.FeeAmount) - most
	return over, over > 0
}

// unconfirmedGrace is how many blocks more than the confirmations that make a fee final the VSP is given to say so.
const unconfirmedGrace = 12

// broken reports whether the VSP denies a fee that it acknowledged and that the chain has: by the last that it said of it.
func (r *Registration) broken(p Policy) bool {
	if !r.Paid || r.Since > 0 || r.Status == nil || r.Told.Node == nil || r.Told.Errand.FeeBlock == 0 {
		return false
	}
	return r.Told.Node.Height-r.Told.Errand.FeeBlock+1 >= votes.Confirmations+unconfirmedGrace+p.MaxLagBlocks
}

// withPromises adds to row TR-5 where the VSP's signatures contradict each other or the chain: it asked for more than its
// percentage gives, or denies a fee that it has.
func withPromises(e Evidence, f Finding) Finding {
	var says []string
	var cites []Cite
	over, broken := 0, 0
	for _, o := range e.Seen {
		if o.Code != Overcharged {
			continue
		}
		if by, is := e.overcharge(o); is {
			over++
			cites = append(cites, o.Cite())
			if over == 1 {
				says = append(says, fmt.Sprintf("For ticket %.16s it asked for %v more than the %v that its own percentage gives.",
					o.Errand.Ticket, by, o.Errand.Quote.Most))
			}
		}
	}
	for _, r := range NewShopping(e.Target, e.Seen).Registrations {
		if !r.broken(e.Policy) {
			continue
		}
		broken++
		cites = append(cites, r.Told.Cite())
		says = append(says, fmt.Sprintf("The fee of ticket %.16s, which it had acknowledged, is in block %d; in block %d it said that the fee is %q.",
			r.Ticket, r.Told.Errand.FeeBlock, r.Told.Node.Height, r.Status.FeeTxStatus))
	}
	if over+broken == 0 {
		return f
	}
	if f.Verdict != Refuted {
		f = Finding{Verdict: Refuted, Class: Stated, Numbers: f.Numbers}
	}
	f.Says = append(says, f.Says...)
	f.Cites = append(slices.Clone(f.Cites), cites...)
	f.Numbers = append(f.Numbers, number("offers_too_high", over), number("fees_denied", broken))
	return f
}
