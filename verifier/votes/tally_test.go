package votes

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
)

var simnetParams = chaincfg.SimNetParams()

// counted is an account of all tickets of a chain that knows nothing of the lottery: a ticket is spent by its vote, or by
// its revocation, and when it is revoked tells whether it was missed or had expired. DCP-0009 must be in force.
type counted struct {
	bought, voted, missed, expired map[chainhash.Hash]int64 // heights
	voters, revocations            map[int64]int            // by headers
}

func count(blocks []*wire.MsgBlock, params *chaincfg.Params) counted {
	c := counted{map[chainhash.Hash]int64{}, map[chainhash.Hash]int64{}, map[chainhash.Hash]int64{}, map[chainhash.Hash]int64{},
		map[int64]int{}, map[int64]int{}}
	lifetime := int64(params.TicketMaturity) + int64(params.TicketExpiry)
	for _, block := range blocks {
		height := int64(block.Header.Height)
		c.voters[height], c.revocations[height] = int(block.Header.Voters), int(block.Header.Revocations)
		for _, tx := range block.STransactions {
			switch {
			case stake.IsSStx(tx):
				c.bought[tx.TxHash()] = height
			case stake.IsSSGen(tx):
				c.voted[tx.TxIn[1].PreviousOutPoint.Hash] = height
			case stake.IsSSRtx(tx):
				ticket := tx.TxIn[0].PreviousOutPoint.Hash
				if height == c.bought[ticket]+lifetime {
					c.expired[ticket] = height
				} else {
					c.missed[ticket] = height
				}
			}
		}
	}
	return c
}

func (c counted) tickets() []chainhash.Hash {
	return slices.SortedFunc(maps.Keys(c.bought), func(a, b chainhash.Hash) int { return int(c.bought[a] - c.bought[b]) })
}

// requireAgrees holds a ledger whose window ends at the tip against the count.
func (c counted) requireAgrees(t testing.TB, ledger Ledger, params *chaincfg.Params) {
	t.Helper()
	require.Nil(t, ledger.Mismatch)
	maturity := int64(params.TicketMaturity)
	for _, entry := range ledger.Entries {
		what := []any{"ticket %v bought at %d: %+v", entry.Ticket, c.bought[entry.Ticket], entry}
		outcome, decided := Live, int64(0)
		switch {
		case c.voted[entry.Ticket] != 0:
			outcome, decided = Voted, c.voted[entry.Ticket]
		case c.missed[entry.Ticket] != 0:
			outcome, decided = Missed, c.missed[entry.Ticket]
		case c.expired[entry.Ticket] != 0:
			outcome, decided = Expired, c.expired[entry.Ticket]
		case c.bought[entry.Ticket] == 0:
			outcome = Unknown
		case c.bought[entry.Ticket]+maturity > ledger.Tip:
			outcome = Immature
		}
		if decided != 0 && decided < ledger.From {
			outcome, decided = Unknown, 0
			if c.bought[entry.Ticket] >= ledger.From-maturity {
				require.Fail(t, "decided before it was live", what...)
			}
		}
		require.Equal(t, outcome, entry.Outcome, what...)
		require.Equal(t, decided, entry.Decided, what...)
		require.Equal(t, decided != 0 && decided <= ledger.Tip-5, entry.Final, what...)
		require.Equal(t, outcome == Voted, entry.Vote != nil, what...)
		if outcome == Voted || outcome == Missed {
			require.Equal(t, decided-1, entry.Won, what...)
			require.Equal(t, c.voters[decided], entry.Voters, what...)
		} else {
			require.Zero(t, entry.Voters, what...)
		}
		if c.bought[entry.Ticket] >= max(1, ledger.From-maturity) {
			require.Equal(t, c.bought[entry.Ticket], entry.Bought, what...)
			if outcome != Immature {
				require.Equal(t, entry.Bought+maturity, entry.Live, what...)
			}
		}
	}
}

func TestEveryTicketOfTheRecordedChain(t *testing.T) {
	chain := simnet(t)
	want := count(chain.blocks, simnetParams)
	tickets := want.tickets()
	for _, from := range []int64{1, 2, 16, 17, 18, 33, 143, 144, 145, 300, 441, 559, 560} {
		ledger, err := Tally(context.Background(), chain, simnetParams, Query{Tickets: tickets, From: from})
		require.NoError(t, err, "from %d", from)
		want.requireAgrees(t, ledger, simnetParams)
		require.Equal(t, from, ledger.From)
		require.EqualValues(t, 560, ledger.To)
		require.EqualValues(t, 560-max(from, simnetParams.StakeValidationHeight)+1, ledger.Checked, "from %d", from)
	}

	// The fixture has what it is there for.
	ledger, err := Tally(context.Background(), chain, simnetParams, Query{Tickets: tickets, From: 1})
	require.NoError(t, err)
	require.Positive(t, ledger.Count(Missed))
	require.Positive(t, ledger.Count(Expired))
	require.Positive(t, ledger.Count(Immature))
	require.Equal(t, len(chain.live), ledger.Count(Live), "the live tickets are those that the node named")
	require.Positive(t, ledger.Provisional())
}

