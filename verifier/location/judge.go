package location

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"scrutineer/verifier"
	"scrutineer/vsp/deployment"
)

// Judgement is what the evidence comes to. The same evidence gives the same judgement.
type Judgement struct {
	Findings []verifier.Finding `json:"findings"` // of PL-4, PL-5 and PL-6
	Pairs    []Pair             `json:"pairs"`
	Hosts    []Place            `json:"hosts"`   // where each host must be, in the deployment's order
	Series   []Series           `json:"series"`  // what was measured, by host and vantage
	Refuted  []string           `json:"refuted"` // claims that are contradicted, a sentence each
	Troubles []string           `json:"troubles"`
	Signs    []string           `json:"signs"`
	Limits   []string           `json:"limits"` // what the method cannot see
}

// limits is what the method cannot see, whatever it says.
var limits = []string{
	"A host is where its SSH host key answers, and a copy of the key does. What else runs there, such as a wallet, this does not show.",
	"The best measurement counts, whenever it was made. A host that went elsewhere since, with its key and its addresses, and answers slowly there, is judged by where it was.",
	"Every vantage is believed to be where its reviewer says. One that is not makes its discs worthless.",
	"Light is taken to go through fibre. Radio or hollow fibre in a straight line would reach half as far again.",
}

// Judge says what the evidence comes to.
func Judge(e Evidence) Judgement {
	j := Judgement{Limits: limits, Pairs: []Pair{}, Hosts: []Place{}, Series: []Series{}, Refuted: []string{}, Troubles: []string{}, Signs: []string{}}
	var all []placed
	for _, h := range e.Deployment.Hosts {
		p := e.place(h)
		all = append(all, p)
		j.Hosts, j.Series = append(j.Hosts, p.told()), append(j.Series, p.series...)
		j.Refuted = append(j.Refuted, refutation(p)...)
		j.Troubles = append(j.Troubles, troubles(p)...)
		j.Signs = append(append(j.Signs, inFront(p)...), changing(p)...)
	}
	for i, a := range all {
		j.Troubles = append(j.Troubles, closed(all, a.host.Name)...)
		for _, b := range all[i+1:] {
			p := e.pair(a, b)
			j.Pairs = append(j.Pairs, p)
			if p.Refuted {
				j.Refuted = append(j.Refuted, strings.Join(p.Says, " "))
			}
			j.Signs = append(append(j.Signs, signs(a, b)...), alike(a, b, p)...)
			j.Signs = append(j.Signs, e.nextDoor(a, b, p.Lower)...)
		}
	}
	j.Signs = append(j.Signs, e.guesses()...)
	if len(all) == 0 {
		j.Findings = unsaid()
		return j
	}
	voting := slices.DeleteFunc(slices.Clone(all), func(p placed) bool { return !p.host.Has(deployment.Voting) })
	j.Findings = []verifier.Finding{
		j.places(e, "PL-4", all, "machines"), j.places(e, "PL-5", voting, "voting wallets"), j.front(e, all),
	}
	return j
}

// unsaid is what there is to find where the operator has not said which machines there are.
func unsaid() []verifier.Finding {
	var all []verifier.Finding
	for _, row := range []string{"PL-4", "PL-5", "PL-6"} {
		f := finding(row, Evidence{}, nil)
		f.Verdict, f.Class, f.Numbers = verifier.Unproven, "", nil
		f.Says = []string{"There is no description of the machines (deployment) in which nothing is wrong: nothing was measured."}
		all = append(all, f)
	}
	return all
}

// refutation says that a host is not where it is claimed to be, if so.
func refutation(p placed) []string {
	d, beyond := p.outside()
	if beyond <= 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s is not in %s, as claimed: %s, and %[2]s is %.0[4]f km away from there. Only a corrected claim would change this, or a vantage that is not in %[5]s.",
		p.host.Name, p.host.Place, d.says(p.host.Name), Distance(*d.vantage.Point, claim(p.host)), d.vantage.Name)}
}

// troubles says what hindered the measurements of a host.
func troubles(p placed) []string {
	var all []string
	for _, s := range p.series {
		all = append(all, s.troubles()...)
	}
	all = append(all, passageTroubles(p)...)
	if c := p.clash; c != nil {
		all = append(all, fmt.Sprintf("%s cannot be within %.0f km of %s and within %.0f km of %s. One of these vantages is not where it says, or the host went from one place to the other, or its key is in two. Nothing of it counts.",
			p.host.Name, math.Ceil(c[0].radius), c[0].vantage.Name, math.Ceil(c[1].radius), c[1].vantage.Name))
	}
	return all
}

