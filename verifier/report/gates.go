package report

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"scrutineer/verifier"
)

// gates is the part of the first screen that says how the trial's own rows stand, with the figures that decide them.
func (r Report) gates(p *page) {
	if least, ok := r.least(); ok {
		s := least.Slots
		p.gate("TR-1", fmt.Sprintf("uptime   %s   seen %s %%   asked %.4g %%", interval(s), share(s.Coverage), r.Policy.Uptime*100), r.verdict("TR-1"))
		p.days(r.Window, least)
	}
	if r.Ledger.To > 0 {
		final := r.Ledger.MissedBy
		p.gate("TR-2", fmt.Sprintf("votes    %d made, %d missed: at most %s %%   asked %.3g %%", r.Ledger.Made, final.Operator+final.Network+final.Unknown,
			hundredthsUp(r.Ledger.MissRateBound), r.Policy.MissRate*100), r.verdict("TR-2"))
	}
	if n := len(r.Wallets); n > 0 {
		fewest := r.Wallets[0]
		for _, w := range r.Wallets {
			if w.Online < fewest.Online {
				fewest = w
			}
		}
		last := r.Wallets[n-1]
		p.gate("TR-3", fmt.Sprintf("wallets  %d of %d online at the end, at the least %d (by the VSP's word)", last.Online, last.Total, fewest.Online), r.verdict("TR-3"))
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

// gate writes a row, its figures and its verdict on one line, or the verdict below where that is too wide.
func (p *page) gate(row, figures string, verdict verifier.Verdict) {
	p.apart("  "+row+"  "+figures, string(verdict))
}

// interval writes an uptime in percent, rounded down.
func interval(s Slots) string {
	if low, high := share(s.Low), share(s.High); low != high {
		return low + " to " + high + " %"
	}
	return share(s.Low) + " %"
}

// share writes a share in percent, rounded down; all of it without decimals.
func share(s float64) string {
	if s >= 1 {
		return "100"
	}
	return hundredths(s)
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
		cells = append(cells, fmt.Sprintf("%s %-*s %-5s", weekday(d.Date), room, squeeze(rest[:n], room), share(d.Slots.Low)))
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
