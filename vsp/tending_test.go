package vsp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vsptest"
)

// A ticket that was paid for and never mined is not asked about with every block for ever, but found when it is mined at last.
func TestUnminedTickets(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		var unmined []vsptest.Ticket
		for number := range uint32(8) {
			ticket := r.chain.Buy(r.holder(number))
			r.pays(ticket, nil)
			r.chain.Forget(ticket.Hash())
			unmined = append(unmined, ticket)
		}
		r.clock.advance(8 * 24 * time.Hour)
		asked := 0
		r.chainFault.set(func(op string) (bool, error) {
			if op == "Transaction" {
				asked++
			}
			return false, nil
		})
		r.mine(64)
		require.Equal(t, len(unmined), asked, "each once in 64 blocks")
		require.NoError(t, r.chain.Publish(t.Context(), unmined[3].Tx))
		r.mine(64 + vsp.Confirmations)
		require.True(t, r.stored(unmined[3].Hash()).Confirmed)
	})
}
