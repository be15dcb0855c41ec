package wallet

import (
	"context"

	"scrutineer/vsp"
)

// What voter.lateFor is while it is no height.
const (
	nothingLate = 0
	lateForTip  = -1 // the tip as it is at the next look
)

// late notes that the wallet became able to vote with some ticket just now: it may have won already.
func (v *voter) late() {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	v.lateFor = lateForTip
}

// comingBlocks is by how many blocks the tip may be higher than at the last look at the wallet.
const comingBlocks = 2

// drawable reports whether a ticket may have been drawn already.
func (v *voter) drawable(w want) bool {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	return w.PurchaseHeight+int64(v.pool.profile.Params.TicketMaturity) <= v.state.Height+comingBlocks
}

// settled is for how many looks a tip must have stood before its winners are recalled.
const settled = 2

// makeUp gives tickets a second chance that were drawn for the tip before the wallet could vote with them. It is a
// kindness: nobody relies on it.
//
// A node that is asked for the winners while it connects a block names those of the new block with the height of the old
// one (dcrd rpcwebsocket.go, handleRebroadcastWinners). The vote that a wallet then casts is void, and keeps the right one
// out of the mempools. So a tip must have stood for a while, when the next block is not likely just then, and where blocks
// come faster than that nothing is recalled.
func (v *voter) makeUp(ctx context.Context, state vsp.VoterState) {
	now := v.pool.options.Now()
	if state.Height != v.tip {
		v.tip, v.tipSeen = state.Height, now
	}
	stood := now.Sub(v.tipSeen) >= settled*v.pool.options.CheckEvery
	v.pool.mu.Lock()
	switch v.lateFor {
	case lateForTip:
		v.lateFor = v.tip
	case v.tip, nothingLate:
	default:
		v.lateFor = nothingLate // the wallet heard of the new tip's winners in time
	}
	recall := v.lateFor == v.tip && stood && state.Online()
	if recall {
		v.lateFor = nothingLate
	}
	v.pool.mu.Unlock()
	if !recall {
		return
	}
	if err := v.rpc.RecallWinners(ctx); err != nil && ctx.Err() == nil {
		v.log.Warn("cannot recall the winners", "err", err)
	}
}
