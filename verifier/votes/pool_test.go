package votes

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestPoolAgainstASortedList holds the pool against a list that is sorted anew after each change.
func TestPoolAgainstASortedList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live, plain := newPool(nil), []chainhash.Hash{}
		// Few values, so that tickets meet themselves and their neighbours.
		ticket := rapid.Custom(func(t *rapid.T) chainhash.Hash {
			return chainhash.Hash{0: byte(rapid.IntRange(0, 2).Draw(t, "first")) * 127, 1: byte(rapid.IntRange(0, 5).Draw(t, "second")), 31: byte(rapid.IntRange(0, 1).Draw(t, "last"))}
		})
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				h := ticket.Draw(t, "ticket")
				require.Equal(t, !slices.Contains(plain, h), live.add(h))
				if !slices.Contains(plain, h) {
					plain = append(plain, h)
					slices.SortFunc(plain, func(a, b chainhash.Hash) int { return bytes.Compare(a[:], b[:]) })
				}
			},
			"remove": func(t *rapid.T) {
				h := ticket.Draw(t, "ticket")
				require.Equal(t, slices.Contains(plain, h), live.remove(h))
				plain = slices.DeleteFunc(plain, func(other chainhash.Hash) bool { return other == h })
			},
			"": func(t *rapid.T) {
				require.Equal(t, plain, live.list())
				h := ticket.Draw(t, "ticket")
				_, _, found := live.find(h)
				require.Equal(t, slices.Contains(plain, h), found)
				require.Equal(t, plain, append([]chainhash.Hash{}, slices.Collect(live.all())...))
			},
		})
	})
}

// list returns the tickets in order, by way of at.
func (p *pool) list() []chainhash.Hash {
	tickets := make([]chainhash.Hash, p.size)
	for i := range tickets {
		tickets[i] = p.at(i)
	}
	return tickets
}

func TestNoTicketOutsideThePool(t *testing.T) {
	require.Panics(t, func() { newPool([]chainhash.Hash{{1}}).at(1) })
	_, err := draw(newPool([]chainhash.Hash{{1}, {2}}), chainhash.Hash{}, 3)
	require.ErrorContains(t, err, "draw 3 winners from 2 live tickets")
}

// TestRewindingMeetsFollowing rewinds the recorded chain to each of its blocks, and follows it there from the start.
func TestRewindingMeetsFollowing(t *testing.T) {
	recorded := simnet(t)
	tip, err := recorded.Tip(context.Background())
	require.NoError(t, err)
	c, err := readChain(context.Background(), recorded, simnetParams, tip, 1, list{}, nil)
	require.NoError(t, err)
	forward, err := newAccount(c, newPool(nil), 1, list{})
	require.NoError(t, err)

	rewound := newPool(tip.Live)
	behind := make([][]chainhash.Hash, tip.Height+1) // the live tickets before each block
	for height := tip.Height; height >= 1; height-- {
		require.NoError(t, c.undo(rewound, height))
		behind[height] = rewound.list()
	}
	require.Empty(t, behind[1])
	for height := int64(1); height <= tip.Height; height++ {
		require.Equal(t, behind[height], forward.live.list(), "before block %d", height)
		require.NoError(t, forward.connect(height))
	}
	require.Equal(t, newPool(tip.Live).list(), forward.live.list())
}

// TestLateRevocations rewinds a block that revokes two tickets, one of which was live before it.
func TestLateRevocations(t *testing.T) {
	before := newPool([]chainhash.Hash{{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}})
	c := &chain{params: &chaincfg.Params{TicketsPerBlock: 1}, first: 1, tip: Tip{Height: 2}, turns: []turn{{height: 1}, {height: 2}}}
	l, err := c.draw(before, 1)
	require.NoError(t, err)
	winner := l.winners[0]
	undo := func(t2 turn, without chainhash.Hash) (*pool, error) {
		t2.height, t2.before = 2, State{8, l.finalState}
		c.turns[1] = t2
		live := newPool(before.list())
		live.remove(without)
		for _, ticket := range t2.voted {
			live.remove(ticket)
		}
		return live, c.undo(live, 2)
	}

	live, err := undo(turn{revoked: []chainhash.Hash{{0, 9}, winner, {9}}}, winner)
	require.NoError(t, err, "a missed winner is certain")
	require.Equal(t, before.list(), live.list())

	last := chainhash.Hash{8}
	require.NotEqual(t, last, winner, "for the draw not to tell what ranks behind the winner")
	_, err = undo(turn{voted: []chainhash.Hash{winner}, revoked: []chainhash.Hash{last, {9}}}, last)
	require.ErrorContains(t, err, "2 choices fit its final state, not one")
	_, err = undo(turn{voted: []chainhash.Hash{winner}, revoked: []chainhash.Hash{{0, 1}, {0, 2}}}, last)
	require.ErrorContains(t, err, "0 choices fit its final state, not one")
}
