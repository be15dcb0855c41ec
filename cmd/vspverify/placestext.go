package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"scrutineer/verifier"
	"scrutineer/verifier/location"
	"scrutineer/vsp/deployment"
)

// text is the survey for people, the answer first, in 80 columns.
func (s survey) text(d deployment.Deployment) string {
	page := &screen{width: columns}
	answer := "three places: PROVEN"
	if err := s.answer(); err != nil {
		answer = err.Error()
	}
	page.apart(in(plainText, "%s, %s", number(len(d.Hosts), "host"), number(len(s.Vantages), "vantage")), in(plainText, "%s", answer))
	page.wrap(part{}, s.measured())
	page.line()
	for _, f := range s.Judgement.Findings {
		page.places(f)
	}
	page.pairs(s)
	page.trips(s)
	page.list("HINDERED", s.Judgement.Troubles)
	page.list("SIGNS, which prove nothing", s.Judgement.Signs)
	page.list("WHAT THIS CANNOT SEE", s.Judgement.Limits)
	return page.text()
}

// measured says when and from where.
func (s survey) measured() string {
	byTime := func(a, b location.Sight) int { return a.At.Compare(b.At) }
	first, last := slices.MinFunc(s.Sights, byTime).At, slices.MaxFunc(s.Sights, byTime).At
	var from []string
	for _, v := range s.Vantages {
		where := "place not declared"
		if v.Point != nil {
			where = fmt.Sprintf("%.2f, %.2f", v.Point.Latitude, v.Point.Longitude)
		}
		from = append(from, fmt.Sprintf("%s (%s)", v.Name, where))
	}
	return fmt.Sprintf("Measured %s to %s UTC from %s.", first.Format("02 Jan 2006 15:04:05"), last.Format("02 Jan 2006 15:04:05"), strings.Join(from, ", "))
}

// places is one row's verdict and why, a sentence under the other.
func (s *screen) places(f verifier.Finding) {
	label := in(plainText, "  %-5s %-9s ", f.Row, f.Verdict)
	for _, says := range f.Says {
		s.wrap(label, says)
		label = in(plainText, "%18s", "")
	}
}

// pairs is the table of pairs.
func (s *screen) pairs(of survey) {
	s.line()
	s.line(in(plainText, "  %-34s %10s %9s %9s  %s", "APART, in km", "at least", "at most", "claimed", ""))
	for _, p := range of.Judgement.Pairs {
		s.line(in(plainText, "  %-34s %10.0f %9.0f %9.0f  %s", cut(p.A+" and "+p.B, 34), p.Lower, p.Upper, p.Claimed, p.Standing))
	}
}

// trips is the table of what was measured.
func (s *screen) trips(of survey) {
	s.line()
	s.line(in(plainText, "  %-17s %-14s %7s %8s %6s %9s %8s", "ROUND TRIPS, ms", "from", "best", "median", "count", "keepalive", "TCP"))
	for _, sight := range of.Sights {
		trip, ok := sight.RoundTrip()
		if !ok || sight.Via != "" {
			continue
		}
		s.line(in(plainText, "  %-17s %-14s %7s %8s %6d %9s %8s", cut(sight.Host, 17), cut(sight.Vantage, 14), milliseconds(trip),
			milliseconds(sight.Nonce.Median), sight.Nonce.Count, milliseconds(sight.Keepalive.Min), milliseconds(sight.TCP.Min)))
	}
}

func milliseconds(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", d.Seconds()*1000)
}

// list is sentences under a title, if there are any.
func (s *screen) list(title string, says []string) {
	if len(says) == 0 {
		return
	}
	s.line()
	s.line(in(plainText, "  %s", title))
	for _, text := range says {
		s.wrap(in(plainText, "  - "), text)
	}
}
