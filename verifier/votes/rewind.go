package votes

import (
	"fmt"
	"iter"
	"slices"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// rewind returns the live tickets before the block at height from, by undoing blocks from the tip backwards: tickets that
// became live in a block are taken out, those that were voted or revoked in it are put back.
//
// That needs the rule that a missed or expired ticket is revoked in the very block where that happens (DCP-0009): it must
// have been in force in all blocks undone. Headers carry the pool's size, so that a wrong step is seen where it is made. A
// pool of the right size with a wrong ticket in it is seen by the first final state.
func (c *chain) rewind(from int64) (*pool, error) {
	if from == 1 {
		return newPool(nil), nil // the start needs no rewinding, and so no DCP-0009
	}
	live := newPool(c.tip.Live)
	for height := c.tip.Height; height >= from; height-- {
		if err := c.undo(live, height); err != nil {
			return nil, fmt.Errorf("rewind the live tickets past block %d, which needs DCP-0009 in force there: %w", height, err)
		}
	}
	return live, nil
}

func (c *chain) undo(live *pool, height int64) error {
	t := c.at(height)
	for _, ticket := range c.maturing(height) {
		if !live.remove(ticket) {
			return fmt.Errorf("ticket %v became live in it, but is not among the live tickets after it", ticket)
		}
	}
	for _, ticket := range t.voted {
		if !live.add(ticket) {
			return fmt.Errorf("ticket %v voted in it, but is still live after it", ticket)
		}
	}
	missing := t.before.PoolSize - live.size
	if missing < 0 || missing > len(t.revoked) {
		return fmt.Errorf("its header counts %d live tickets before it, undoing it gives %d and %d revoked ones",
			t.before.PoolSize, live.size, len(t.revoked))
	}
	return c.unrevoke(live, t, missing)
}

// unrevoke puts back those of a block's revoked tickets that were live before it. That is all of them, but for tickets
// missed before DCP-0009 came into force: these may be revoked at any later time. Which they are is not written anywhere,
// so that with count fewer than all, each choice of count is tried on the lottery before the block: its final state must
// come out as the block's header says, and each winner must have voted or be of the choice. This tells missed tickets for
// certain. Expired ones that it cannot tell from late ones are an error.
func (c *chain) unrevoke(live *pool, t turn, count int) error {
	if count == len(t.revoked) {
		return putBack(live, t.revoked)
	}
	var fitting []chainhash.Hash
	fits, tries := 0, 0
	for choice := range choices(t.revoked, count) {
		if tries++; tries > maxTries {
			return fmt.Errorf("%d of its %d revoked tickets were live before it: too many choices to try", count, len(t.revoked))
		}
		if err := putBack(live, choice); err != nil {
			return err
		}
		l, err := c.draw(live, t.height-1)
		if err != nil {
			return err
		}
		lost := func(winner chainhash.Hash) bool {
			return !slices.Contains(t.voted, winner) && !slices.Contains(choice, winner)
		}
		if l.finalState == t.before.FinalState && !slices.ContainsFunc(l.winners, lost) {
			fitting, fits = slices.Clone(choice), fits+1
		}
		for _, ticket := range choice {
			live.remove(ticket)
		}
	}
	if fits != 1 {
		return fmt.Errorf("%d of its %d revoked tickets were live before it: %d choices fit its final state, not one", count, len(t.revoked), fits)
	}
	return putBack(live, fitting)
}

// maxTries bounds the search above to some seconds.
const maxTries = 1_000_000

func putBack(live *pool, revoked []chainhash.Hash) error {
	for _, ticket := range revoked {
		if !live.add(ticket) {
			return fmt.Errorf("ticket %v is revoked in it, but is still live after it", ticket)
		}
	}
	return nil
}

// choices yields every choice of count of the tickets. What it yields is valid until the next one.
func choices(tickets []chainhash.Hash, count int) iter.Seq[[]chainhash.Hash] {
	return func(yield func([]chainhash.Hash) bool) {
		chosen := make([]chainhash.Hash, 0, count)
		var choose func(from int) bool
		choose = func(from int) bool {
			if len(chosen) == count {
				return yield(chosen)
			}
			for i := from; i <= len(tickets)-(count-len(chosen)); i++ {
				chosen = append(chosen, tickets[i])
				if !choose(i + 1) {
					return false
				}
				chosen = chosen[:len(chosen)-1]
			}
			return true
		}
		choose(0)
	}
}
