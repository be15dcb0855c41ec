package verifier

import (
	"cmp"
	"slices"

	"scrutineer/verifier/votes"
)

// Blame is who is to answer for a missed vote.
type Blame string

// The blames. A miss is the operator's only where the evidence says so.
const (
	ByOperator Blame = "operator"
	ByNetwork  Blame = "network"
	ByUnknown  Blame = "unknown"
)

// Miss is a ticket that won and whose vote is not in the next block.
type Miss struct {
	Entry votes.Entry
	Final bool
	Blame Blame
	Why   string
	Cites []Cite
}

// Misses returns every missed vote, by height.
func Misses(e Evidence) []Miss {
	heard := newHearing(e)
	inBlock := make(map[int64]int)
	var misses []Miss
	for _, entry := range e.Ledger.Entries {
		if entry.Outcome == votes.Missed {
			inBlock[entry.Decided]++
		}
	}
	for _, entry := range e.Ledger.Entries {
		if entry.Outcome != votes.Missed {
			continue
		}
		m := Miss{Entry: entry, Final: e.Final(entry)}
		others := int(e.Target.Network.Params.TicketsPerBlock) - entry.Voters - inBlock[entry.Decided]
		m.Blame, m.Why, m.Cites = heard.attribute(entry, others)
		misses = append(misses, m)
	}
	slices.SortStableFunc(misses, func(a, b Miss) int { return cmp.Compare(a.Entry.Decided, b.Entry.Decided) })
	return misses
}
