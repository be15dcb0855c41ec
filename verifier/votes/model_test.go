package votes

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// modelParams is a network whose tickets live fast.
var modelParams = &chaincfg.Params{
	GenesisHash: chainhash.Hash{1}, TicketMaturity: 3, TicketExpiry: 20, TicketsPerBlock: 3, StakeEnabledHeight: 5, StakeValidationHeight: 10,
}

// model is a chain made up ticket by ticket, by the plainest means: sorting all live tickets anew for each lottery. Up to
// block automatic, tickets missed or expired are revoked some blocks later, or not at all; after it at once (DCP-0009),
// while earlier ones may still be revoked.
type model struct {
	recorded
	automatic int64

	sstx, vote, revocation *wire.MsgTx // real transactions to make others from
	serial                 uint32

	bought, became map[chainhash.Hash]int64
	waiting        []chainhash.Hash // missed or expired, not revoked
	mixed          int64            // the last block that revokes both a ticket expired in it and a late one
	winners        []chainhash.Hash
	want           map[chainhash.Hash]Entry
}

// templates finds a transaction of each kind in the recorded chain.
func templates(t testing.TB) (sstx, vote, revocation *wire.MsgTx) {
	for _, block := range simnet(t).blocks {
		for _, tx := range block.STransactions {
			switch {
			case stake.IsSStx(tx):
				sstx = tx
			case stake.IsSSGen(tx):
				vote = tx
			case stake.IsSSRtx(tx):
				revocation = tx
			}
		}
	}
	require.NotNil(t, revocation)
	return sstx, vote, revocation
}

func (m *model) buy() *wire.MsgTx {
	tx := m.sstx.Copy()
	m.serial++
	binary.BigEndian.PutUint32(tx.TxIn[0].PreviousOutPoint.Hash[:], m.serial)
	return tx
}

func spend(template *wire.MsgTx, input int, ticket chainhash.Hash) *wire.MsgTx {
	tx := template.Copy()
	tx.TxIn[input].PreviousOutPoint.Hash = ticket
	return tx
}

// next adds a block.
func (m *model) next(t *rapid.T) {
	height := int64(len(m.blocks)) + 1
	block := &wire.MsgBlock{Header: wire.BlockHeader{PrevBlock: modelParams.GenesisHash, Height: uint32(height), Nonce: m.serial}}
	if height > 1 {
		block.Header.PrevBlock = m.blocks[height-2].BlockHash()
	}
	block.Header.PoolSize = uint32(len(m.live))
	block.Header.FinalState = m.lottery(height - 1)

	var over []chainhash.Hash
	for _, winner := range m.winners {
		voted := rapid.IntRange(0, 3).Draw(t, "votes") > 0
		entry := Entry{Ticket: winner, Outcome: Missed, Won: height - 1, Decided: height}
		if voted {
			tx := spend(m.vote, 1, winner)
			block.STransactions = append(block.STransactions, tx)
			entry.Outcome = Voted
			block.Header.Voters++
		} else {
			over = append(over, winner)
		}
		m.want[winner] = entry
		m.kill(winner)
	}
	expired := false
	for _, ticket := range slices.Clone(m.live) {
		if m.became[ticket] <= height-int64(modelParams.TicketExpiry) {
			m.want[ticket] = Entry{Ticket: ticket, Outcome: Expired, Decided: height}
			over, expired = append(over, ticket), true
			m.kill(ticket)
		}
	}
	if height > m.automatic {
		for _, ticket := range over {
			block.STransactions = append(block.STransactions, spend(m.revocation, 0, ticket))
		}
	} else {
		m.waiting = append(m.waiting, over...)
	}
	if len(m.waiting) > 0 && rapid.IntRange(0, 4).Draw(t, "late") == 0 {
		at := rapid.IntRange(0, len(m.waiting)-1).Draw(t, "which")
		block.STransactions = append([]*wire.MsgTx{spend(m.revocation, 0, m.waiting[at])}, block.STransactions...)
		m.waiting = slices.Delete(m.waiting, at, at+1)
		if expired {
			m.mixed = height
		}
	}
	for range rapid.IntRange(4, 6).Draw(t, "buys") {
		tx := m.buy()
		block.STransactions = append(block.STransactions, tx)
		m.bought[tx.TxHash()] = height
		block.Header.FreshStake++
	}
	block.Header.Revocations = uint8(len(block.STransactions) - int(block.Header.FreshStake) - int(block.Header.Voters))
	for ticket, bought := range m.bought {
		if bought == height-int64(modelParams.TicketMaturity) {
			m.live = append(m.live, ticket)
			m.became[ticket] = height
		}
	}
	m.blocks = append(m.blocks, block)
}

