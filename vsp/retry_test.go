package vsp_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// wait lets a minute go by without a block.
func wait() {
	time.Sleep(time.Minute)
	synctest.Wait()
}

// What has failed with one block is done without waiting for the next.
func TestLifeRetries(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket := r.chain.Buy(r.holder(1))
		r.paid(ticket)
		r.mine(vsp.Confirmations - 1)
		r.chainFault.set(failing("Transaction", errFault))
		r.mine(1)
		require.False(t, r.stored(ticket.Hash()).Confirmed)
		r.chainFault.set(nil)
		wait()
		require.Equal(t, vsp.FeeBroadcast, r.stored(ticket.Hash()).Fee.Status)
	})
}

// Choices that were acknowledged get to the wallets, though the Store was away when they should have been told.
func TestHoldRetries(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket := r.chain.Buy(r.holder(1))
		r.paid(ticket)
		r.mine(vsp.Confirmations)
		var updated atomic.Bool
		r.storeFault.set(func(op string) (bool, error) {
			if op == "Update" {
				updated.Store(true)
			}
			if updated.Load() && op == "Ticket" {
				return false, errFault
			}
			return false, nil
		})
		choices := map[string]string{"maxtreasuryspend": "no"}
		_, err := r.SetVoteChoices(t.Context(), ticket.Request(vspapi.SetVoteChoicesRequest{
			Timestamp: r.clock.Now().Unix() + 1, TicketHash: ticket.Hash().String(), VoteChoices: choices,
		}))
		require.NoError(t, err)
		r.storeFault.set(nil)
		wait()
		held, _ := r.voters.Held(ticket.Hash())
		require.Equal(t, choices, held.Choices.Agendas)
	})
}

// The wallets are told of every ticket at the start, and if that fails, later.
func TestHoldAllRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		ticket := r.chain.Buy(r.holder(1))
		r.paid(ticket)
		r.mine(vsp.Confirmations)
		stop()

		r.voters = new(vsptest.Voters)
		r.config.Voters = r.voters
		r.restart()
		r.storeFault.set(failing("Select", errFault))
		defer r.run()()
		_, ok := r.voters.Held(ticket.Hash())
		require.False(t, ok)
		r.storeFault.set(nil)
		wait()
		_, ok = r.voters.Held(ticket.Hash())
		require.True(t, ok)
	})
}

// With the node away the wallets are told nevertheless.
func TestHoldAllWithoutNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		ticket := r.chain.Buy(r.holder(1))
		r.paid(ticket)
		r.mine(vsp.Confirmations)
		stop()
		r.voters.Release(ticket.Hash())
		r.restart()
		r.chainFault.set(func(string) (bool, error) { return false, errFault })
		defer r.run()()
		_, ok := r.voters.Held(ticket.Hash())
		require.True(t, ok)
	})
}

// A ticket whose purchase was never seen confirmed has expired all the same.
func TestExpiredUnconfirmed(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket := r.chain.Buy(r.holder(1))
		r.offered(ticket)
		r.storeFault.set(failing("Update", errFault))
		r.mine(1)
		r.chain.Mine(int(r.chain.Params.TicketMaturity) + int(r.chain.Params.TicketExpiry))
		synctest.Wait()
		require.False(t, r.stored(ticket.Hash()).Confirmed)
		require.Equal(t, vsp.Expired, r.stored(ticket.Hash()).Outcome)
	})
}

// A reorganisation costs a scan of what has changed, and no more.
func TestReorganisationIsCheap(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		r.mine(60)
		blocks := 0
		r.chainFault.set(func(op string) (bool, error) {
			if op == "Block" {
				blocks++ // by one loop only
			}
			return false, nil
		})
		r.chain.Reorganise(3)
		synctest.Wait()
		require.Equal(t, 1+3+4, blocks, "one that does not follow, three back to the fork, four anew")
		position, err := r.store.Position(t.Context())
		require.NoError(t, err)
		require.Equal(t, r.tip().Position, position)
	})
}

// A fee that is paid while its promise is being renewed stays as it was promised.
func TestPaidWhileRenewed(t *testing.T) {
	r := newRig(t)
	ticket := r.chain.Buy(r.holder(1))
	offer := r.offered(ticket)
	fee := r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount))
	r.clock.advance(2 * time.Hour)
	paying := false
	r.chainFault.set(func(op string) (bool, error) {
		if op == "Tip" && !paying {
			paying = true
			_, err := r.PayFee(t.Context(), r.payFeeRequest(ticket, fee))
			require.NoError(t, err)
		}
		return false, nil
	})
	_, err := r.FeeAddress(t.Context(), r.feeAddressRequest(ticket))
	require.Equal(t, vspapi.FeeAlreadyReceived, code(err))
	require.EqualValues(t, offer.FeeAmount, r.stored(ticket.Hash()).Fee.Amount)
}
