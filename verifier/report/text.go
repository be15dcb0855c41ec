package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"scrutineer/verifier"
)

// width is that of a terminal over SSH.
const width = 80

// Text returns the report for people, at 80 columns: the answer, why, and then what it rests on.
func (r Report) Text() string {
	p := new(page)
	r.head(p)
	r.warnings(p)
	r.reasons(p, against)
	r.gates(p)
	r.reasons(p, wanting)
	r.unseen(p)
	r.uptime(p)
	r.vantages(p)
	r.places(p)
	r.ledger(p)
	r.readiness(p)
	r.missed(p)
	r.alerts(p)
	r.rows(p)
	r.policy(p)
	r.tickets(p)
	p.title("CHECK IT YOURSELF")
	p.wrap("  ", r.Check)
	return p.String()
}

// head is who was judged, when, and the answer.
func (r Report) head(p *page) {
	p.apart(r.Target.Name+" on "+r.Target.Network, r.Answer)
	w := r.Window
	state := "complete"
	if !w.Complete {
		state = "not over"
	}
	p.apart(between(w)+", "+span(w.To.Sub(w.From))+", "+state, r.name())
	if w.Compressed {
		p.wrap("", fmt.Sprintf("Compressed: a slot is %v here, and a minute in a trial by the clock.", seconds(w.SlotSeconds)))
	}
	for _, c := range changes(r.Changes) {
		p.wrap("", c)
	}
	p.line("")
	var counts []string
	for _, verdict := range verifier.Verdicts {
		counts = append(counts, fmt.Sprintf("%d %s", r.Counts[verdict], verdict))
	}
	p.line("  " + strings.Join(counts, "   "))
}

// between writes when the window begins and ends, to the minute where its slots are minutes.
func between(w Window) string {
	clock := "15:04"
	if w.Compressed {
		clock = "15:04:05"
	}
	end := "02 Jan " + clock
	if w.From.YearDay() == w.To.YearDay() && w.From.Year() == w.To.Year() {
		end = clock
	}
	return w.From.Format("02 Jan 2006 "+clock) + " to " + w.To.Format(end) + " UTC"
}

