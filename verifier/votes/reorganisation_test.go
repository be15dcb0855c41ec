package votes

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func newModel(t *testing.T) *model {
	m := &model{want: map[chainhash.Hash]Entry{}, bought: map[chainhash.Hash]int64{}, became: map[chainhash.Hash]int64{}}
	m.sstx, m.vote, m.revocation = templates(t)
	return m
}

// fork returns a chain that goes its own way from here.
func (m *model) fork() *model {
	f := *m
	f.blocks, f.live, f.waiting = slices.Clone(m.blocks), slices.Clone(m.live), slices.Clone(m.waiting)
	f.bought, f.became, f.want = maps.Clone(m.bought), maps.Clone(m.became), maps.Clone(m.want)
	return &f
}

func (m *model) tickets() []chainhash.Hash { return slices.Collect(maps.Keys(m.bought)) }

// requireAgrees holds an account of the chain, from near its end, against the model.
func (m *model) requireAgrees(t *rapid.T, ledger Ledger) {
	require.Nil(t, ledger.Mismatch)
	require.EqualValues(t, len(m.blocks), ledger.To)
	for _, entry := range ledger.Entries {
		want := m.want[entry.Ticket]
		if want.Decided < ledger.From {
			require.Zero(t, entry.Decided)
			continue
		}
		require.Equal(t, want, Entry{Ticket: entry.Ticket, Outcome: entry.Outcome, Won: entry.Won, Decided: entry.Decided})
		require.Equal(t, ledger.To-entry.Decided+1 >= Confirmations, entry.Final)
	}
}

// TestReorganisationAroundVotes has the chain replaced from some block on: before it is read, and while it is read. What
// was voted and missed on the old branch is provisional there and gone from the new account; what was final stays.
func TestReorganisationAroundVotes(t *testing.T) {
	start := newModel(t)
	rapid.Check(t, func(t *rapid.T) {
		old := start.fork()
		for range 25 {
			old.next(t)
		}
		main := old.fork()
		shared := int64(len(main.blocks))
		for range rapid.IntRange(1, Confirmations-1).Draw(t, "old blocks") {
			old.next(t)
		}
		main.serial += 1_000_000 // other tickets, and so other blocks
		for range rapid.IntRange(len(old.blocks)-25+1, 10).Draw(t, "new blocks") {
			main.next(t)
		}
		q := Query{Tickets: append(old.tickets(), main.tickets()...), From: 15}
		before, err := Tally(context.Background(), old, modelParams, q)
		require.NoError(t, err)
		old.requireAgrees(t, before)
		after, err := Tally(context.Background(), main, modelParams, q)
		require.NoError(t, err)
		main.requireAgrees(t, after)
		for i, entry := range before.Entries {
			if entry.Final {
				require.LessOrEqual(t, entry.Decided, shared, "fewer than six blocks were replaced")
				require.Equal(t, entry, after.Entries[i])
			}
		}

		moving := &recorded{blocks: old.blocks, live: old.live}
		moving.moved = func(reading int) error {
			if reading == 1 {
				moving.blocks, moving.live = main.blocks, main.live
			}
			return nil
		}
		while, err := Tally(context.Background(), moving, modelParams, q)
		require.NoError(t, err)
		require.Equal(t, after, while)
		require.Equal(t, 2, moving.ranges, "it was read again")
	})
}
