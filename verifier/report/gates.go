package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"scrutineer/verifier"
)

// Gate is how a row that the trial itself decides stands, with the figures that decide it.
type Gate struct {
	Row, Name, Figures string
	Verdict            verifier.Verdict
}

// Gates are those of the rows that there are figures of.
func (r Report) Gates() []Gate {
	var all []Gate
	add := func(row, name, figures string) { all = append(all, Gate{row, name, figures, r.verdict(row)}) }
	if least, ok := r.least(); ok {
		s := least.Slots
		add("TR-1", "uptime", fmt.Sprintf("%s, seen %s %%, asked %.4g %%", interval(s), verifier.PercentBrief(s.Coverage), r.Policy.Uptime*100))
	}
	if l := r.Ledger; l.To > 0 {
		add("TR-2", "votes", fmt.Sprintf("%d made, %d missed: at most %s %%, asked %.3g %%", l.Made, l.Missed, verifier.PercentUp(l.MissRateBound), r.Policy.MissRate*100))
	}
	if n := len(r.Wallets); n > 0 {
		last, fewest := r.Wallets[n-1], slices.MinFunc(r.Wallets, func(a, b Wallets) int { return cmp.Compare(a.Online, b.Online) })
		add("TR-3", "wallets", fmt.Sprintf("%d of %d online, at the least %d, by its word", last.Online, last.Total, fewest.Online))
	}
	return all
}

// gates writes them, and a ribbon for each day of the endpoint that decides.
func (r Report) gates(p *page) {
	for i, g := range r.Gates() {
		if i == 0 {
			p.line("")
		}
		p.apart(fmt.Sprintf("  %s  %-8s %s", g.Row, g.Name, g.Figures), string(g.Verdict))
		if least, ok := r.least(); ok && g.Row == "TR-1" {
			p.days(r.Window, least)
		}
	}
}

// least returns the endpoint that decides on uptime: the one with the least.
func (r Report) least() (Endpoint, bool) {
	if len(r.Uptime) == 0 || r.Window.Slots == 0 {
		return Endpoint{}, false
	}
	least := r.Uptime[0]
	for _, e := range r.Uptime[1:] {
		if e.Slots.Low < least.Slots.Low || e.Slots.Low == least.Slots.Low && e.Slots.High < least.Slots.High {
			least = e
		}
	}
	return least, true
}

func (r Report) verdict(row string) verifier.Verdict {
	for _, f := range r.Rows {
		if f.Row == row {
			return f.Verdict
		}
	}
	return verifier.Unproven
}

// interval writes an uptime in percent, rounded down.
func interval(s Slots) string {
	if low, high := verifier.PercentBrief(s.Low), verifier.PercentBrief(s.High); low != high {
		return low + " to " + high + " %"
	}
	return verifier.PercentBrief(s.Low) + " %"
}

// Days stand in two columns, so that a week takes four lines.
const (
	dayIndent    = 8
	dayRibbon    = 20
	dayLone      = 57 // the ribbon of an only day
	daysAtMost   = 16
	dayColumnGap = 2
)

// days draws a ribbon for each day.
func (p *page) days(w Window, e Endpoint) {
	cells := make([]string, 0, len(e.Days))
	room := dayRibbon
	if len(e.Days) == 1 {
		room = dayLone
	}
	rest := e.Ribbon
	for _, d := range e.Days {
		n := min(d.Slots.total(), len(rest))
		cells = append(cells, fmt.Sprintf("%s %-*s %-5s", weekday(d.Date), room, squeeze(rest[:n], room), verifier.PercentBrief(d.Slots.Low)))
		rest = rest[n:]
	}
	if len(cells) > daysAtMost {
		p.line(strings.Repeat(" ", dayIndent) + fmt.Sprintf("%d days, see below", len(cells)))
		return
	}
	for i, half := 0, (len(cells)+1)/2; i < half; i++ {
		line := strings.Repeat(" ", dayIndent) + cells[i]
		if i+half < len(cells) {
			line += strings.Repeat(" ", dayColumnGap+dayRibbon+13-utf8.RuneCountInString(cells[i])) + cells[i+half]
		}
		p.line(line)
	}
}

// weekday writes a date as a reader of a week knows it.
func weekday(date string) string {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return at.Format("Mon 02")
}

// longestDown returns the longest outage in a ribbon.
func longestDown(w Window, ribbon string) time.Duration {
	longest := 0
	for _, run := range strings.FieldsFunc(ribbon, func(r rune) bool { return r != '-' }) {
		longest = max(longest, len(run))
	}
	return time.Duration(longest) * seconds(w.SlotSeconds)
}
