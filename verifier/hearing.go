package verifier

import (
	"fmt"
	"slices"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier/votes"
)

// hearing is what our own nodes' mempools held while which block was the tip, and the blocks that came of it.
//
// It decides by what can be shown. A vote that our node had in time and that no block took is not the operator's miss. One
// that never came is, if our node would have heard it: it listened all the time, it heard every other vote of the block
// before the block, and there was time to vote. All else is unknown: that blames nobody, and excuses nobody either, as
// unknown misses stand against a claim of few misses.
type hearing struct {
	census   *Census
	complete bool                    // the listed tickets are all that the VSP has
	needed   int                     // how many votes a block needs
	at       map[int64][]Observation // records of a height
}

func newHearing(e Evidence) hearing {
	h := hearing{census: e.Census, complete: e.Complete, needed: e.Target.Network.VotesPerBlockNeeded, at: make(map[int64][]Observation)}
	for _, o := range e.Seen {
		if o.Kind == KindMempool && o.Tip != nil {
			h.at[o.Tip.Height] = append(h.at[o.Tip.Height], o)
		}
	}
	return h
}

// leastTime is how long a block must have been our node's tip for a vote that did not come in that time to be the operator's
// miss. Whoever mines with dcrd waits 2.5 s for a vote that is lacking (dcrd internal/mining, maxVoteTimeoutDuration). It is
// a little less because a block does not come to all nodes at once.
const leastTime = 2 * time.Second

// attribute says who is to answer for a miss.
func (h hearing) attribute(entry votes.Entry, othersMissed int) (Blame, string, []Cite) {
	won := entry.Decided - 1
	late, cites := "", []Cite(nil)
	for _, o := range h.around(won) {
		i := h.index(o, entry.Ticket, won)
		if i < 0 {
			continue
		}
		if h.inTime(o, i, entry.Decided) {
			return ByNetwork, "its vote had reached our node, and was not mined", []Cite{o.Cite()}
		}
		late = fmt.Sprintf("its vote reached our node %v after the block that it is for, later than all that were mined",
			o.Tip.Votes[i].After.Round(time.Millisecond))
		cites = []Cite{o.Cite()}
	}
	if height, record, replaced := h.replaced(entry); replaced {
		return ByNetwork, fmt.Sprintf("block %d was replaced by another", height), []Cite{record.Cite()}
	}
	if late != "" {
		return ByUnknown, late, cites
	}
	if record, strayed := h.strayed(entry); strayed {
		return ByUnknown, "its ticket voted after the block that it is for had another on top, or on one that is not in the chain", []Cite{record.Cite()}
	}
	switch {
	case othersMissed > 0 && h.complete:
		return ByNetwork, fmt.Sprintf("%d others missed the same block", othersMissed), nil
	case othersMissed > 0:
		return ByUnknown, fmt.Sprintf("%d others missed the same block, which may be the VSP's as well: not all its tickets are listed", othersMissed), nil
	}
	return h.silence(entry)
}

// silence says who is to answer for a vote that was not heard, where every other one was mined.
func (h hearing) silence(entry votes.Entry) (Blame, string, []Cite) {
	why, cites := "our node's mempool was not watched then", []Cite(nil)
	for _, at := range h.watched(entry.Decided - 1) {
		for _, before := range h.watched(entry.Decided - 2) {
			if before.Vantage != at.Vantage {
				continue // two broken watches do not make a whole one: a vote may have come to each node while nobody listened
			}
			cites = []Cite{before.Cite(), at.Cite()}
			heard := h.heard(entry.Decided, at.Vantage)
			switch {
			case heard < max(h.needed, entry.Voters):
				why = fmt.Sprintf("our node heard %d of the %d votes in the block in time, so that it may have missed this one", heard, entry.Voters)
			case at.Took < leastTime:
				why = fmt.Sprintf("there were only %v to vote", at.Took.Round(time.Millisecond))
			default:
				return ByOperator, fmt.Sprintf("the block has %d other votes, our node heard all of them in time, and none of this ticket", entry.Voters), cites
			}
		}
	}
	return ByUnknown, why, cites
}

// around returns the records in which a vote on a block is in time. It can come no earlier than the block itself, but maybe
// before our node has that block.
func (h hearing) around(height int64) []Observation {
	return slices.Concat(h.at[height-1], h.at[height])
}

// index returns which of a record's votes is a ticket's, on the block of the main chain at a height; -1 if none is. A vote on
// another block proves nothing: a node takes it, of a winner or not.
func (h hearing) index(o Observation, ticket chainhash.Hash, height int64) int {
	hash, ok := h.census.Hash(height)
	if !ok {
		return -1
	}
	return slices.IndexFunc(o.Tip.Votes, func(v SeenVote) bool {
		return chainhash.Hash(v.Ticket) == ticket && chainhash.Hash(v.Block) == hash
	})
}

// inTime reports whether a block could have had the vote: it came before our node had the block that it is for, or before
// another one that was mined, or in the first half of the time that there was.
func (h hearing) inTime(o Observation, i int, decided int64) bool {
	if o.Tip.Height < decided-1 || 2*o.Tip.Votes[i].After <= o.Took {
		return true
	}
	mined := h.census.voted(decided)
	return slices.ContainsFunc(o.Tip.Votes[i+1:], func(v SeenVote) bool { return slices.Contains(mined, chainhash.Hash(v.Ticket)) })
}

// replaced returns the record of another block in the place of the one that the ticket won in, or of the one that lacks its
// vote.
func (h hearing) replaced(entry votes.Entry) (height int64, o Observation, ok bool) {
	for height := entry.Decided - 1; height <= entry.Decided; height++ {
		for _, o := range h.at[height] {
			if hash, ok := h.census.Hash(height); ok && chainhash.Hash(o.Tip.Hash) != hash {
				return height, o, true
			}
		}
	}
	return 0, Observation{}, false
}

// strayed returns the record of a vote of the ticket, at the time, that is of no use: it came too late for its block, or is
// for another, as wallets may have seen a block that our node did not see.
func (h hearing) strayed(entry votes.Entry) (Observation, bool) {
	for _, o := range slices.Concat(h.around(entry.Decided-1), h.at[entry.Decided]) {
		if slices.ContainsFunc(o.Tip.Votes, func(v SeenVote) bool { return chainhash.Hash(v.Ticket) == entry.Ticket }) {
			return o, true
		}
	}
	return Observation{}, false
}

// heard returns how many of the votes in a block had reached a vantage's node before the block did.
func (h hearing) heard(height int64, vantage string) int {
	n := 0
	for _, ticket := range h.census.voted(height) {
		if slices.ContainsFunc(h.around(height-1), func(o Observation) bool {
			return o.Vantage == vantage && h.index(o, ticket, height-1) >= 0
		}) {
			n++
		}
	}
	return n
}

// watched returns the records of a block of the main chain that was the tip of one of our nodes while we listened without a
// break.
func (h hearing) watched(height int64) []Observation {
	hash, ok := h.census.Hash(height)
	if !ok {
		return nil
	}
	var whole []Observation
	for _, o := range h.at[height] {
		if o.Tip.Whole && chainhash.Hash(o.Tip.Hash) == hash {
			whole = append(whole, o)
		}
	}
	return whole
}
