package votes

import (
	"fmt"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
)

// turn is what one block says about tickets. It is small, so that a window of 100,000 blocks fits in memory.
type turn struct {
	height  int64
	seed    chainhash.Hash // of the lottery that this block holds
	before  State          // as this block's header has it
	bought  []chainhash.Hash
	voted   []chainhash.Hash
	revoked []chainhash.Hash
	ballots map[chainhash.Hash]Vote // by ticket, of the tickets asked for alone
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
	t := turn{
		height: int64(block.Header.Height),
		seed:   stake.CalcHash256PRNGIV(header),
		before: State{PoolSize: int(block.Header.PoolSize), FinalState: block.Header.FinalState},
	}
	for _, tx := range block.STransactions {
		switch stake.DetermineTxType(tx) {
		case stake.TxTypeSStx:
			t.bought = append(t.bought, tx.TxHash())
		case stake.TxTypeSSGen:
			ticket := tx.TxIn[1].PreviousOutPoint.Hash // the first input is the stake base
			t.voted = append(t.voted, ticket)
			if own(ticket) {
				t.note(ticket, tx)
			}
		case stake.TxTypeSSRtx:
			t.revoked = append(t.revoked, tx.TxIn[0].PreviousOutPoint.Hash)
		}
	}
	h := &block.Header
	if len(t.bought) != int(h.FreshStake) || len(t.voted) != int(h.Voters) || len(t.revoked) != int(h.Revocations) {
		return turn{}, fmt.Errorf("it carries %d tickets, %d votes and %d revocations, its header counts %d, %d and %d",
			len(t.bought), len(t.voted), len(t.revoked), h.FreshStake, h.Voters, h.Revocations)
	}
	return t, nil
}

func (t *turn) note(ticket chainhash.Hash, vote *wire.MsgTx) {
	if t.ballots == nil {
		t.ballots = make(map[chainhash.Hash]Vote)
	}
	t.ballots[ticket] = Vote{Tx: vote.TxHash(), Bits: stake.SSGenVoteBits(vote), Version: stake.SSGenVersion(vote)}
}
