package votes

import (
	"fmt"
	"slices"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
)

// lottery is the draw that a block holds among the tickets that are live after it.
type lottery struct {
	winners    []chainhash.Hash // in the order drawn; they must vote in the next block
	finalState [6]byte          // what the next block's header must say
}

// draw holds the lottery of a block (dcrd blockchain/stake, connectNode and findTicketIdxs). The seed is the initialisation
// vector that follows from the block's header.
func draw(live *pool, seed chainhash.Hash, count int) (lottery, error) {
	if live.size < count {
		return lottery{}, fmt.Errorf("draw %d winners from %d live tickets", count, live.size)
	}
	prng := stake.NewHash256PRNGFromIV(seed)
	drawn := make([]uint32, 0, count)
	committed := make([]byte, 0, (count+1)*chainhash.HashSize)
	var l lottery
	for len(drawn) < count {
		n := prng.UniformRandom(uint32(live.size))
		if slices.Contains(drawn, n) {
			continue
		}
		drawn = append(drawn, n)
		winner := live.at(int(n))
		l.winners = append(l.winners, winner)
		committed = append(committed, winner[:]...)
	}
	state := prng.StateHash()
	copy(l.finalState[:], chainhash.HashB(append(committed, state[:]...)))
	return l, nil
}
