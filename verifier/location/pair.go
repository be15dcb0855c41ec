package location

import (
	"fmt"
	"math"
	"slices"

	"scrutineer/verifier"
)

// Standing is what is known of whether two hosts are apart.
type Standing string

// The standings.
const (
	Proven    Standing = "PROVEN"     // apart by at least the policy's distance
	NotProven Standing = "NOT PROVEN" // it may be so or not
	Disproven Standing = "DISPROVEN"  // nearer than is asked or claimed, or one machine
)

// Pair is the verdict on two hosts.
type Pair struct {
	A        string   `json:"a"`
	B        string   `json:"b"`
	Standing Standing `json:"standing"`
	Refuted  bool     `json:"refuted"`     // the operator claimed otherwise
	Lower    float64  `json:"at_least_km"` // whole km, rounded so that it holds
	Upper    float64  `json:"at_most_km"`
	Claimed  float64  `json:"claimed_km"` // between the claimed places
	Same     bool     `json:"same"`       // one machine under two names
	Says     []string `json:"says"`       // what was measured, from where, what it rules out, what would change it

	Cites []verifier.Cite `json:"cites,omitempty"` // the entries of a journal that it rests on
}

// pair judges two hosts.
func (e Evidence) pair(a, b placed) Pair {
	lower, upper, far, close := bounds(a, b)
	near, through := "", ""
	var passage verifier.Cite
	if c, ok := e.between(a, b); ok && c.km < upper {
		upper, near, through, passage = c.km, c.says, " "+c.says+".", c.cite
	}
	p := Pair{A: a.host.Name, B: b.host.Name, Standing: NotProven, Lower: math.Floor(lower), Upper: math.Ceil(upper),
		Claimed: math.Round(Distance(claim(a.host), claim(b.host))), Cites: cites(passage, a, b)}
	names := p.A + " and " + p.B
	if near == "" && close != nil {
		near = nearness(p, close)
	}
	same, shared := oneBoot(a, b), oneKey(a, b)
	switch {
	case same != "" && lower == 0:
		p.Standing, p.Refuted, p.Same = Disproven, true, true
		p.Says = []string{fmt.Sprintf("%s are one machine under two names: both have the boot_id %s, that of one running kernel.", names, same),
			"If they are two that were resumed from one snapshot, boot each anew and measure again."}
	case lower > upper: // no place is left for them: a vantage is not where it says
		p.Says = []string{fmt.Sprintf("What the vantages measured of %s contradicts itself, so it counts for nothing. Check where the vantages are.", names)}
	case upper < atLeast(claim(a.host), claim(b.host)):
		p.Standing, p.Refuted = Disproven, true
		p.Says = []string{fmt.Sprintf("%s are at most %.0f km apart, and their claimed places, %s and %s, %.0f km: %s.", names, p.Upper, a.host.Place, b.host.Place, p.Claimed, near),
			"Only a corrected claim would change this: delay cannot be taken away."}
	case upper < e.Apart:
		p.Standing = Disproven
		p.Says = []string{fmt.Sprintf("%s are at most %.0f km apart, and %.0f are asked: %s.", names, p.Upper, e.Apart, near),
			"Only moving one of them would change this."}
	case same != "": // each by its operator's word against light
		p.Says = []string{fmt.Sprintf("%s both have the boot_id %s, that of one running kernel, and yet are at least %.0f km apart: %s.", names, same, p.Lower, nearness(p, far)),
			"What says so for one of them is not what answers for it, or both were resumed from one snapshot: boot each anew and measure again."}
	case shared != "":
		p.Says = []string{fmt.Sprintf("%s both prove the SSH host key %s: an answer by it may be of either, so nothing shows that they are apart.", names, shared),
			"Give each a host key of its own and measure again."}
	case lower >= e.Apart:
		p.Standing = Proven
		p.Says = []string{fmt.Sprintf("%s are at least %.0f km apart: %s. The vantages are %.0f km apart.", names, p.Lower, nearness(p, far), Distance(*far[0].vantage.Point, *far[1].vantage.Point)),
			"Only a vantage that is not where it says would change this."}
	default:
		p.Says = []string{fmt.Sprintf("%s are at least %.0f and at most %.0f km apart, as far as is known; %.0f are asked: %s, and %s.", names, p.Lower, p.Upper, e.Apart, a.nearest(), b.nearest()) + through, e.advice(a, b)}
	}
	return p
}

// cites names the entries that a verdict on two hosts rests on: who they are, and the best that each vantage measured.
// And the one of a measurement through another host, if that counts.
func cites(passage verifier.Cite, of ...placed) []verifier.Cite {
	all := []verifier.Cite{passage}
	for _, p := range of {
		for _, s := range slices.Concat(p.ids, p.counted) {
			all = append(all, s.Cite)
		}
	}
	slices.SortFunc(all, verifier.Cite.Compare)
	return slices.DeleteFunc(slices.Compact(all), func(c verifier.Cite) bool { return c.Number == 0 })
}

// nearness says how near the two hosts are to the vantages.
func nearness(p Pair, d *[2]disc) string { return d[0].says(p.A) + ", and " + d[1].says(p.B) }

// says tells what the disc is, of the host with a name.
func (d disc) says(host string) string {
	return fmt.Sprintf("%s answered %s in %s ms, so it is within %.0f km of it", host, d.vantage.Name, ms(d.trip), math.Ceil(d.radius))
}

// nearest tells of the vantage that was quickest to be answered.
func (p placed) nearest() string {
	if len(p.discs) == 0 {
		return "of " + p.host.Name + " there is no measurement that counts"
	}
	return p.discs[0].says(p.host.Name)
}

// oneBoot returns the boot_id that two hosts share, if they do: a kernel draws it anew at each start. Hosts that were copied
// from one image share a machine-id and host keys, and are two.
func oneBoot(a, b placed) string {
	return common(a, b, func(s Sight) string { return s.Identity.BootID })
}

// oneKey returns the fingerprint of the host key that both have proven, if there is one.
func oneKey(a, b placed) string {
	return common(a, b, func(s Sight) string { return s.Key })
}

// common returns what is told of two hosts alike, by who they are known to be; empty if nothing is.
func common(a, b placed, told func(Sight) string) string {
	for _, x := range a.ids {
		for _, y := range b.ids {
			if told(x) != "" && told(x) == told(y) {
				return told(x)
			}
		}
	}
	return ""
}
