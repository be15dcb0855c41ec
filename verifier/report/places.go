package report

import (
	"fmt"
	"slices"
	"strings"

	"scrutineer/verifier"
	"scrutineer/verifier/location"
)

// Places is how far apart the VSP's machines are, and how that is known.
type Places struct {
	Apart    float64               `json:"apart_km"`           // that is asked for, of each pair
	Entries  []int64               `json:"deployment_entries"` // of the journal, that the operator's description came with
	Changes  []verifier.PlanChange `json:"deployment_changes"` // what that had said before
	Vantages []Lookout             `json:"vantages"`
	Hosts    []location.Place      `json:"hosts"` // in the deployment's order
	Pairs    []location.Pair       `json:"pairs"`
	Series   []location.Series     `json:"series"` // what was measured, by host and vantage
	Refuted  []string              `json:"refuted"`
	Troubles []string              `json:"troubles"`
	Signs    []string              `json:"signs"`
	Limits   []string              `json:"limits"`

	Findings []verifier.Finding `json:"-"` // of the rows, which the report has with all others
}

// Lookout is a place that was measured from.
type Lookout struct {
	Place     string   `json:"place"`
	Latitude  *float64 `json:"latitude"` // by the reviewer's word, degrees; null with the longitude where it was not declared
	Longitude *float64 `json:"longitude"`
}

// ReadPlaces judges where the machines are by what a journal tells. It is nil where nobody was to measure that.
func ReadPlaces(r *verifier.Record) (*Places, error) {
	e, asked, err := location.Read(r)
	if err != nil || !asked {
		return nil, err
	}
	return newPlaces(e, r.Places), nil
}

func newPlaces(e location.Evidence, told verifier.Places) *Places {
	j := location.Judge(e)
	p := &Places{Apart: e.Apart, Entries: append([]int64{}, told.Entries...), Changes: append([]verifier.PlanChange{}, told.Changes...),
		Vantages: []Lookout{}, Hosts: j.Hosts, Pairs: j.Pairs, Series: j.Series, Refuted: j.Refuted, Troubles: j.Troubles, Signs: j.Signs,
		Limits: j.Limits, Findings: j.Findings}
	for _, v := range e.Vantages {
		l := Lookout{Place: v.Name}
		if v.Point != nil {
			l.Latitude, l.Longitude = &v.Point.Latitude, &v.Point.Longitude
		}
		p.Vantages = append(p.Vantages, l)
	}
	return p
}

// judged returns the findings of the rows of places.
func (p *Places) judged() []verifier.Finding {
	if p == nil {
		return nil
	}
	return p.Findings
}

// Sentence says where a lookout is.
func (l Lookout) Sentence() string {
	if l.Latitude == nil || l.Longitude == nil {
		return l.Place + " (its place is not declared)"
	}
	return fmt.Sprintf("%s (%.2f, %.2f)", l.Place, *l.Latitude, *l.Longitude)
}

// Measured says when and from where it was measured.
func (p *Places) Measured() string {
	if len(p.Series) == 0 {
		return "Nothing was measured."
	}
	first, last := p.Series[0].From, p.Series[0].To
	for _, s := range p.Series {
		if s.From.Before(first) {
			first = s.From
		}
		if s.To.After(last) {
			last = s.To
		}
	}
	var from []string
	for _, v := range p.Vantages {
		from = append(from, v.Sentence())
	}
	when := fmt.Sprintf("from %s to %s", moment(first), moment(last))
	if moment(first) == moment(last) {
		when = "at " + moment(first)
	}
	return fmt.Sprintf("Measured %s UTC, from %s: echoes inside of SSH sessions with pinned host keys, of which each vantage's best of each host counts. Light in fibre goes %d km there and back in a millisecond.",
		when, strings.Join(from, ", "), location.KmPerMs)
}

// Described says where the operator's description is.
func (p *Places) Described() string {
	return fmt.Sprintf("%d hosts, as the operator describes them%s; places are apart from %.0f km on.", len(p.Hosts), cites(p.Entries), p.Apart)
}

// Within says where a host must be, by the smallest disc.
func Within(h location.Place) string {
	if len(h.Discs) == 0 {
		return "nothing that counts was measured"
	}
	d, note := h.Discs[0], ""
	if h.Refuted {
		d = h.Discs[slices.IndexFunc(h.Discs, func(d location.Disc) bool { return d.Outside })]
		note = ", REFUTED"
	}
	return fmt.Sprintf("%.0f km of %s%s", d.Radius, d.Vantage, note)
}

// maxSaid is how many sentences of a row on places are told before all else; the rest stands under PLACES, too.
const maxSaid = 3

