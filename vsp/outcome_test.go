package vsp_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

// Another process scans on: a pass ends, and the next goes on from there.
func TestScanMoved(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket := r.chain.Buy(r.holder(1))
		r.paid(ticket)
		r.mine(r.maturing())
		r.chain.Vote(ticket)
		r.storeFault.set(failing("Settle", fmt.Errorf("settle: %w", vsp.ErrMoved)))
		r.mine(5)
		require.Equal(t, vsp.NoOutcome, r.stored(ticket.Hash()).Outcome)
		r.storeFault.set(nil)
		r.mine(1)
		require.Equal(t, vsp.Voted, r.stored(ticket.Hash()).Outcome)
		require.Equal(t, 1, r.log.count("scanning blocks for outcomes fails"))
		require.Equal(t, 1, r.log.count("scanning blocks for outcomes works again"))
	})
}

// A scan that has no position begins where the first ticket that may still vote was bought: it came from another store.
func TestScanBegins(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		voted, waiting := r.chain.Buy(r.holder(1)), r.chain.Buy(r.holder(2))
		r.paid(voted)
		r.paid(waiting)
		r.mine(2 * vsp.Confirmations)
		before := []vsp.Ticket{r.stored(voted.Hash()), r.stored(waiting.Hash())}
		r.mine(r.maturing())
		r.chain.Vote(voted)
		r.mine(60)

		other := newRig(t)
		other.chain, other.config.Chain = r.chain, r.chain
		for _, ticket := range before {
			require.NoError(t, other.store.Insert(t.Context(), ticket))
		}
		other.restart()
		other.storeFault.set(failingTimes("Settle", errFault, 1))
		defer other.run()()
		wait()
		require.Equal(t, vsp.Voted, other.stored(voted.Hash()).Outcome)
		require.Equal(t, vsp.NoOutcome, other.stored(waiting.Hash()).Outcome)
		_, held := other.voters.Held(waiting.Hash())
		require.True(t, held)
	})
}
