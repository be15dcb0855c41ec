package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Charts are drawn into a box of these sizes, which the page scales to its width.
const (
	chartWidth  = 720.0
	votesHeight = 160.0
	ribbonRow   = 16.0
	ribbonGap   = 4.0
	walletStep  = 18.0
	boundHeight = 90.0
	leastBar    = 3.0 // of what is not up: about a pixel on a phone
)

// bar is a rectangle of a chart, and what it says when it is pointed at.
type bar struct {
	X, Y, W, H float64
	Class      string
	Title      string
}

// ribbonChart is one endpoint's slots, a row for each day.
type ribbonChart struct {
	Endpoint
	Width, Height float64
	Rows          []ribbonDay
}

// ribbonDay is one day's row.
type ribbonDay struct {
	Day
	Y       float64
	Bars    []bar
	Longest string // outage; empty if there was none
}

// ribbonClass is how each mark of a ribbon is shown.
var ribbonClass = map[byte]string{'#': "up", '-': "down", '?': "unknown"}

// newRibbonChart draws slots of the same state that follow one another as one bar, so that a week is small. All days have
// the scale of the longest, and the first one ends with the others, so that the same time of day stands in one column.
func newRibbonChart(w Window, e Endpoint) ribbonChart {
	c := ribbonChart{Endpoint: e, Width: chartWidth}
	longest := 0
	for _, d := range e.Days {
		longest = max(longest, d.Slots.total())
	}
	rest := e.Ribbon
	for i, d := range e.Days {
		y := float64(i) * (ribbonRow + ribbonGap)
		n := min(d.Slots.total(), len(rest))
		slot := chartWidth / float64(longest)
		row := ribbonDay{Day: d, Y: y, Bars: runs(rest[:n], y, slot)}
		if i == 0 && len(e.Days) > 1 {
			for j := range row.Bars {
				row.Bars[j].X += slot * float64(longest-n)
			}
		}
		if outage := longestDown(w, rest[:n]); outage > 0 {
			row.Longest = span(outage)
		}
		c.Rows = append(c.Rows, row)
		rest = rest[n:]
	}
	c.Height = float64(len(e.Days)) * (ribbonRow + ribbonGap)
	return c
}

func (s Slots) total() int { return s.Up + s.Down + s.Unknown }

// runs draws a day's slots.
func runs(ribbon string, y, slot float64) []bar {
	var bars []bar
	for from := 0; from < len(ribbon); {
		to := from + 1
		for to < len(ribbon) && ribbon[to] == ribbon[from] {
			to++
		}
		class := ribbonClass[ribbon[from]]
		// A single slot of a week would be thinner than a pixel: what is not up is never too small to be seen.
		w := slot * float64(to-from)
		if class != "up" {
			w = max(w, leastBar)
		}
		bars = append(bars, bar{X: slot * float64(from), Y: y, W: w, H: ribbonRow, Class: class,
			Title: fmt.Sprintf("slots %d to %d: %s", from+1, to, class)})
		from = to
	}
	// What is not up is drawn last, over its neighbours.
	slices.SortStableFunc(bars, func(a, b bar) int { return cmp.Compare(rank(a.Class), rank(b.Class)) })
	return bars
}

func rank(class string) int { return slices.Index([]string{"up", "unknown", "down"}, class) }

// votesChart is how votes were made and missed over the blocks.
type votesChart struct {
	Width, Height   float64
	Line            string // of votes made so far, as an SVG path
	Ticks           []bar  // misses
	From, To, Total int64
}

// newVotesChart returns nil where nothing was decided.
func newVotesChart(l Ledger, tickets []Ticket) *votesChart {
	var decided []Ticket
	for _, t := range tickets {
		if t.Decided != nil && (t.Outcome == "made" || t.Outcome == "missed") {
			decided = append(decided, t)
		}
	}
	if len(decided) == 0 || l.To <= l.From {
		return nil
	}
	slices.SortStableFunc(decided, func(a, b Ticket) int { return cmp.Compare(*a.Decided, *b.Decided) })
	made := 0
	for _, t := range decided {
		if t.Outcome == "made" {
			made++
		}
	}
	c := &votesChart{Width: chartWidth, Height: votesHeight, From: l.From, To: l.To, Total: int64(made)}
	x := func(height int64) float64 { return chartWidth * float64(height-l.From) / float64(l.To-l.From) }
	y := func(n int) float64 { return votesHeight - (votesHeight-8)*float64(n)/float64(max(made, 1)) }
	var line strings.Builder
	fmt.Fprintf(&line, "M0 %.1f", votesHeight)
	n := 0
	for _, t := range decided {
		if t.Outcome == "made" {
			n++
			fmt.Fprintf(&line, "H%.1fV%.1f", x(*t.Decided), y(n))
			continue
		}
		c.Ticks = append(c.Ticks, bar{X: x(*t.Decided) - 1, W: 2, H: votesHeight, Class: "by-" + cmp.Or(string(t.Blame), "unknown"),
			Title: fmt.Sprintf("missed in block %d, by %s: %s", *t.Decided, cmp.Or(string(t.Blame), "unknown"), t.Why)})
	}
	fmt.Fprintf(&line, "H%.1f", chartWidth)
	c.Line = line.String()
	return c
}

// readinessChart is how many voting wallets the VSP said were online.
type readinessChart struct {
	Width, Height float64
	Bars          []bar
	Most          int64
}

func newReadinessChart(wallets []Wallets) *readinessChart {
	if len(wallets) == 0 {
		return nil
	}
	first, last := wallets[0].From, wallets[len(wallets)-1].To
	whole := math.Max(last.Sub(first).Seconds(), 1)
	c := &readinessChart{Width: chartWidth}
	for _, w := range wallets {
		c.Most = max(c.Most, w.Total, w.Online)
	}
	c.Height = walletStep * float64(max(c.Most, 1))
	for _, w := range wallets {
		class := "up"
		switch {
		case w.Online == 0:
			class = "down"
		case w.Online < w.Total:
			class = "unknown"
		}
		x := chartWidth * w.From.Sub(first).Seconds() / whole
		h := math.Max(walletStep*float64(w.Online), 2)
		c.Bars = append(c.Bars, bar{X: x, W: math.Max(chartWidth*w.To.Sub(w.From).Seconds()/whole, 1.5), Y: c.Height - h, H: h,
			Class: class, Title: fmt.Sprintf("%d of %d online from %s", w.Online, w.Total, w.From.Format("02 Jan 15:04:05"))})
	}
	return c
}
