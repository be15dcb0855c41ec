package verifier

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Warning says that a requirement may soon be lost or already is, or that we ourselves see too little.
type Warning struct {
	Kind    string `json:"kind"`              // one of the kinds below; with the subject what makes two warnings the same
	Subject string `json:"subject,omitempty"` // the endpoint or the vantage it is about; empty: the trial
	Row     string `json:"row,omitempty"`     // of the programme, that is at risk; empty: how well we see
	Lost    bool   `json:"lost"`              // nothing that is still to come can make it good
	Says    string `json:"says"`              // a sentence for people
}

// Kinds of warning.
const (
	WarnUptime      = "uptime"      // down for longer than the policy allows, or nearly
	WarnBurn        = "burn"        // down so often that the policy's allowance will not last
	WarnBlind       = "blind"       // the same, of what we could not see
	WarnCoverage    = "coverage"    // too few slots can be known
	WarnCertificate = "certificate" // it expires within the trial
	WarnVotes       = "votes"       // more votes were missed than those to come can make good
	WarnTickets     = "tickets"     // too few tickets are listed to prove anything
	WarnWallets     = "wallets"     // no voting wallet is left, or one, by the VSP's own word
	WarnNode        = "node"        // our own node cannot be used
	WarnChain       = "chain"       // the chain that our own node gives contradicts itself
	WarnSilence     = "silence"     // nothing is written; only who looks at the clock can tell
)

// WarningKinds lists them all.
var WarningKinds = [...]string{WarnUptime, WarnBurn, WarnBlind, WarnCoverage, WarnCertificate, WarnVotes, WarnTickets, WarnWallets,
	WarnNode, WarnChain, WarnSilence}

// Forecast is what may still become of a trial.
type Forecast struct {
	Budgets  []Budget  // one for each endpoint, in the order of their names
	Votes    Outlook   // of row TR-2
	Warnings []Warning // the lost ones first; none of a trial that is over
}

// Budget is how many slots of a trial an endpoint may lose.
type Budget struct {
	Endpoint string
	Slots    int // in all; 0 where the trial lasts until it is stopped, and nothing can be said
	Down     int // lost to the VSP
	Unknown  int // lost to us: they fail nobody, but prove nothing either
}

// Left is how many more slots may be lost; below 0 there is no way back.
func (b Budget) Left() int { return b.Slots - b.Down - b.Unknown }

// weekSlots is what shares of a trial without an end are shares of.
const weekSlots = int(7 * 24 * time.Hour / RealSlot)

// NewForecast looks ahead from the end of the evidence. Uptimes and misses must be those of the evidence.
func NewForecast(e Evidence, uptimes []Uptime, misses []Miss) Forecast {
	f := Forecast{Votes: newOutlook(e, misses)}
	for _, u := range uptimes {
		s := u.Share()
		f.Budgets = append(f.Budgets, Budget{u.Endpoint, slack(e.Window.Planned, e.Policy.Uptime), s.Down, s.Unknown})
	}
	if e.Window.Complete() {
		return f
	}
	f.Warnings = slices.Concat(warnUptime(e, uptimes, f.Budgets), warnCoverage(e, uptimes, f.Budgets), warnVotes(e, f.Votes),
		warnWallets(e), warnCertificates(e), warnSight(e))
	slices.SortStableFunc(f.Warnings, func(a, b Warning) int {
		switch {
		case a.Lost == b.Lost:
			return 0
		case a.Lost:
			return -1
		default:
			return 1
		}
	})
	return f
}

// slack returns the most of a number of slots that can be lost with the rest still being the share that is asked for.
func slack(slots int, share float64) int {
	lost := min(slots, int((1-share)*float64(slots))+1)
	for lost > 0 && ratio(slots-lost, slots, 1) < share {
		lost--
	}
	return lost
}

// nearlySpent is the share of a budget from which on it is told of.
const nearlySpent = 0.75

