package verifier

import (
	"fmt"
	"math"
	"strings"

	"scrutineer/verifier/votes"
)

// Tally is how many of the listed tickets' votes were made and missed, of those whose fate is final.
type Tally struct {
	Voted       int
	Operator    int // missed, and the operator's to answer for
	Network     int // missed, and nobody's at the VSP
	Unknown     int // missed, and the evidence does not say why
	Provisional int // decided, but not final: in none of the above
}

// NewTally counts the ledger's final outcomes.
func NewTally(e Evidence, misses []Miss) Tally {
	var t Tally
	for _, entry := range e.Ledger.Entries {
		switch {
		case entry.Outcome != votes.Voted && entry.Outcome != votes.Missed:
		case !e.Final(entry):
			t.Provisional++
		case entry.Outcome == votes.Voted:
			t.Voted++
		}
	}
	for _, m := range misses {
		if !m.Final {
			continue
		}
		switch m.Blame {
		case ByOperator:
			t.Operator++
		case ByNetwork:
			t.Network++
		default:
			t.Unknown++
		}
	}
	return t
}

// Missed is every miss, whoever is to answer for it.
func (t Tally) Missed() int { return t.Operator + t.Network + t.Unknown }

// held is how many votes the VSP is held to: what the network lost is not among them.
func (t Tally) held() int { return t.Voted + t.Operator + t.Unknown }

// Bounds returns the upper bounds of the miss rate, 0 to 1: with the operator's misses alone, and with the unknown ones
// as well.
func (t Tally) Bounds(confidence float64) (operator, worst float64) {
	return upperBound(t.Operator, t.Voted+t.Operator, confidence), upperBound(t.Operator+t.Unknown, t.held(), confidence)
}

// judgeVotes is row TR-2. The gate is on the bound, not on the rate: few votes prove little.
func judgeVotes(e Evidence, misses []Miss) Finding {
	if f, bad := e.unreadable(); bad {
		return f
	}
	t := NewTally(e, misses)
	limit := e.Policy.MissRate
	operator, worst := t.Bounds(e.Policy.Confidence)
	f := Finding{Class: Chain, Numbers: []Number{
		number("won", t.Voted+t.Missed()), number("voted", t.Voted), number("missed", t.Missed()),
		number("missed_operator", t.Operator), number("missed_network", t.Network), number("missed_unknown", t.Unknown),
		number("provisional", t.Provisional), against("miss_rate_bound", worst, limit),
		number("final_states_matched", e.Ledger.Checked),
	}}
	if t.Missed() > 0 {
		f.Class = Outside // who is to answer for a miss rests on what our node heard
	}
	for _, m := range misses {
		f.Cites = append(f.Cites, m.Cites...)
	}
	f.Says = append(f.Says, fmt.Sprintf("%s: the miss rate is at most %s at %.3g %% confidence, the limit is %.3g %%.",
		missedOf(t), percentUp(worst), e.Policy.Confidence*100, limit*100))
	switch {
	case t.Operator > 0 && operator > limit:
		f.Verdict = Fail
		f.Says = append(f.Says, missedBlocks(misses))
	case worst > limit:
		f.Verdict = Unproven
		f.Says = append(f.Says, moreVotes(e, t))
	default:
		f.Verdict = Pass
	}
	return f
}

func missedOf(t Tally) string {
	text := fmt.Sprintf("%d of %d won votes were missed", t.Missed(), t.Voted+t.Missed())
	var parts []string
	for _, part := range []struct {
		n    int
		text string
	}{{t.Operator, "by the operator"}, {t.Network, "by the network"}, {t.Unknown, "for a cause unknown"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.text))
		}
	}
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text
}

// maxBlocksNamed is how many blocks a sentence names; the ledger has them all.
const maxBlocksNamed = 6

func missedBlocks(misses []Miss) string {
	var heights []string
	last := int64(0)
	for _, m := range misses {
		if m.Blame == ByOperator && m.Final && m.Entry.Decided != last {
			last = m.Entry.Decided
			heights = append(heights, fmt.Sprint(last))
		}
	}
	more := ""
	if len(heights) > maxBlocksNamed {
		more = fmt.Sprintf(" and %d more", len(heights)-maxBlocksNamed)
		heights = heights[:maxBlocksNamed]
	}
	return "The operator's: in blocks " + strings.Join(heights, ", ") + more + "; others' votes were there, and ours never reached our node."
}

// moreVotes says how far the evidence is from a claim, and how long that takes at the pace so far.
func moreVotes(e Evidence, t Tally) string {
	need, ok := votesNeeded(t.Operator+t.Unknown, e.Policy.MissRate, e.Policy.Confidence)
	if !ok {
		return "No number of votes would prove it."
	}
	more := need - t.held()
	text := fmt.Sprintf("%d more votes without a miss would prove it", more)
	if blocks := e.Ledger.To - e.Ledger.From + 1; t.held() > 0 && blocks > 0 {
		ahead := math.Ceil(float64(more) * float64(blocks) / float64(t.held()))
		text += fmt.Sprintf(", about %.0f blocks at the pace of this trial", ahead)
	}
	return text + "."
}
