package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"scrutineer/verifier"
)

// boundChart is how the upper bound of the miss rate came down with each vote.
type boundChart struct {
	Width, Height float64
	Line          string  // as an SVG path
	LimitY        float64 // where the policy's limit is
	Top           float64 // the share that is at the top, 0 to 1; the line begins above it
	From, To      int64
}

// boundScale is how many times the limit the chart reaches up to.
const boundScale = 10

// newBoundChart returns nil where no vote is final. What the network lost is not held against anybody, and not in it.
func newBoundChart(r Report) *boundChart {
	l := r.Ledger
	held := slices.DeleteFunc(slices.Clone(r.Tickets), func(t Ticket) bool {
		return !t.Final || t.Outcome != "made" && (t.Outcome != "missed" || t.Blame == verifier.ByNetwork)
	})
	if len(held) == 0 || l.To <= l.From {
		return nil
	}
	slices.SortStableFunc(held, func(a, b Ticket) int { return cmp.Compare(*a.Decided, *b.Decided) })
	c := &boundChart{Width: chartWidth, Height: boundHeight, Top: min(1, boundScale*r.Policy.MissRate), From: l.From, To: l.To}
	y := func(share float64) float64 { return boundHeight * (1 - min(1, share/c.Top)) }
	c.LimitY = y(r.Policy.MissRate)
	var line strings.Builder
	fmt.Fprint(&line, "M0 0")
	var t verifier.Tally
	for _, ticket := range held {
		if ticket.Outcome == "made" {
			t.Voted++
		} else {
			t.Unknown++
		}
		_, bound := t.Bounds(r.Policy.Confidence)
		fmt.Fprintf(&line, "H%.1fV%.1f", chartWidth*float64(*ticket.Decided-l.From)/float64(l.To-l.From), y(bound))
	}
	fmt.Fprintf(&line, "H%.1f", chartWidth)
	c.Line = line.String()
	return c
}
