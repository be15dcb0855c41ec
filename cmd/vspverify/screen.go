package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"scrutineer/verifier"
	"scrutineer/verifier/report"
)

// screen is text being laid out for a terminal: no line wider, no more lines than there is room for.
type screen struct {
	width, height int
	color         bool
	lines         []string
}

// Colours of a terminal (ECMA-48).
const (
	plainText = ""
	bold      = "1"
	green     = "32"
	red       = "31"
	yellow    = "33"
	faint     = "2"
)

// part is a piece of a line in one colour.
type part struct{ text, color string }

func in(color, format string, args ...any) part { return part{fmt.Sprintf(format, args...), color} }

// line adds a line of parts, cut where the screen ends.
func (s *screen) line(parts ...part) {
	var b strings.Builder
	room := s.width
	for _, p := range parts {
		if room <= 0 {
			break
		}
		text := cut(p.text, room)
		room -= utf8.RuneCountInString(text)
		if s.color && p.color != plainText && text != "" {
			text = "\x1b[" + p.color + "m" + text + "\x1b[0m"
		}
		b.WriteString(text)
	}
	s.lines = append(s.lines, strings.TrimRight(b.String(), " "))
}

// wrap adds a text behind a label, the lines it takes under its beginning.
func (s *screen) wrap(label part, text string) {
	indent := utf8.RuneCountInString(label.text)
	var line string
	first := true
	flush := func() {
		if first {
			s.line(label, part{line, plainText})
		} else {
			s.line(part{strings.Repeat(" ", indent) + line, plainText})
		}
		first, line = false, ""
	}
	for _, word := range strings.Fields(text) {
		if line != "" && indent+utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > s.width {
			flush()
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	flush()
}

// apart adds a line with a text at each end.
func (s *screen) apart(left, right part) {
	room := s.width - utf8.RuneCountInString(left.text) - utf8.RuneCountInString(right.text)
	s.line(left, part{strings.Repeat(" ", max(1, room)), plainText}, right)
}

// text returns the screen, each line with its end.
func (s *screen) text() string {
	if s.height > 0 && len(s.lines) > s.height {
		s.lines = s.lines[:s.height]
	}
	return strings.Join(s.lines, "\n") + "\n"
}

// show lays out a picture. What is wrong comes before how it goes, and what is newest fills the room that is left.
func (s *screen) show(p picture, now time.Time) {
	s.head(p, now)
	s.warnings(p.forecast.Warnings)
	s.line()
	s.uptime(p)
	s.votes(p, now)
	s.wallets(p, now)
	s.line()
	s.health(p, now)
	s.newest(p)
}

// usualLines is how high the screen is without warnings and newest remarks.
const usualLines = 15

// warnings shows those that there is room for; what has been lost comes first.
func (s *screen) warnings(all []verifier.Warning) {
	for i, w := range all {
		if room := s.height - usualLines - len(s.lines); s.height > 0 && i > 0 && room < 2*2 {
			s.line(in(yellow, "  and %s: see vspverify report", number(len(all)-i, "more warning")))
			return
		}
		label := in(yellow, "  %-6s", cmp.Or(w.Row, "WE"))
		if w.Lost {
			label.color = red
		}
		s.wrap(label, w.Says)
	}
}

// head is who is judged, the answer so far and how far the trial is.
func (s *screen) head(p picture, now time.Time) {
	r := p.report
	answer := in(map[string]string{report.Passed: green, report.NotPassed: red}[r.Answer], "%s so far", r.Answer)
	w := p.evidence.Window
	if w.Complete() {
		answer.text = r.Answer
	}
	s.apart(in(bold, "%s on %s", r.Target.Name, r.Target.Network), answer)
	over := time.Duration(w.Slots) * w.Slot
	var far string
	switch {
	case w.Complete():
		far = fmt.Sprintf("complete: %s", brief(over))
	case w.Planned > 0:
		far = fmt.Sprintf("%s of %s, %d %%; to go: %s", brief(over), brief(time.Duration(w.Planned)*w.Slot), 100*w.Slots/w.Planned,
			brief(time.Duration(w.Planned-w.Slots)*w.Slot))
	default:
		far = fmt.Sprintf("%s, until it is stopped", brief(over))
	}
	if w.Stopped && !w.Complete() {
		far += "; stopped"
	}
	if w.Compressed() {
		far += fmt.Sprintf("; compressed, slots of %v", w.Slot)
	}
	s.apart(part{far, plainText}, in(faint, "%s UTC", now.UTC().Format("02 Jan 15:04:05")))
	rows := part{"rows:", faint}
	for _, verdict := range verifier.Verdicts {
		if n := r.Counts[verdict]; n > 0 {
			rows.text += fmt.Sprintf("  %d %s", n, verdict)
		}
	}
	failed := part{color: red}
	for _, f := range r.Rows {
		if f.Verdict == verifier.Fail || f.Verdict == verifier.Refuted {
			failed.text += fmt.Sprintf("  %s %s", f.Row, f.Verdict)
		}
	}
	s.line(rows, failed)
}

// uptimeColumns is how wide the figures of an endpoint are, before its ribbon.
const uptimeColumns = 61

// uptime has a line for each endpoint, with its latest slots.
func (s *screen) uptime(p picture) {
	limit := p.evidence.Policy.Uptime * 100
	cells := max(0, s.width-uptimeColumns)
	s.line(part{"TR-1  ", bold}, in(plainText, "%-16s%-16s%6s%8s%7s  ", fmt.Sprintf("uptime, %.4g %%", limit), "so far", "seen", "longest", "left"),
		in(faint, "last %d slots", cells))
	for i, u := range p.uptimes {
		share, b := u.Share(), p.forecast.Budgets[i]
		left := "-"
		if b.Slots > 0 {
			left = brief(time.Duration(max(0, b.Left())) * p.evidence.Window.Slot)
		}
		longest := brief(time.Duration(u.Longest(p.evidence.Window).Slots) * p.evidence.Window.Slot)
		figures := in(plainText, "  %-20s%-16s%6s%8s%7s  ", cut(u.Endpoint, 19), interval(share), verifier.PercentBrief(share.Coverage()), longest, left)
		s.line(append([]part{figures}, ribbonParts(u.States[max(0, len(u.States)-cells):])...)...)
	}
	if len(p.uptimes) == 0 {
		s.line(part{"  no slot is over yet", plainText})
	}
}

// interval writes an uptime, rounded down.
func interval(share verifier.Share) string {
	low, high := verifier.PercentBrief(share.Low()), verifier.PercentBrief(share.High())
	if low == high {
		return low + " %"
	}
	return low + "-" + high + " %"
}

// ribbonParts writes a character for each slot, those of one state together.
func ribbonParts(states []verifier.State) []part {
	looks := map[verifier.State]part{verifier.Up: {"#", green}, verifier.Down: {"-", red}, verifier.Unknown: {"?", yellow}}
	var parts []part
	for i, state := range states {
		if i == 0 || state != states[i-1] {
			parts = append(parts, part{"", looks[state].color})
		}
		parts[len(parts)-1].text += looks[state].text
	}
	return parts
}

// votes is what the chain says, and how far that is from a claim.
func (s *screen) votes(p picture, now time.Time) {
	label := part{"TR-2  ", bold}
	if p.chain.at.IsZero() {
		text := "votes: the chain was not read yet"
		if p.chain.err != nil {
			text = "votes: our own node is not available: " + p.chain.err.Error()
		}
		s.wrap(label, text)
		return
	}
	t, o, policy := p.tally, p.forecast.Votes, p.evidence.Policy
	missed := in(plainText, "%d missed", t.Missed())
	if t.Missed() > 0 {
		missed = in(red, "%d missed (%s)", t.Missed(), blames(t))
	}
	provisional := ""
	if t.Provisional > 0 {
		provisional = fmt.Sprintf("%d not final, ", t.Provisional)
	}
	s.line(label, in(plainText, "votes: %d made, %s", t.Voted, provisional), missed)
	s.wrap(part{"      ", plainText}, fmt.Sprintf("at most %s %%, limit %.3g %%: %s", verifier.PercentUp(o.Bound), 100*policy.MissRate, claim(o, p.evidence.Window.Complete())))
	if p.chain.err != nil {
		s.line(in(yellow, "      our own node is not available; this is %s old: %v", brief(now.Sub(p.chain.at)), p.chain.err))
	}
}

// blames says whose the misses are.
func blames(t verifier.Tally) string {
	var all []string
	for _, b := range []struct {
		n  int
		by verifier.Blame
	}{{t.Operator, verifier.ByOperator}, {t.Network, verifier.ByNetwork}, {t.Unknown, verifier.ByUnknown}} {
		if b.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", b.n, b.by))
		}
	}
	return strings.Join(all, ", ")
}

// claim says how far the votes are from proving the miss rate.
func claim(o verifier.Outlook, over bool) string {
	switch {
	case o.Needed == 0:
		return "no number of votes proves it"
	case over && o.Held >= o.Needed:
		return "proven"
	case over:
		return fmt.Sprintf("not proven, that takes %d votes", o.Needed)
	case o.Held >= o.Needed:
		return "proven so far; " + allowed(o)
	}
	text := fmt.Sprintf("%d more without a miss prove it", o.Needed-o.Held)
	if o.Wait > 0 {
		text += ", in about " + brief(o.Wait)
	}
	return text + "; " + allowed(o)
}

// allowed says what the votes that are expected will do for.
func allowed(o verifier.Outlook) string {
	text := fmt.Sprintf("%d votes expected by the end", o.Expected)
	switch {
	case o.Allowed < 0:
		return text + ", too few"
	case o.Allowed == 0:
		return text + ", if no more is missed"
	}
	return text + fmt.Sprintf(", enough with %d missed", o.Missed+o.Allowed)
}

// wallets is what the VSP says of them.
func (s *screen) wallets(p picture, now time.Time) {
	label := part{"TR-3  ", bold}
	last, ok := verifier.LastStatement(p.evidence)
	if !ok {
		s.line(label, part{"wallets: the VSP has said nothing yet", plainText})
		return
	}
	if last.Info.TotalVotingWallets == 0 {
		s.line(label, part{"wallets: the VSP does not say how many there are", plainText})
		return
	}
	online := in(green, "%d of %d online", last.Info.VotingWalletsOnline, last.Info.TotalVotingWallets)
	if last.Info.VotingWalletsOnline < last.Info.TotalVotingWallets {
		online.color = yellow
	}
	s.line(label, part{"wallets: ", plainText}, online, in(plainText, ", by the VSP's own word %s ago", brief(now.Sub(last.At))))
}

// health is how we are ourselves.
func (s *screen) health(p picture, now time.Time) {
	label := part{"WE    ", bold}
	sealed := "all sealed"
	if p.unsealed > 0 {
		sealed = fmt.Sprintf("%d bytes not sealed yet", p.unsealed)
	}
	s.line(label, in(plainText, "last entry %s ago; %d entries, %s, %.1f MB", brief(now.Sub(p.sum.Last)), p.sum.Tree.N, sealed, float64(p.bytes)/1e6))
	node := part{"      own node: not seen yet", yellow}
	for _, o := range slices.Backward(p.evidence.Seen) {
		if o.Kind != verifier.KindNode {
			continue
		}
		node = in(yellow, "      %s %s ago", o.Code.Text(), brief(now.Sub(o.At)))
		if o.Code == verifier.OK && o.Node != nil {
			node = in(plainText, "      own node: block %d, peers: %d, %s ago", o.Node.Height, o.Node.Peers, brief(now.Sub(o.At)))
		}
		break
	}
	if !p.chain.at.IsZero() {
		node.text += fmt.Sprintf("; chain read %s ago, to block %d", brief(now.Sub(p.chain.at)), p.chain.ledger.To)
	}
	s.line(node)
}

// newest lists the newest remarks, as many as there is room for.
func (s *screen) newest(p picture) {
	room := s.height - len(s.lines) - 2
	if s.height == 0 {
		room = 8
	}
	if room < 1 || len(p.remarks) == 0 {
		return
	}
	s.line()
	s.line(part{"NEWEST", bold}, part{"  (vspverify journal show N)", faint})
	for i, n := range slices.Backward(p.remarks) {
		if len(p.remarks)-i > room {
			break
		}
		s.line(in(faint, "%7d  %s  ", n.number, n.at.Format("02 Jan 15:04:05")), part{n.says, plainText})
	}
}

// brief writes a duration in its two largest units.
func brief(d time.Duration) string {
	d = max(0, d)
	units := []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	for i, u := range units {
		if d < u.of {
			continue
		}
		text := fmt.Sprintf("%d%s", d/u.of, u.name)
		if i+1 < len(units) {
			if rest := d % u.of / units[i+1].of; rest > 0 {
				text += fmt.Sprintf(" %d%s", rest, units[i+1].name)
			}
		}
		return text
	}
	return "0s"
}
