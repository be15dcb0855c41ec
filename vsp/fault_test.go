package vsp_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
)

var errFault = errors.New("fault")

// polls are the operations that go on all the time. What comes of their failing has tests of its own.
var polls = map[string]bool{"Lead": true, "Touched": true}

// failAt makes the nth operation of Store and Chain together fail, beside polls, and tells whether there was one.
func (r *rig) failAt(nth int, apply bool) (hit func() bool) {
	var mu sync.Mutex
	n, done := 0, false
	fail := func(op string) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		if polls[op] {
			return false, nil
		}
		n++
		if n-1 == nth {
			done = true
			return apply, errFault
		}
		return false, nil
	}
	r.storeFault.set(fail)
	r.chainFault.set(fail)
	return func() bool {
		r.storeFault.set(nil)
		r.chainFault.set(nil)
		return done
	}
}

// everyFault runs a test once for each operation that it makes, with that one failing, once carried out and once not.
func everyFault(t *testing.T, test func(t *testing.T, r *rig, nth int, apply bool) (hit bool)) {
	for _, apply := range []bool{false, true} {
		nth := 0
		for hit := true; hit && !t.Failed(); nth++ {
			t.Run(fmt.Sprintf("operation %d, carried out %v", nth, apply), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { hit = test(t, newRig(t), nth, apply) })
			})
		}
		require.Greater(t, nth, 3, "hardly anything was tried")
	}
}

// An answered fee address is a stored one, and a ticket has only one.
func TestFeeAddressFaults(t *testing.T) {
	for name, published := range map[string]bool{"ticket unknown": false, "ticket in mempool": true} {
		t.Run(name, func(t *testing.T) {
			everyFault(t, func(t *testing.T, r *rig, nth int, apply bool) bool {
				ticket := r.chain.Ticket(r.holder(1))
				if published {
					require.NoError(t, r.chain.Publish(t.Context(), ticket.Parent))
					require.NoError(t, r.chain.Publish(t.Context(), ticket.Tx))
				}
				hit := r.failAt(nth, apply)
				first, err := r.FeeAddress(t.Context(), r.feeAddressRequest(ticket))
				stop := hit()
				if err == nil {
					require.Equal(t, first.FeeAddress, r.stored(ticket.Hash()).Fee.Address)
					require.EqualValues(t, first.FeeAmount, r.stored(ticket.Hash()).Fee.Amount)
				} else {
					require.Less(t, code(err), vspapi.BadRequest, "a fault is nobody's fault: %v", err)
				}
				again := r.offered(ticket)
				if err == nil {
					require.Equal(t, first.FeeAddress, again.FeeAddress)
				}
				require.Equal(t, again.FeeAddress, r.stored(ticket.Hash()).Fee.Address)
				return stop
			})
		})
	}
}

// An acknowledged fee is stored, and gets to the network; one that was not acknowledged can be paid again.
func TestPayFeeFaults(t *testing.T) {
	for name, blocks := range map[string]int{"unconfirmed": 1, "immature": vsp.Confirmations, "live": 20} {
		t.Run(name, func(t *testing.T) {
			everyFault(t, func(t *testing.T, r *rig, nth int, apply bool) bool {
				ticket := r.chain.Buy(r.holder(1))
				r.chain.Mine(blocks)
				offer := r.offered(ticket)
				fee := r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount))
				hit := r.failAt(nth, apply)
				_, err := r.PayFee(t.Context(), r.payFeeRequest(ticket, fee))
				stop := hit()
				got := r.stored(ticket.Hash())
				require.NotEqual(t, vsp.FeeError, got.Fee.Status)
				if err == nil {
					require.True(t, got.Fee.Status.Paid())
					require.Equal(t, fee.TxHash(), got.Fee.TxHash)
					require.Equal(t, vsp.Secret(ticket.VotingKey()), got.VotingKey)
					changes, err := r.store.Changes(t.Context(), ticket.Hash())
					require.NoError(t, err)
					require.Len(t, changes, 1)
				} else if _, err = r.PayFee(t.Context(), r.payFeeRequest(ticket, fee)); err != nil {
					require.Equal(t, vspapi.FeeAlreadyReceived, code(err))
				}

				defer r.run()()
				r.mine(2 * vsp.Confirmations)
				require.Equal(t, vsp.FeeConfirmed, r.stored(ticket.Hash()).Fee.Status)
				_, held := r.voters.Held(ticket.Hash())
				require.True(t, held)
				return stop
			})
		})
	}
}

