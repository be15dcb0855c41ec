package verifier

import (
	"sort"
	"time"
)

// Witness is a vantage on another machine that has a journal of its own, and what came of asking it for that.
type Witness struct {
	Name  string `json:"vantage"`
	Key   string `json:"journal_key"` // that its checkpoints are verified with: a verifier key of signed notes (C2SP)
	Pulls []Pull `json:"-"`           // in the order of the trial's own journal
}

// Pull is what came of asking a vantage for its journal, as the trial's own journal has it. Whatever it is, it is our own
// trouble and never the VSP's.
type Pull struct {
	Number   int64         `json:"-"`  // of its entry in the trial's own journal
	At       time.Time     `json:"at"` // UTC
	Vantage  string        `json:"vantage"`
	Code     PullCode      `json:"code"`
	Detail   string        `json:"detail,omitempty"`
	Entries  int64         `json:"entries"`         // of its journal that we have, verified
	Root     string        `json:"root,omitempty"`  // of the Merkle tree of these (RFC 6962), base64
	ClockOff time.Duration `json:"clock_off_ns"`    // how far, at least, its clock was ahead of ours; less than 0: behind
	Proof    string        `json:"proof,omitempty"` // of PullRewritten: the signed checkpoint that is not on what it had shown
}

// PullCode is how a pull ended.
type PullCode string

// The ends of a pull.
const (
	PullOK          PullCode = "ok"
	PullUnreachable PullCode = "unreachable"
	PullRefused     PullCode = "refused"
	PullGarbage     PullCode = "garbage"
	PullTooMuch     PullCode = "too-much"
	PullBehind      PullCode = "behind"
	PullRewritten   PullCode = "rewritten"
	PullNotKept     PullCode = "not-kept"
)

var pullTexts = map[PullCode]string{
	PullOK:          "gave what its journal has",
	PullUnreachable: "could not be reached",
	PullRefused:     "refused",
	PullGarbage:     "gave what is no part of its journal",
	PullTooMuch:     "has a journal larger than we take",
	PullBehind:      "has less in its journal than it had shown before",
	PullRewritten:   "contradicts what its own journal had shown before",
	PullNotKept:     "gave what could not be kept here",
}

// Text says in a few words what the code means.
func (c PullCode) Text() string {
	if text, ok := pullTexts[c]; ok {
		return text
	}
	return "ended in a way that is not known: " + string(c)
}

// Held returns how many entries of the vantage's journal count as evidence, and the root of their tree: what was verified
// and noted before the vantage contradicted itself, if it did.
func (w Witness) Held() (entries int64, root string) {
	for _, p := range w.Pulls {
		if p.Code == PullRewritten {
			break
		}
		if p.Entries > entries {
			entries, root = p.Entries, p.Root
		}
	}
	return entries, root
}

// Rewritten returns the pull that showed that the vantage contradicts itself, nil if it never did.
func (w Witness) Rewritten() *Pull {
	for i := range w.Pulls {
		if w.Pulls[i].Code == PullRewritten {
			return &w.Pulls[i]
		}
	}
	return nil
}

// span is a run of a journal's entries that one pull brought.
type span struct {
	last  int64
	inLim bool
}

// Timely returns of each entry of the vantage's journal whether its clock was right when the entry was written: within a
// limit of ours both when the entry came and in the pull before.
// An entry that no pull brought is not.
func (w Witness) Timely(limit time.Duration) func(entry int64) bool {
	var spans []span
	entries, before := int64(0), time.Duration(0)
	for _, p := range w.Pulls {
		if p.Code == PullRewritten {
			break
		}
		off := max(before.Abs(), p.ClockOff.Abs())
		if p.Entries > entries {
			spans = append(spans, span{p.Entries, off <= limit})
			entries = p.Entries
		}
		if p.Code != PullUnreachable {
			before = p.ClockOff
		}
	}
	return func(entry int64) bool {
		i := sort.Search(len(spans), func(i int) bool { return spans[i].last >= entry })
		return i < len(spans) && spans[i].inLim
	}
}

// ClockLimit is how far a vantage's clock may be off for what it saw to count: no further than the policy allows the VSP's,
// and no further than a slot is long, or it would be counted in another slot.
func ClockLimit(p Policy, slot time.Duration) time.Duration { return min(p.MaxSkew, slot) }
