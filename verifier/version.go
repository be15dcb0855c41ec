package verifier

import (
	"fmt"

	"scrutineer/verifier/votes"
)

// judgeVoteVersion is the part of row OP-3 that the chain shows: a wallet that is too old casts votes of an older version
// than the network's majority does.
func judgeVoteVersion(e Evidence) Finding {
	if f, bad := e.unreadable(); bad {
		return f
	}
	compared, below := 0, 0
	var worst votes.Entry
	var majority uint32
	for _, entry := range e.Ledger.Entries {
		if entry.Vote == nil || !e.Final(entry) {
			continue
		}
		version, ok := e.Census.majority(entry.Decided, entry.Vote.Version)
		if !ok {
			continue
		}
		compared++
		if entry.Vote.Version < version {
			below++
			worst, majority = entry, version
		}
	}
	f := Finding{Verdict: Unproven, Class: Chain, Numbers: []Number{number("votes_compared", compared), number("votes_below_majority", below)}}
	switch {
	case compared == 0:
		return lacking("no own vote could be compared with others")
	case below > 0:
		f.Verdict = Fail
		f.Says = []string{fmt.Sprintf("%d of %d own votes are of an older version than the majority's; in block %d it is %d, the others' %d.",
			below, compared, worst.Decided, worst.Vote.Version, majority)}
	default:
		f.Says = []string{fmt.Sprintf("All %d own votes are of the majority's version; the versions of the programs were not examined.", compared)}
	}
	return f
}