// warnUptime tells, of each endpoint, the worst that there is to say of how long it was down.
func warnUptime(e Evidence, uptimes []Uptime, budgets []Budget) []Warning {
	var all []Warning
	for i, u := range uptimes {
		b := budgets[i]
		w := Warning{Kind: WarnUptime, Subject: u.Endpoint, Row: "TR-1"}
		burn, burning := newBurn(e, u.States, Down)
		switch spent := ratio(b.Down, b.Slots, 0); {
		case e.Window.Planned > 0 && b.Down > b.Slots:
			w.Lost = true
			w.Says = fmt.Sprintf("%s was down in %d slots, and %d are the most that %.4g %% allow: TR-1 can no longer be passed.",
				u.Endpoint, b.Down, b.Slots, e.Policy.Uptime*100)
		case burning:
			w.Kind = WarnBurn
			w.Says = fmt.Sprintf("%s was down in %s%s.", u.Endpoint, burn.text(e), burn.gone(e, b))
		case e.Window.Planned > 0 && b.Down > 0 && spent >= nearlySpent:
			w.Says = fmt.Sprintf("%s may be down for %s more, of %s in all.", u.Endpoint, spell(slots(e, b.Slots-b.Down)), spell(slots(e, b.Slots)))
		default:
			continue
		}
		all = append(all, w)
	}
	return all
}

// warnCoverage tells the worst that there is to say of what we did not see, of all endpoints at once: it is our doing.
func warnCoverage(e Evidence, uptimes []Uptime, budgets []Budget) []Warning {
	planned := e.Window.Planned
	for i, u := range uptimes { // what is lost for good
		b := budgets[i]
		switch {
		case planned == 0, b.Down > b.Slots: // which is told of already
		case b.Unknown > slack(planned, e.Policy.Coverage):
			return []Warning{{Kind: WarnCoverage, Row: "TR-1", Lost: true, Says: fmt.Sprintf(
				"%d slots are unknown: a coverage of %.4g %% can no longer be reached, and TR-1 not be proven.", b.Unknown, e.Policy.Coverage*100)}}
		case b.Left() < 0:
			return []Warning{{Kind: WarnCoverage, Row: "TR-1", Lost: true, Says: fmt.Sprintf(
				"%s was down in %d slots and %d are unknown, of %d that may be lost: TR-1 can no longer be proven.", u.Endpoint, b.Down, b.Unknown, b.Slots)}}
		}
	}
	for i, u := range uptimes { // what will be
		if burn, burning := newBurn(e, u.States, Unknown); burning {
			return []Warning{{Kind: WarnBlind, Says: fmt.Sprintf("We did not see the VSP in %s%s: look at our own node and network.",
				burn.text(e), burn.gone(e, budgets[i]))}}
		}
	}
	return nil
}

// burn is how fast a budget is spent.
type burn struct {
	lost, of int     // slots, of the latest
	rate     float64 // 1 spends the budget in just the whole trial
}

// burnRules are for a budget of seven days: the share of them that is looked at (an hour, six hours, a day), and the rate that
// is too fast. A twelfth of that time must be as bad, so that a warning ends soon after what it warns of (Google SRE workbook,
// chapter 5).
var burnRules = [...]struct {
	part int
	rate float64
}{{7 * 24, 16.8}, {7 * 4, 5.6}, {7, 2.8}}

// newBurn looks at the latest slots that were lost in one way. It reports whether that is too fast.
func newBurn(e Evidence, states []State, lost State) (burn, bool) {
	whole := e.Window.Planned
	if whole == 0 {
		whole = weekSlots
	}
	allowed := 1 - e.Policy.Uptime
	latest := func(n int) (lostOnes int, rate float64) {
		for _, s := range states[max(0, len(states)-n):] {
			if s == lost {
				lostOnes++
			}
		}
		return lostOnes, float64(lostOnes) / float64(n) / allowed
	}
	for _, rule := range burnRules {
		long := max(1, whole/rule.part)
		n, rate := latest(long)
		if _, now := latest(max(1, long/12)); rate >= rule.rate && now >= rule.rate {
			return burn{n, long, rate}, true
		}
	}
	return burn{}, false
}

func (b burn) text(e Evidence) string {
	return fmt.Sprintf("%d of the last %d slots, %.0f times as often as %.4g %% allow", b.lost, b.of, b.rate, e.Policy.Uptime*100)
}

// gone says when the budget will be spent at this pace.
func (b burn) gone(e Evidence, budget Budget) string {
	if e.Window.Planned == 0 || budget.Left() < 0 {
		return ""
	}
	return fmt.Sprintf("; at this pace TR-1 is lost in %s", spell(slots(e, (budget.Left()+1)*b.of/b.lost)))
}

// slots is how long a number of slots takes.
func slots(e Evidence, n int) time.Duration { return time.Duration(n) * e.Window.Slot }

// spell writes a duration without the seconds that whole minutes do not have.
func spell(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return strings.TrimSuffix(d.String(), "0s")
	}
	return d.String()
}