func TestTheWalletAgrees(t *testing.T) {
	view := walletView(t)
	ledger, err := Tally(context.Background(), simnet(t), simnetParams, Query{Tickets: slices.Collect(maps.Keys(view)), From: 1})
	require.NoError(t, err)
	for _, entry := range ledger.Entries {
		said := Outcome(view[entry.Ticket])
		if said == "unspent" || said == Immature && entry.Live == 560 { // dcrwallet lets tickets mature one block later
			said = Live
		}
		require.Equal(t, said, entry.Outcome, "%+v", entry)
		if entry.Vote != nil {
			require.EqualValues(t, 12, entry.Vote.Version)
			require.EqualValues(t, 1, entry.Vote.Bits&1)
		}
	}
	require.Equal(t, 14, ledger.Count(Missed))
	require.Equal(t, 140, ledger.Count(Voted))
	require.Equal(t, 1, ledger.Count(Expired))
}

// TestVoteTransactions finds each vote's transaction in the block that the ledger names.
func TestVoteTransactions(t *testing.T) {
	chain := simnet(t)
	ledger, err := Tally(context.Background(), chain, simnetParams, Query{Tickets: count(chain.blocks, simnetParams).tickets(), From: 200, To: 400})
	require.NoError(t, err)
	found := 0
	for _, entry := range ledger.Entries {
		if entry.Outcome != Voted {
			continue
		}
		found++
		require.True(t, slices.ContainsFunc(chain.blocks[entry.Decided-1].STransactions, func(tx *wire.MsgTx) bool {
			return tx.TxHash() == entry.Vote.Tx && tx.TxIn[1].PreviousOutPoint.Hash == entry.Ticket
		}), "%+v", entry)
	}
	require.Greater(t, found, 900)
}

// TestWindowEndsBeforeTheTip compares windows that end early with the chain cut off there.
func TestWindowEndsBeforeTheTip(t *testing.T) {
	chain := simnet(t)
	tickets := count(chain.blocks, simnetParams).tickets()
	for _, to := range []int64{1, 33, 142, 143, 144, 310, 433, 559} {
		cut := count(chain.blocks[:to], simnetParams)
		ledger, err := Tally(context.Background(), chain, simnetParams, Query{Tickets: tickets, From: 1, To: to})
		require.NoError(t, err)
		require.Equal(t, to, ledger.To)
		for i := range ledger.Entries {
			ledger.Entries[i].Final = ledger.Entries[i].Decided != 0 && ledger.Entries[i].Decided <= to-5
		}
		ledger.Tip = to
		cut.requireAgrees(t, ledger, simnetParams)
		if to >= 143 {
			winners := slices.DeleteFunc(slices.Clone(ledger.Entries), func(e Entry) bool { return e.Outcome != Live || e.Won != to })
			require.Len(t, winners, 5, "votes due in block %d", to+1)
		}
	}
}

func TestUnknownAndRepeatedTickets(t *testing.T) {
	chain := simnet(t)
	ledger, err := Tally(context.Background(), chain, simnetParams,
		Query{Tickets: []chainhash.Hash{{1}, chain.live[0], {1}, chain.live[0]}, From: 500})
	require.NoError(t, err)
	require.Len(t, ledger.Entries, 2)
	require.Equal(t, Unknown, ledger.Entries[0].Outcome)
	require.Equal(t, Live, ledger.Entries[1].Outcome)
	require.Zero(t, ledger.Provisional())
}

func TestWindowsThatAreNone(t *testing.T) {
	chain := simnet(t)
	for _, q := range []Query{{From: 0}, {From: -5}, {From: 561}, {From: 10, To: 9}, {From: 1, To: 561}} {
		_, err := Tally(context.Background(), chain, simnetParams, q)
		require.ErrorContains(t, err, "the chain has blocks 1 to 560", "%+v", q)
	}
}

func TestAChainThatMoves(t *testing.T) {
	chain := simnet(t)
	chain.moved = func(reading int) error {
		if reading < 3 {
			return ErrMoved
		}
		return nil
	}
	ledger, err := Tally(context.Background(), chain, simnetParams, Query{From: 550})
	require.NoError(t, err)
	require.Equal(t, 11, ledger.Checked)
	require.Equal(t, 3, chain.ranges)

	chain.ranges, chain.moved = 0, func(int) error { return ErrMoved }
	_, err = Tally(context.Background(), chain, simnetParams, Query{From: 550})
	require.ErrorIs(t, err, ErrMoved)
	require.Equal(t, readings, chain.ranges)

	broken := errors.New("connection lost")
	chain.ranges, chain.moved = 0, func(int) error { return broken }
	_, err = Tally(context.Background(), chain, simnetParams, Query{From: 550})
	require.ErrorIs(t, err, broken)
	require.Equal(t, 1, chain.ranges)
}
