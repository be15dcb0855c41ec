package vsp_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// A ticket whose parent's inputs our node has yet to hear of is waited for, but not for ever.
func TestOrphanParent(t *testing.T) {
	for _, test := range []struct {
		orphaned int
		wait     time.Duration
		code     vspapi.Code
	}{{1, time.Second, -1}, {7, 7 * time.Second, -1}, {8, 7 * time.Second, vspapi.CannotBroadcastTicket}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			ticket := r.chain.Ticket(r.holder(1))
			r.chainFault.set(failingTimes("Publish", vsp.ErrOrphan, test.orphaned))
			start := time.Now()
			_, err := r.FeeAddress(t.Context(), r.feeAddressRequest(ticket))
			require.Equal(t, test.wait, time.Since(start))
			require.Equal(t, test.code, code(err))
			require.Equal(t, test.code < 0, err == nil, "%v", err)
		})
	}
}

// So many may wait, and no more.
func TestOrphanParentsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.chainFault.set(failing("Publish", vsp.ErrOrphan))
		var tickets []vsptest.Ticket
		for i := range 17 {
			tickets = append(tickets, r.chain.Ticket(r.holder(uint32(i))))
		}
		ask := func(ticket vsptest.Ticket) {
			_, err := r.FeeAddress(t.Context(), r.feeAddressRequest(ticket))
			require.Equal(t, vspapi.CannotBroadcastTicket, code(err))
		}
		var wg sync.WaitGroup
		for _, ticket := range tickets[:16] {
			wg.Go(func() { ask(ticket) })
		}
		synctest.Wait()
		start := time.Now()
		ask(tickets[16])
		require.Zero(t, time.Since(start))
		wg.Wait()
		require.Equal(t, 7*time.Second, time.Since(start))
	})
}
