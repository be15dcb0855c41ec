package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"scrutineer/verifier"
)

//go:embed report.html
var htmlText string

var htmlPage = template.Must(template.New("report").Funcs(template.FuncMap{
	"percent": func(share float64) string { return verifier.Percent(share) + "\u00a0%" },
	"clock":   func(at time.Time) string { return at.Format("02 Jan 2006 15:04:05") + " UTC" },
	"span":    func(s float64) string { return span(seconds(s)) },
	"short":   short,
	"height":  height,
	"lower":   func(v verifier.Verdict) string { return strings.ToLower(string(v)) },
	"plain":   plain,
	"trip":    func(d time.Duration) string { return trip(d) },
	"within":  Within,
	"stands":  standing,
	"times":   func(a, b float64) float64 { return a * b },
}).Parse(htmlText))

// HTML returns the report as one page for a browser, with charts and without scripts. It needs nothing but itself, and
// shows nothing that the JSON does not hold.
func (r Report) HTML() ([]byte, error) {
	var page bytes.Buffer
	if err := htmlPage.Execute(&page, htmlView{r}); err != nil {
		return nil, fmt.Errorf("render report: %w", err)
	}
	return page.Bytes(), nil
}

// htmlView is what the page shows of a report.
type htmlView struct{ Report }

// Tone is the colour that goes with the answer.
func (v htmlView) Tone() string {
	switch v.Answer {
	case Passed:
		return "pass"
	case NotPassed:
		return "fail"
	}
	return "unproven"
}

// Name is how the page calls the report.
func (v htmlView) Name() string { return v.name() }

// Changed tells what was planned otherwise before.
func (v htmlView) Changed() []string { return changes(v.Changes) }

// ListCites names the entries that the list of tickets came with.
func (v htmlView) ListCites() string { return cites(v.Ledger.ListEntries) }

// Whole says whether the list claims to have every ticket of the VSP.
func (v htmlView) Whole() string { return v.Ledger.whole() }

// VantageRibbon is a vantage and the slots in which it could see.
type VantageRibbon struct {
	Vantage
	Width float64
	Bars  []bar
}

// Outlooks is where the VSP was watched from, if that is more than one place.
func (v htmlView) Outlooks() []VantageRibbon {
	if len(v.Vantages) < 2 {
		return nil
	}
	var all []VantageRibbon
	for _, p := range v.Vantages {
		all = append(all, VantageRibbon{p, chartWidth, runs(p.Ribbon, 0, chartWidth/float64(max(1, len(p.Ribbon))))})
	}
	return all
}

// Tally is how many rows have a verdict.
type Tally struct {
	Verdict verifier.Verdict
	Rows    int
}

// Tallies counts the verdicts in their order.
func (v htmlView) Tallies() []Tally {
	var all []Tally
	for _, verdict := range verifier.Verdicts {
		all = append(all, Tally{verdict, v.Counts[verdict]})
	}
	return all
}

// Reasons is the rows that were examined and did not pass, the worst first.
func (v htmlView) Reasons() []verifier.Finding {
	var all []verifier.Finding
	for _, verdict := range severity {
		for _, f := range v.Rows {
			if f.Verdict == verdict && !idle(f) {
				all = append(all, f)
			}
		}
	}
	return all
}

// Idle is the rows that nobody looked at.
func (v htmlView) Idle() []string {
	var all []string
	for _, f := range v.Rows {
		if idle(f) {
			all = append(all, f.Row)
		}
	}
	return all
}

// idle reports whether nobody looked at a row.
func idle(f verifier.Finding) bool {
	return f.Class == "" && slices.Equal(f.Says, []string{verifier.NotExamined})
}

// Cites names the entries that a finding cites, at most as many as the text does.
func (v htmlView) Cites(f verifier.Finding) string {
	return strings.TrimPrefix(cites(f.Cites), ", ")
}

// Missed is the missed tickets by height.
func (v htmlView) Missed() []Ticket { return missedOf(v.Tickets) }

// Bound is the miss rate's upper bound in percent, rounded up: what is above a limit must not look as if it were not.
func (v htmlView) Bound() string { return verifier.PercentUp(v.Ledger.MissRateBound) + "\u00a0%" }

// Ribbons is the uptime of every endpoint as a chart.
func (v htmlView) Ribbons() []ribbonChart {
	var all []ribbonChart
	for _, e := range v.Uptime {
		all = append(all, newRibbonChart(v.Window, e))
	}
	return all
}

// Votes is the votes over the blocks as a chart; nil where none were decided.
func (v htmlView) Votes() *votesChart { return newVotesChart(v.Ledger, v.Tickets) }

// Bounds is the miss rate's upper bound over the blocks as a chart; nil where no vote was decided.
func (v htmlView) Bounds() *boundChart { return newBoundChart(v.Report) }

// Map is where the machines are, drawn; nil where nobody measured.
func (v htmlView) Map() *worldMap { return newWorldMap(v.Report.Places) }

// Machines is what is known of where they are, nil where nobody measured.
func (v htmlView) Machines() *Places { return v.Report.Places }

// Moved tells what the operator's description said otherwise before.
func (v htmlView) Moved() []string { return changes(v.Report.Places.Changes) }

// Readiness is the voting wallets over time as a chart; nil where the VSP said nothing.
func (v htmlView) Readiness() *readinessChart { return newReadinessChart(v.Wallets) }