// between returns the pairs of which both hosts are among these.
func (j Judgement) between(hosts []placed) []Pair {
	has := func(name string) bool {
		return slices.ContainsFunc(hosts, func(p placed) bool { return p.host.Name == name })
	}
	return slices.DeleteFunc(slices.Clone(j.Pairs), func(p Pair) bool { return !has(p.A) || !has(p.B) })
}

// places judges whether hosts are in three places: whether there are three of them that are apart, each from each.
func (j Judgement) places(e Evidence, row string, hosts []placed, what string) verifier.Finding {
	pairs := j.between(hosts)
	proven := three(hosts, pairs, func(s Standing) bool { return s == Proven })
	f := finding(row, e, pairs)
	var refuted []string
	for _, h := range hosts {
		refuted = append(refuted, refutation(h)...)
	}
	for _, p := range pairs {
		if p.Refuted {
			refuted = append(refuted, strings.Join(p.Says, " "))
		}
		if p.Same {
			f.Class = verifier.Stated
		}
	}
	switch {
	case len(refuted) > 0:
		f.Verdict, f.Says = verifier.Refuted, refuted
	case proven != nil:
		f.Verdict = verifier.Pass
		f.Says = []string{fmt.Sprintf("The %s are in three places or more: %s are apart by %.0f km and more, each from each.", what, strings.Join(proven, ", "), e.Apart)}
		f.Says = append(f.Says, told(pairs, func(p Pair) bool { return slices.Contains(proven, p.A) && slices.Contains(proven, p.B) })...)
	case three(hosts, pairs, func(s Standing) bool { return s != Disproven }) == nil:
		f.Verdict = verifier.Fail
		f.Says = append([]string{fmt.Sprintf("The %s cannot be in three places: no three of them are apart by %.0f km.", what, e.Apart)},
			told(pairs, func(p Pair) bool { return p.Standing == Disproven })...)
	default:
		f.Verdict = verifier.Unproven
		f.Says = append([]string{fmt.Sprintf("It is not proven that the %s are in three places.", what)},
			told(pairs, func(p Pair) bool { return p.Standing != Proven })...)
	}
	return f
}

// finding returns a row's finding without its verdict.
func finding(row string, e Evidence, pairs []Pair) verifier.Finding {
	f := verifier.Finding{Row: row, Class: verifier.Outside, Cites: []verifier.Cite{}}
	for _, r := range verifier.Rows {
		if r.ID == row {
			f.Requirement = r.Requirement
		}
	}
	proven, disproven := 0, 0
	for _, p := range pairs {
		switch p.Standing {
		case Proven:
			proven++
		case Disproven:
			disproven++
		}
		f.Cites = append(f.Cites, p.Cites...)
	}
	f.Numbers = []verifier.Number{{Name: "pairs", Value: float64(len(pairs))}, {Name: "proven_apart", Value: float64(proven)},
		{Name: "disproven", Value: float64(disproven)}, {Name: "apart_km", Value: e.Apart}}
	return f
}

// told returns what is said of those pairs that are meant.
func told(pairs []Pair, meant func(Pair) bool) []string {
	var all []string
	for _, p := range pairs {
		if meant(p) {
			all = append(all, strings.Join(p.Says, " "))
		}
	}
	return all
}

// three returns three hosts of whose pairs each has a standing that will do, or nil.
func three(hosts []placed, pairs []Pair, do func(Standing) bool) []string {
	fits := map[[2]string]bool{}
	for _, p := range pairs {
		fits[[2]string{p.A, p.B}] = do(p.Standing)
	}
	for i, a := range hosts {
		for k, b := range hosts[i+1:] {
			if !fits[[2]string{a.host.Name, b.host.Name}] {
				continue
			}
			for _, c := range hosts[i+k+2:] {
				if fits[[2]string{a.host.Name, c.host.Name}] && fits[[2]string{b.host.Name, c.host.Name}] {
					return []string{a.host.Name, b.host.Name, c.host.Name}
				}
			}
		}
	}
	return nil
}