// Brief returns what is said of a row where it is told first. Of rows on places that is the most important, and not again
// what another one of them says.
func (r Report) Brief(f verifier.Finding) []string {
	if r.Places == nil || !slices.ContainsFunc(r.Places.Findings, func(own verifier.Finding) bool { return own.Row == f.Row }) {
		return f.Says
	}
	says, before := slices.Clone(f.Says), ""
	for _, row := range r.Rows {
		if row.Row == f.Row {
			break
		}
		fresh := slices.DeleteFunc(slices.Clone(says), func(text string) bool { return slices.Contains(row.Says, text) })
		if len(fresh) < len(says) && row.Verdict != verifier.Pass {
			says, before = fresh, row.Row
		}
	}
	most, more := maxSaid, ""
	if f.Verdict == verifier.Pass {
		most = 1
	}
	if len(says) > most {
		more = fmt.Sprintf("%d more: see PLACES.", len(says)-most)
		says = says[:most]
	}
	if before != "" {
		says = append(says, "As "+before+" says.")
	}
	if more != "" {
		says = append(says, more)
	}
	return says
}

// trip writes a round trip in milliseconds.
func trip(s interface{ Seconds() float64 }) string {
	if s.Seconds() == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", s.Seconds()*1000)
}

// places is all of it, as text.
func (r Report) places(p *page) {
	if r.Places == nil {
		return
	}
	of := r.Places
	p.title("PLACES (PL-4, PL-5, PL-6)")
	p.wrap("  ", of.Described())
	for _, c := range changes(of.Changes) {
		p.wrap("  ", c)
	}
	p.wrap("  ", of.Measured())
	p.hosts(of)
	p.pairs(of)
	p.measured(of)
	for _, list := range of.Lists() {
		p.line("")
		p.line("  " + list.Title)
		for _, says := range list.Says {
			p.wrap("  - ", says)
		}
	}
}

// List is sentences under a title.
type List struct {
	Title string
	Says  []string
}

// Lists are the lists that have anything in them.
func (p *Places) Lists() []List {
	all := []List{{"WHAT IS KNOWN OF EACH PAIR", nil}, {"HINDERED, which counts for nobody", p.Troubles}, {"SIGNS, which prove nothing", p.Signs}, {"WHAT THIS CANNOT SEE", p.Limits}}
	for _, pair := range p.Pairs {
		if !pair.Refuted { // the rows tell of it
			all[0].Says = append(all[0].Says, strings.Join(pair.Says, " "))
		}
	}
	return slices.DeleteFunc(all, func(l List) bool { return len(l.Says) == 0 })
}

// hosts is the table of where each host is said to be, and where it must be.
func (p *page) hosts(of *Places) {
	p.line("")
	p.line(fmt.Sprintf("  %-15s %-26s %s", "HOST", "claimed to be in", "must be within"))
	for _, h := range of.Hosts {
		p.line(fmt.Sprintf("  %-15s %-26s %s", clip(h.Host, 15), clip(fmt.Sprintf("%s (%.1f, %.1f)", clip(h.Claim, 12), h.Latitude, h.Longitude), 26), clip(Within(h), 35)))
	}
}

// pairs is the table of how far apart each two are.
func (p *page) pairs(of *Places) {
	p.line("")
	p.line(fmt.Sprintf("  %-36s %9s %9s %9s", "APART, in km", "at least", "at most", "claimed"))
	for _, pair := range of.Pairs {
		p.line(fmt.Sprintf("  %-36s %9.0f %9.0f %9.0f  %s", clip(pair.A+" and "+pair.B, 36), pair.Lower, pair.Upper, pair.Claimed, standing(pair)))
	}
}

// standing is what a pair comes to, as the table has it.
func standing(p location.Pair) string {
	if p.Refuted {
		return "REFUTED"
	}
	return string(p.Standing)
}

// measured is the table of what was measured.
func (p *page) measured(of *Places) {
	p.line("")
	p.line(fmt.Sprintf("  %-15s %-16s %8s %8s %9s %8s %6s", "MEASURED, in ms", "from", "best", "median", "keepalive", "TCP", "times"))
	for _, s := range of.Series {
		p.line(fmt.Sprintf("  %-15s %-16s %8s %8s %9s %8s %6s", clip(s.Host, 15), clip(s.Vantage, 16), trip(s.Trip), trip(s.Median), trip(s.Keepalive), trip(s.TCP),
			fmt.Sprintf("%d/%d", s.Measured, s.Tried)))
	}
}

// clip cuts a text to its column.
func clip(text string, columns int) string {
	runes := []rune(text)
	if len(runes) <= columns {
		return text
	}
	return string(runes[:columns-1]) + "~"
}
