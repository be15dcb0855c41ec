package verifier

import (
	"fmt"
	"slices"
	"strings"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier/votes"
)

// spending is what votes say on treasury spends. Which spends could be voted on, the chain itself shows only by the votes on
// them: one is known to wallets when another vote was on it some blocks earlier, and open to votes while others are cast.
type spending struct {
	census *Census
	first  map[chainhash.Hash]int64  // the first block with a vote on a spend
	keys   map[chainhash.Hash]string // that signed a spend, hex, where our shopper saw it
	lag    int64
}

func newSpending(e Evidence) spending {
	s := spending{census: e.Census, first: make(map[chainhash.Hash]int64), lag: max(1, e.Policy.MaxLagBlocks),
		keys: NewShopping(e.Target, e.Seen).Spends}
	if e.Census == nil {
		return s
	}
	for height, block := range e.Census.blocks {
		for _, cast := range block.spends {
			for _, vote := range cast {
				if first, ok := s.first[vote.Hash]; !ok || height < first {
					s.first[vote.Hash] = height
				}
			}
		}
	}
	return s
}

// wrong says how a vote is other than chosen on treasury spends, and on how many of them it was held to a choice.
func (s spending) wrong(entry votes.Entry, c Choices) (wrong string, counted int) {
	if s.census == nil {
		return "", 0
	}
	block := s.census.blocks[entry.Decided].spends
	own := make(map[chainhash.Hash]string)
	for _, vote := range block[entry.Ticket] {
		own[vote.Hash] = map[stake.TreasuryVoteT]string{stake.TreasuryVoteYes: "yes", stake.TreasuryVoteNo: "no"}[vote.Vote]
	}
	for _, spend := range spendsIn(block) {
		want, told := s.chosen(spend, c)
		got, cast := own[spend]
		switch {
		case !told, !cast && s.first[spend] > entry.Decided-s.lag: // the wallets may not have heard of it yet
			continue
		case want != "abstain":
			counted++
		}
		if got = orAbstain(got); got != want && wrong == "" {
			wrong = fmt.Sprintf("%s on the treasury spend %.16s, the holder had chosen %s", got, spend, want)
		}
	}
	return wrong, counted
}

// chosen returns what was chosen for a spend, or else for the key that signed it. It reports false where that is not known.
func (s spending) chosen(spend chainhash.Hash, c Choices) (string, bool) {
	if choice, ok := c.TSpends[spend.String()]; ok {
		return orAbstain(choice), true
	}
	if len(c.Treasury) == 0 {
		return "abstain", true
	}
	key, ok := s.keys[spend]
	return orAbstain(c.Treasury[key]), ok
}

// spendsIn lists the treasury spends that a block's votes are on, in one order.
func spendsIn(block map[chainhash.Hash][]stake.TreasuryVoteTuple) []chainhash.Hash {
	var all []chainhash.Hash
	for _, cast := range block {
		for _, vote := range cast {
			all = append(all, vote.Hash)
		}
	}
	slices.SortFunc(all, func(a, b chainhash.Hash) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(all)
}

// orAbstain returns how a wallet votes by a choice: what is neither yes nor no is no vote.
func orAbstain(choice string) string {
	if choice == "yes" || choice == "no" {
		return choice
	}
	return "abstain"
}
