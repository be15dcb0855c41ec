package votes

import (
	"fmt"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
)

// turn is what one block says about tickets. It is small, so that a window of 100,000 blocks fits in memory: some 420 bytes
// for a block of mainnet, most of which are the hashes of the ten tickets in it.
type turn struct {
	height  int64
	seed    chainhash.Hash // of the lottery that this block holds
	before  State          // as this block's header has it
	bought  []chainhash.Hash
	voted   []chainhash.Hash
	revoked []chainhash.Hash
	ballots []ballot // of the tickets asked for alone
}

// ballot is how a ticket voted.
type ballot struct {
	ticket chainhash.Hash
	vote   Vote
}

// Vote is a vote as it stands in a block.
type Vote struct {
	Tx      chainhash.Hash
	Bits    uint16 // bit 0: the block voted on is approved; the others are choices on agendas
	Version uint32 // of the agendas that the choices are about
}

// newTurn reads a block; own says which tickets are asked for. That a later block disapproves this one changes
// nothing here: disapproval undoes a block's regular transactions, never those that concern tickets.
func newTurn(block *wire.MsgBlock, own func(chainhash.Hash) bool) (turn, error) {
	header, err := block.Header.Bytes()
	if err != nil {
		return turn{}, fmt.Errorf("serialize header: %w", err)
	}
	h := &block.Header
	t := turn{
		height:  int64(h.Height),
		seed:    stake.CalcHash256PRNGIV(header),
		before:  State{PoolSize: int(h.PoolSize), FinalState: h.FinalState},
		bought:  make([]chainhash.Hash, 0, h.FreshStake),
		voted:   make([]chainhash.Hash, 0, h.Voters),
		revoked: make([]chainhash.Hash, 0, h.Revocations),
	}
	for _, tx := range block.STransactions {
		switch stake.DetermineTxType(tx) {
		case stake.TxTypeSStx:
			t.bought = append(t.bought, tx.TxHash())
		case stake.TxTypeSSGen:
			ticket := tx.TxIn[1].PreviousOutPoint.Hash // the first input is the stake base
			t.voted = append(t.voted, ticket)
			if own(ticket) {
				t.ballots = append(t.ballots, ballot{ticket, newVote(tx)})
			}
		case stake.TxTypeSSRtx:
			t.revoked = append(t.revoked, tx.TxIn[0].PreviousOutPoint.Hash)
		}
	}
	if len(t.bought) != int(h.FreshStake) || len(t.voted) != int(h.Voters) || len(t.revoked) != int(h.Revocations) {
		return turn{}, fmt.Errorf("it carries %d tickets, %d votes and %d revocations, its header counts %d, %d and %d",
			len(t.bought), len(t.voted), len(t.revoked), h.FreshStake, h.Voters, h.Revocations)
	}
	return t, nil
}

func newVote(tx *wire.MsgTx) Vote {
	return Vote{Tx: tx.TxHash(), Bits: stake.SSGenVoteBits(tx), Version: stake.SSGenVersion(tx)}
}

// ballot returns the vote of a ticket that was asked for, nil if there is none in the block.
func (t *turn) ballot(ticket chainhash.Hash) *Vote {
	for _, b := range t.ballots {
		if b.ticket == ticket {
			return &b.vote
		}
	}
	return nil
}
