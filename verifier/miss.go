package verifier

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/decred/dcrd/chaincfg/chainhash"

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
	tips := newTips(e)
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
		m.Blame, m.Why, m.Cites = tips.attribute(entry, others)
		misses = append(misses, m)
	}
	slices.SortStableFunc(misses, func(a, b Miss) int { return cmp.Compare(a.Entry.Decided, b.Entry.Decided) })
	return misses
}

// tips is what the mempools of our own nodes held, one at each vantage, block by block.
type tips struct {
	census *Census
	needed int                              // how many votes a block needs
	at     map[int64][]Observation          // records of a height
	seen   map[chainhash.Hash][]Observation // records that have a vote of a ticket
}

func newTips(e Evidence) tips {
	t := tips{census: e.Census, needed: e.Target.Network.VotesPerBlockNeeded, at: make(map[int64][]Observation), seen: make(map[chainhash.Hash][]Observation)}
	for _, o := range e.Seen {
		if o.Kind != KindMempool || o.Tip == nil {
			continue
		}
		t.at[o.Tip.Height] = append(t.at[o.Tip.Height], o)
		for _, v := range o.Tip.Votes {
			ticket := chainhash.Hash(v.Ticket)
			t.seen[ticket] = append(t.seen[ticket], o)
		}
	}
	return t
}

// attribute says who is to answer for a miss. A vote can reach our node no earlier than the block it votes on exists, but
// maybe before our node has that block, so the tip before must have been watched as well.
func (t tips) attribute(entry votes.Entry, othersMissed int) (Blame, string, []Cite) {
	won := entry.Decided - 1
	if seen := t.seen[entry.Ticket]; len(seen) > 0 {
		first := slices.MinFunc(seen, func(a, b Observation) int { return cmp.Compare(a.Tip.Height, b.Tip.Height) })
		if first.Tip.Height <= won {
			return ByNetwork, "its vote had reached our node, and was not mined", []Cite{first.Cite()}
		}
		return ByUnknown, fmt.Sprintf("its vote reached our node late, at block %d", first.Tip.Height), []Cite{first.Cite()}
	}
	for height := won; height <= entry.Decided; height++ {
		for _, o := range t.at[height] {
			if hash, ok := t.census.Hash(height); ok && chainhash.Hash(o.Tip.Hash) != hash {
				return ByNetwork, fmt.Sprintf("block %d was replaced by another", height), []Cite{o.Cite()}
			}
		}
	}
	if othersMissed > 0 {
		return ByNetwork, fmt.Sprintf("%d others missed the same block", othersMissed), nil
	}
	heard, cites := t.watch(entry.Decided)
	switch {
	case len(cites) == 0:
		return ByUnknown, "our node's mempool was not watched then", nil
	case heard < t.needed:
		return ByUnknown, fmt.Sprintf("our node heard %d of the %d votes in the block in time, too few to tell", heard, entry.Voters), cites
	default:
		return ByOperator, fmt.Sprintf("the block has %d other votes, our node heard %d of them in time, and none of this ticket",
			entry.Voters, heard), cites
	}
}

// watch returns the watch on a block's votes that heard the most of them, of those that one node kept without a break over
// the two tips before the block; none if there was no such watch. The parts of two nodes' broken watches do not make a whole
// one: a vote may have come to each while nobody listened there.
func (t tips) watch(decided int64) (heard int, cites []Cite) {
	for _, at := range t.watched(decided - 1) {
		for _, before := range t.watched(decided - 2) {
			if before.Vantage != at.Vantage {
				continue
			}
			if n := t.heard(decided, at.Vantage); cites == nil || n > heard {
				heard, cites = n, []Cite{before.Cite(), at.Cite()}
			}
		}
	}
	return heard, cites
}

// heard returns how many of the votes in a block had reached a vantage's node before the block did. Who heard a block's
// other votes would have heard one more.
func (t tips) heard(height int64, vantage string) int {
	n := 0
	for _, ticket := range t.census.voted(height) {
		if slices.ContainsFunc(t.seen[ticket], func(o Observation) bool { return o.Vantage == vantage && o.Tip.Height < height }) {
			n++
		}
	}
	return n
}

// watched returns the records of a block of the main chain that was the tip of one of our nodes while we listened without a
// break.
func (t tips) watched(height int64) []Observation {
	hash, ok := t.census.Hash(height)
	if !ok {
		return nil
	}
	var whole []Observation
	for _, o := range t.at[height] {
		if o.Tip.Whole && chainhash.Hash(o.Tip.Hash) == hash {
			whole = append(whole, o)
		}
	}
	return whole
}