// changes tells what was planned otherwise before, a sentence for each time: thresholds that were chosen late must be seen.
func changes(of []verifier.PlanChange) []string {
	var all []string
	for i, c := range of {
		if i == 0 || of[i-1].Entry != c.Entry {
			all = append(all, fmt.Sprintf("CHANGED after %d slots, %s, entry %d:", c.Slots, c.At.Format("02 Jan 15:04:05"), c.Entry))
		} else {
			all[len(all)-1] += ","
		}
		all[len(all)-1] += fmt.Sprintf(" %s was %s and is %s", c.What, orNothing(c.Was), orNothing(c.Now))
	}
	return all
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// severity is the order in which verdicts are told of: what speaks against the VSP, and then what only falls short.
var (
	against  = []verifier.Verdict{verifier.Fail, verifier.Refuted}
	wanting  = []verifier.Verdict{verifier.Blocked, verifier.Unproven, verifier.Attested}
	severity = slices.Concat(against, wanting)
)

// warnings tells of what is about to be lost in a trial that is not over.
func (r Report) warnings(p *page) {
	if len(r.Warnings) == 0 {
		return
	}
	p.line("")
	for _, w := range r.Warnings {
		state := "warning"
		if w.Lost {
			state = "LOST"
		}
		p.wrap(fmt.Sprintf("  %-5s %-10s", cmp.Or(w.Row, "we"), state), w.Says)
	}
}

// reasons tells of each row that was examined and has one of the verdicts.
func (r Report) reasons(p *page, verdicts []verifier.Verdict) {
	told := false
	for _, verdict := range verdicts {
		for _, f := range r.Rows {
			if f.Verdict != verdict || idle(f) {
				continue
			}
			if !told {
				p.line("")
			}
			told = true
			p.finding(f, r.Brief(f))
		}
	}
}

// unseen names the rows that nobody looked at.
func (r Report) unseen(p *page) {
	var all []string
	for _, f := range r.Rows {
		if idle(f) {
			all = append(all, f.Row)
		}
	}
	if len(all) > 0 {
		p.wrap("  Not examined yet: ", strings.Join(all, " "))
	}
}

// finding is one row's verdict and why.
func (p *page) finding(f verifier.Finding, says []string) {
	text := strings.Join(says, " ")
	if f.Class != "" {
		text += "  [" + string(f.Class) + cites(f.Cites) + "]"
	}
	p.wrap(fmt.Sprintf("  %-5s %-10s", f.Row, f.Verdict), text)
}

// maxCited is how many entries of the journal the text cites; the JSON has them all.
const maxCited = 4

func cites[T int64 | verifier.Cite](entries []T) string {
	if len(entries) == 0 {
		return ""
	}
	text := ", entries"
	for i, entry := range entries {
		if i == maxCited {
			return text + fmt.Sprintf(" and %d more", len(entries)-maxCited)
		}
		text += fmt.Sprint(" ", entry)
	}
	return text
}

func (r Report) uptime(p *page) {
	p.title("UPTIME (TR-1)")
	for _, e := range r.Uptime {
		s := e.Slots
		p.wrap("  "+e.Endpoint+"  ", fmt.Sprintf("%s to %s %%, coverage %s %%; %d slots up, %d down, %d unknown",
			verifier.Percent(s.Low), verifier.Percent(s.High), verifier.Percent(s.Coverage), s.Up, s.Down, s.Unknown))
		p.ribbon(r.Window, e)
		for _, c := range e.Causes {
			p.wrap("    ", fmt.Sprintf("%d slots %s: %s (%s)", c.Slots, c.State, c.Text, c.Code))
		}
		if o := e.Longest; o != nil {
			p.wrap("    ", fmt.Sprintf("The longest outage began %s and took %s.", o.From.Format("02 Jan 15:04:05"), span(seconds(o.Seconds))))
		}
	}
	if len(r.Uptime) == 0 {
		p.line("  Nothing was looked at.")
	}
	p.registrations(r.Shopper)
}

// ribbonWidth fits behind a day and before its share.
const ribbonWidth = 45

// ribbon draws one line for each day.
func (p *page) ribbon(w Window, e Endpoint) {
	rest := e.Ribbon
	for _, d := range e.Days {
		n := d.Slots.total()
		line := fmt.Sprintf("    %s  %-*s %6s", d.Date, ribbonWidth, squeeze(rest[:n], ribbonWidth), verifier.PercentBrief(d.Slots.Low))
		if longest := longestDown(w, rest[:n]); longest > 0 {
			line += "  " + span(longest)
		}
		p.line(line)
		rest = rest[n:]
	}
	if len(e.Days) > 0 {
		p.line("    # up   - down   ? unknown, which counts for nobody; %, longest outage")
	}
}

func (r Report) ledger(p *page) {
	l := r.Ledger
	p.title("VOTES (TR-2)")
	if l.To == 0 {
		p.line("  The chain was not read: our own node never told of a block.")
		return
	}
	p.wrap("  ", fmt.Sprintf("%d tickets listed%s, %s. Blocks %d to %d.", l.Listed, cites(l.ListEntries), l.whole(), l.From, l.To))
	for _, removed := range l.Removed {
		p.wrap("  ", fmt.Sprintf("Taken out of the list by entry %d, and still counted: %s", removed.Entry, short(removed.Ticket)))
	}
	p.wrap("  ", fmt.Sprintf("%d made, %d missed, %d expired, %d live, %d immature, %d unknown. Provisional: %d.",
		l.Made, l.Missed, l.Expired, l.Live, l.Immature, l.Unknown, l.Provisional))
	p.wrap("  ", fmt.Sprintf("Missed by the operator %d, the network %d, for a cause unknown %d. The miss rate is at most %s %%.",
		l.MissedBy.Operator, l.MissedBy.Network, l.MissedBy.Unknown, verifier.PercentUp(l.MissRateBound)))
	if m := l.FinalMismatch; m != nil {
		p.wrap("  ", fmt.Sprintf("The final state of block %d is %s, by the account before it it would be %s: the ledger ends there.", m.Height, m.Want, m.Got))
		return
	}
	r.votesOverTime(p)
	p.wrap("  ", fmt.Sprintf("All %d final states match: every winner is proven by a header.", l.FinalStates))
}

// whole says whether the list claims to have every ticket of the VSP.
func (l Ledger) whole() string {
	switch l.CompleteBy {
	case byVSP:
		return fmt.Sprintf("by the VSP's signature all of its own at block %d", *l.ListHeight)
	case byReviewer:
		return "by the reviewer's word all of the VSP's"
	}
	return "and may not be all of the VSP's"
}

// missed lists the misses by height, with their causes.
func (r Report) missed(p *page) {
	missed := missedOf(r.Tickets)
	if len(missed) > 0 {
		p.title("MISSED")
	}
	for _, t := range missed {
		p.wrap(fmt.Sprintf("  block %-8d %s  ", *t.Decided, short(t.Ticket)), fmt.Sprintf("%s: %s%s", t.Blame, t.Why, provisional(t)))
	}
}

// tickets lists every ticket in the order of the list.
func (r Report) tickets(p *page) {
	p.title("TICKETS")
	p.line("  ticket             bought     live      won  outcome")
	for _, t := range r.Tickets {
		p.line(fmt.Sprintf("  %s %8s %8s %8s  %s%s", short(t.Ticket), height(t.Bought), height(t.Live), height(t.Won), t.Outcome, provisional(t)))
	}
	if len(r.Tickets) == 0 {
		p.line("  none listed")
	}
}

// missedOf returns the missed tickets by height.
func missedOf(tickets []Ticket) []Ticket {
	missed := slices.DeleteFunc(slices.Clone(tickets), func(t Ticket) bool { return t.Why == "" })
	slices.SortStableFunc(missed, func(a, b Ticket) int { return cmp.Compare(*a.Decided, *b.Decided) })
	return missed
}

// short is enough of a hash to tell tickets apart; the JSON has all of it.
func short(hash string) string { return hash[:16] }

func height(h *int64) string {
	if h == nil {
		return "-"
	}
	return fmt.Sprint(*h)
}

func provisional(t Ticket) string {
	if t.Decided != nil && !t.Final {
		return " (provisional)"
	}
	return ""
}

func (r Report) policy(p *page) {
	l := r.Policy
	p.title("POLICY")
	p.wrap("  ", fmt.Sprintf("Uptime at least %.4g %%, with at least %.4g %% of the slots known by %d or more vantages. Slower than %v is down, and so is "+
		"more than %d blocks behind our node of a slot before, or a clock %v apart. Missed votes at most %.4g %%, at %.4g %% confidence (Clopper-Pearson, one-sided).",
		l.Uptime*100, l.Coverage*100, l.MinVantages, verifier.SlowFactor*seconds(l.TargetLatencySeconds), l.MaxLagBlocks,
		seconds(l.MaxSkewSeconds), l.MissRate*100, l.Confidence*100))
	for _, d := range r.Drills {
		p.wrap("  Drill: ", d.Sentence())
	}
	for _, d := range r.Gone {
		p.wrap("  Taken out of the drill log: ", d.Sentence())
	}
	j := r.Evidence
	p.wrap("  ", fmt.Sprintf("Journal: %d entries, sealed by checkpoint %d, %d gaps. Their root, and the public key of its checkpoints:",
		j.Entries, j.Checkpoint, j.Gaps))
	p.wrap("    ", j.Root)
	p.wrap("    ", j.Key)
}

// Sentence tells of a drill.
func (d Drill) Sentence() string {
	return fmt.Sprintf("%s (%d) in blocks %d to %d, entry %d. %s", d.Kind, d.Count, d.From, d.To, d.Entry, d.Note)
}

// rowIndent is where what belongs to a row begins.
const rowIndent = "                     "

// numbers writes a row's figures, each with its threshold.
func numbers(of []verifier.Number) string {
	all := make([]string, 0, len(of))
	for _, n := range of {
		text := fmt.Sprintf("%s %.6g", n.Name, n.Value)
		if n.Limit != nil {
			text += fmt.Sprintf(" (limit %.6g)", *n.Limit)
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// rows lists every row of the programme with the figures that decide it.
func (r Report) rows(p *page) {
	p.title("EVERY ROW")
	p.wrap("  ", "Evidence: A the chain, B seen from outside, C stated or read on the host, D a person's word.")
	for _, f := range r.Rows {
		p.wrap(fmt.Sprintf("  %-5s %-10s%-2s ", f.Row, f.Verdict, f.Class), f.Requirement)
		if idle(f) {
			continue
		}
		if f.Verdict == verifier.Pass { // what did not pass was told of above
			p.wrap(rowIndent, strings.Join(r.Brief(f), " "))
		}
		if figures := numbers(f.Numbers); figures != "" {
			p.wrap(rowIndent, figures)
		}
		if len(f.Cites) > 0 {
			p.wrap(rowIndent, strings.TrimPrefix(cites(f.Cites), ", "))
		}
	}
}

// span writes a duration, in days where it is days.
func span(d time.Duration) string {
	if days := d / (24 * time.Hour); days > 0 && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", days)
	}
	text := d.String()
	if d >= time.Minute && d%time.Minute == 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	return text
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
