package testnet

import (
	"context"
	"fmt"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/wire"
)

// Fate is what spent a ticket.
type Fate struct {
	Voted   bool           // or else it was revoked
	Expired bool           // it was revoked in the last block that it could have voted in
	Height  int64          // of the block that it was spent in
	By      chainhash.Hash // the vote or the revocation
	Bits    uint16         // the vote's
	TSpends []stake.TreasuryVoteTuple
}

// Fates follows what becomes of tickets by looking for what spends them: no lottery, no pool of live tickets. It is the
// plain count that a verifier's is held against. The chain must not be reorganised under it.
type Fates struct {
	Height int64 // the newest block that was looked at

	node   *Node
	params *chaincfg.Params
	bought map[chainhash.Hash]int64 // heights of all tickets, anybody's
	known  map[chainhash.Hash]Fate  // of every ticket spent so far
}

// NewFates returns a count that begins with the chain.
func NewFates(node *Node) *Fates {
	return &Fates{node: node, params: chaincfg.SimNetParams(), bought: make(map[chainhash.Hash]int64),
		known: make(map[chainhash.Hash]Fate)}
}

// Of returns what became of a ticket, and whether anything has.
func (f *Fates) Of(ticket chainhash.Hash) (Fate, bool) {
	fate, ok := f.known[ticket]
	return fate, ok
}

// Count returns how many of the tickets have voted and how many were revoked.
func (f *Fates) Count(tickets []chainhash.Hash) (voted, revoked int) {
	for _, ticket := range tickets {
		switch fate, spent := f.known[ticket]; {
		case spent && fate.Voted:
			voted++
		case spent:
			revoked++
		}
	}
	return voted, revoked
}

// Follow looks at all blocks up to the node's tip.
func (f *Fates) Follow(ctx context.Context) error {
	tip, _, err := f.node.RPC.BestBlock(ctx)
	if err != nil {
		return fmt.Errorf("follow tickets: %w", err)
	}
	for ; f.Height < tip; f.Height++ {
		hash, err := f.node.RPC.BlockHash(ctx, f.Height+1)
		if err != nil {
			return fmt.Errorf("follow tickets: %w", err)
		}
		block, err := f.node.RPC.Block(ctx, hash)
		if err != nil {
			return fmt.Errorf("follow tickets: %w", err)
		}
		f.add(block, f.Height+1)
	}
	return nil
}

// add takes up a block. A vote spends its ticket with its second input, a revocation with its first. In the block that a
// ticket expires with, it may have been drawn and missed as well; nobody asks.
func (f *Fates) add(block *wire.MsgBlock, height int64) {
	life := int64(f.params.TicketMaturity) + int64(f.params.TicketExpiry)
	for _, tx := range block.STransactions {
		switch {
		case stake.IsSStx(tx):
			f.bought[tx.TxHash()] = height
		case stake.IsSSGen(tx):
			votes, _ := stake.CheckSSGenVotes(tx) // IsSSGen has checked them
			f.known[tx.TxIn[1].PreviousOutPoint.Hash] = Fate{Voted: true, Height: height, By: tx.TxHash(),
				Bits: stake.SSGenVoteBits(tx), TSpends: votes}
		case stake.IsSSRtx(tx):
			ticket := tx.TxIn[0].PreviousOutPoint.Hash
			f.known[ticket] = Fate{Expired: height == f.bought[ticket]+life, Height: height, By: tx.TxHash()}
		}
	}
}