func (m *model) kill(ticket chainhash.Hash) {
	m.live = slices.DeleteFunc(m.live, func(other chainhash.Hash) bool { return other == ticket })
}

// lottery draws the winners after the last block and returns the final state.
func (m *model) lottery(height int64) (state [6]byte) {
	m.winners = nil
	if height < modelParams.StakeValidationHeight-1 {
		return state
	}
	slices.SortFunc(m.live, func(a, b chainhash.Hash) int { return bytes.Compare(a[:], b[:]) })
	header, _ := m.blocks[height-1].Header.Bytes()
	prng := stake.NewHash256PRNG(header)
	var committed []byte
	for len(m.winners) < int(modelParams.TicketsPerBlock) {
		winner := m.live[prng.UniformRandom(uint32(len(m.live)))]
		if !slices.Contains(m.winners, winner) {
			m.winners = append(m.winners, winner)
			committed = append(committed, winner[:]...)
		}
	}
	hash := prng.StateHash()
	copy(state[:], chainhash.HashB(append(committed, hash[:]...)))
	return state
}

// TestModelChains accounts for made-up chains from every kind of start.
func TestModelChains(t *testing.T) {
	sstx, vote, revocation := templates(t)
	rapid.Check(t, func(t *rapid.T) {
		m := &model{sstx: sstx, vote: vote, revocation: revocation, want: map[chainhash.Hash]Entry{},
			bought: map[chainhash.Hash]int64{}, became: map[chainhash.Hash]int64{}}
		m.automatic = rapid.SampledFrom([]int64{0, 0, 30, 1000}).Draw(t, "automatic") // 1000: never
		for range rapid.IntRange(12, 70).Draw(t, "blocks") {
			m.next(t)
		}
		var tickets []chainhash.Hash
		for ticket := range m.bought {
			tickets = append(tickets, ticket)
		}
		tip := int64(len(m.blocks))
		for _, from := range []int64{1, rapid.Int64Range(min(tip, m.automatic+1), tip).Draw(t, "from")} {
			ledger, err := Tally(context.Background(), m, modelParams, Query{Tickets: tickets, From: from})
			if from > 1 && from <= m.automatic {
				continue // may be refused; what it says is held below only where it must be right
			}
			if err != nil && from <= m.mixed {
				require.Regexp(t, "[2-9] choices fit its final state", err.Error())
				continue
			}
			require.NoError(t, err)
			require.Nil(t, ledger.Mismatch)
			require.Len(t, ledger.Entries, len(tickets))
			for _, entry := range ledger.Entries {
				want := m.want[entry.Ticket]
				if want.Decided < from {
					require.NotContains(t, []Outcome{Voted, Missed, Expired}, entry.Outcome)
					require.Equal(t, slices.Contains(m.live, entry.Ticket), entry.Outcome == Live)
					continue
				}
				require.Equal(t, want, Entry{Ticket: entry.Ticket, Outcome: entry.Outcome, Won: entry.Won, Decided: entry.Decided})
			}
		}
	})
}

// TestRewindingNeedsAutomaticRevocation rewinds past blocks where a ticket was missed and not revoked at once.
func TestRewindingNeedsAutomaticRevocation(t *testing.T) {
	sstx, vote, revocation := templates(t)
	rapid.Check(t, func(t *rapid.T) {
		m := &model{sstx: sstx, vote: vote, revocation: revocation, want: map[chainhash.Hash]Entry{},
			bought: map[chainhash.Hash]int64{}, became: map[chainhash.Hash]int64{}, automatic: 1000}
		for range 40 {
			m.next(t)
		}
		if len(m.waiting) == 0 {
			t.Skip("nothing was missed")
		}
		ledger, err := Tally(context.Background(), m, modelParams, Query{From: 8})
		if err != nil {
			require.ErrorContains(t, err, "which needs DCP-0009 in force")
		} else {
			require.NotNil(t, ledger.Mismatch)
		}
	})
}