// A node that is away cannot say what a fee is worth.
func TestPayFeeNodeAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		ticket := r.chain.Buy(r.holder(1))
		r.chain.Mine(vsp.Confirmations)
		r.chainFault.set(failing("Publish", errFault))
		fee := r.paid(ticket)
		got := r.stored(ticket.Hash())
		require.Equal(t, vsp.FeeReceived, got.Fee.Status)
		require.True(t, got.Confirmed)
		r.chainFault.set(nil)
		defer r.run()()
		require.Equal(t, vsp.FeeBroadcast, r.stored(ticket.Hash()).Fee.Status)
		require.Equal(t, fee.TxHash(), r.stored(ticket.Hash()).Fee.TxHash)
	})
}

// Faults in the life of tickets change when things happen, not what.
func TestLifeFaults(t *testing.T) {
	nth := 0
	for hit := true; hit && !t.Failed(); nth++ {
		for _, apply := range []bool{false, true} {
			living(t, func(t *testing.T, r *rig) { hit = r.liveWithFault(nth, apply) })
		}
	}
	require.Greater(t, nth, 200, "hardly anything was tried")
}

// liveWithFault leads one ticket to its vote and another to a miss, with one operation failing on the way.
func (r *rig) liveWithFault(nth int, apply bool) (hit bool) {
	t := r.t
	voted, missed := r.chain.Buy(r.holder(1)), r.chain.Buy(r.holder(2))
	r.paid(voted)
	r.paid(missed)
	stop := r.failAt(nth, apply)
	r.mine(r.maturing())
	r.chain.Vote(voted)
	r.chain.Miss(missed)
	r.mine(1)
	hit = stop()
	r.mine(1)
	require.Equal(t, vsp.Voted, r.stored(voted.Hash()).Outcome)
	require.Equal(t, vsp.Missed, r.stored(missed.Hash()).Outcome)
	require.Equal(t, vsp.FeeConfirmed, r.stored(voted.Hash()).Fee.Status)
	require.Equal(t, vsp.FeeConfirmed, r.stored(missed.Hash()).Fee.Status)
	require.Zero(t, r.voters.Wanted())
	require.EqualValues(t, 1, r.Events()[vsp.EventTicketVoted])
	require.EqualValues(t, 1, r.Events()[vsp.EventTicketMissed])
	counts, _ := r.Counts()
	require.Equal(t, vsp.Counts{Voted: 1, Missed: 1}, counts)
	return hit
}

// A ticket whose fee address is asked for by many at once has one.
func TestFeeAddressAtOnce(t *testing.T) {
	r := newRig(t)
	ticket := r.chain.Ticket(r.holder(1))
	var wg sync.WaitGroup
	addresses := make([]string, 16)
	for i := range addresses {
		wg.Go(func() {
			if answer, err := r.FeeAddress(t.Context(), r.feeAddressRequest(ticket)); err == nil {
				addresses[i] = answer.FeeAddress
			}
		})
	}
	wg.Wait()
	for _, address := range addresses {
		require.Equal(t, r.stored(ticket.Hash()).Fee.Address, address)
	}
}

// Choices that are set while blocks come are kept, and the wallets have the newest at the end.
func TestSetVoteChoicesDuringLife(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket := r.chain.Buy(r.holder(1))
		r.paid(ticket)
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 3 * vsp.Confirmations {
				r.chain.Mine(1)
			}
		})
		const last = 200
		for i := range last {
			_, err := r.SetVoteChoices(t.Context(), ticket.Request(vspapi.SetVoteChoicesRequest{
				Timestamp: r.clock.Now().Unix() + 1 + int64(i), TicketHash: ticket.Hash().String(),
				VoteChoices:  map[string]string{},
				TSpendPolicy: map[string]string{fmt.Sprintf("%064x", i%20): fmt.Sprint([]string{"yes", "no"}[i/20%2])},
			}))
			require.NoError(t, err)
		}
		wg.Wait()
		pause()
		got := r.stored(ticket.Hash())
		require.True(t, got.Ready())
		require.Len(t, got.Choices.TSpends, 20)
		for _, policy := range got.Choices.TSpends {
			require.Equal(t, "no", policy)
		}
		held, ok := r.voters.Held(ticket.Hash())
		require.True(t, ok)
		require.Equal(t, got.Choices, held.Choices)
	})
}
