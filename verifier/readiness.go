package verifier

import (
	"fmt"
	"slices"
	"strings"

	"scrutineer/verifier/votes"
)

// Kinds of drill.
const (
	WalletsDown   = "wallets-down"   // voting wallets were stopped or cut off
	WalletsLocked = "wallets-locked" // voting wallets ran and could not sign
)

// Drill is a fault that somebody made on purpose, as the maker wrote it down.
type Drill struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"` // of voting wallets
	From  int64  `json:"from"`  // first block in which the fault may show, a height
	To    int64  `json:"to"`    // last one
	Note  string `json:"note"`

	Entry int64 `json:"-"` // of the journal, that first had it
}

// Mistake says what is wrong with a drill's record, and is empty if nothing is.
func (d Drill) Mistake() string {
	switch {
	case d.Kind != WalletsDown && d.Kind != WalletsLocked:
		return fmt.Sprintf("unknown kind %q: use %q or %q", d.Kind, WalletsDown, WalletsLocked)
	case d.Count < 1:
		return "count must be at least 1"
	case d.From < 1 || d.To < d.From:
		return fmt.Sprintf("from %d to %d is no range of blocks", d.From, d.To)
	default:
		return ""
	}
}

// holds reports whether a block is in the drill.
func (d Drill) holds(height int64) bool { return height >= d.From && height <= d.To }

// judgeReadiness is row TR-3. That nothing was missed while all wallets stood proves little: it must have held with one
// wallet down, and with two.
func judgeReadiness(e Evidence, misses []Miss) Finding {
	if f, bad := e.unreadable(); bad {
		return f
	}
	t := NewTally(e, misses)
	f := Finding{Numbers: []Number{number("missed_operator", t.Operator), number("missed_unknown", t.Unknown)}}
	if t.Operator > 0 {
		f.Verdict, f.Class = Fail, Outside
		f.Says = []string{fmt.Sprintf("No wallet was ready for %d own votes.", t.Operator)}
		f.Says = append(f.Says, duringDrills(e, misses)...)
		for _, m := range misses {
			if m.Blame == ByOperator {
				f.Cites = append(f.Cites, m.Cites...)
			}
		}
		return f
	}
	f.Verdict, f.Class = Pass, Stated
	var missing []string
	for count := 1; count <= 2; count++ {
		won, stated, cites := drilled(e, count)
		f.Numbers = append(f.Numbers, number(fmt.Sprintf("voted_with_%d_down", count), won))
		f.Cites = append(f.Cites, cites...)
		switch {
		case won == 0:
			missing = append(missing, fmt.Sprintf("own tickets that won while %d of the wallets were down", count))
		case !stated && f.Verdict == Pass:
			f.Verdict, f.Class = Attested, Word
		}
	}
	if t.Unknown > 0 {
		missing = append(missing, fmt.Sprintf("the cause of %d misses", t.Unknown))
	}
	switch {
	case len(missing) > 0:
		f.Verdict, f.Class = Unproven, Chain
		f.Says = []string{"Nothing is known to have been missed by the operator. Lacking: " + strings.Join(missing, "; ") + "."}
	case f.Verdict == Attested:
		f.Says = []string{"All own votes were made while one and two wallets were down, by the drill log alone: the VSP did not say they were."}
	default:
		f.Says = []string{"All own votes were made while one and two wallets were down; the VSP said they were."}
	}
	return f
}

func duringDrills(e Evidence, misses []Miss) []string {
	var says []string
	for _, d := range e.Drills {
		n := 0
		for _, m := range misses {
			if m.Blame == ByOperator && m.Final && d.holds(m.Entry.Decided) {
				n++
			}
		}
		if n > 0 {
			says = append(says, fmt.Sprintf("%d of them in the drill of blocks %d to %d: %s (%d).", n, d.From, d.To, d.Kind, d.Count))
		}
	}
	return says
}

// drilled returns how many own votes were made while that many wallets were out of order, and whether the VSP itself said,
// signed, that so many were away.
func drilled(e Evidence, count int) (made int, stated bool, cites []Cite) {
	for _, d := range e.Drills {
		if d.Count != count {
			continue
		}
		for _, entry := range e.Ledger.Entries {
			if entry.Outcome == votes.Voted && d.holds(entry.Decided) && e.Final(entry) {
				made++
			}
		}
		for _, c := range Statements(e) {
			if d.Kind == WalletsDown && d.holds(c.Height) && c.Info.TotalVotingWallets-c.Info.VotingWalletsOnline >= int64(count) {
				stated = true
				cites = append(cites, c.Cite)
			}
		}
	}
	slices.SortFunc(cites, Cite.Compare)
	return made, stated, cites
}
