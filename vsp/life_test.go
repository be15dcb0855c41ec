package vsp_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vsptest"
)

func amount(atoms int64) dcrutil.Amount { return dcrutil.Amount(atoms) }

func errorsAs[T error](err error, target *T) bool { return errors.As(err, target) }

func (r *rig) holder(number uint32) vsptest.Holder { return vsptest.NewHolder(r.chain.Params, number) }

// maturing is how many blocks it takes from a ticket in the mempool until it is live.
func (r *rig) maturing() int { return int(r.chain.Params.TicketMaturity) + 1 }

func TestLife(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket := r.chain.Buy(r.holder(1))
		fee := r.paid(ticket)
		hash := ticket.Hash()
		require.Equal(t, vsp.FeeReceived, r.stored(hash).Fee.Status)

		r.mine(vsp.Confirmations - 1)
		require.False(t, r.stored(hash).Confirmed)
		r.mine(1)
		got := r.stored(hash)
		require.True(t, got.Confirmed)
		require.EqualValues(t, height+1, got.PurchaseHeight)
		require.Equal(t, vsp.FeeBroadcast, got.Fee.Status)
		_, err := r.chain.Transaction(t.Context(), fee.TxHash())
		require.NoError(t, err)
		held, ok := r.voters.Held(hash)
		require.True(t, ok, "the wallets have it as soon as its fee is sent")
		require.Equal(t, vsp.Held{Ticket: hash, PurchaseHeight: height + 1, VotingKey: vsp.Secret(ticket.VotingKey())}, held)

		r.mine(vsp.Confirmations - 1)
		require.Equal(t, vsp.FeeBroadcast, r.stored(hash).Fee.Status)
		r.mine(1)
		got = r.stored(hash)
		require.Equal(t, vsp.FeeConfirmed, got.Fee.Status)
		require.Nil(t, got.Fee.Tx)
		info, err := r.Info(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, info.Voting, "vspinfo is as fresh as the block")
		require.EqualValues(t, height+12, info.BlockHeight)

		r.mine(r.maturing())
		vote := r.chain.Vote(ticket)
		r.mine(1)
		got = r.stored(hash)
		require.Equal(t, vsp.Voted, got.Outcome)
		require.Equal(t, vote, got.SpentBy)
		require.EqualValues(t, height+12+r.maturing()+1, got.SpentHeight)
		_, ok = r.voters.Held(hash)
		require.False(t, ok)
		info, err = r.Info(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 0, info.Voting)
		require.EqualValues(t, 1, info.Voted)
	})
}

func TestLifeOutcomes(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		missed, late, expired := r.chain.Buy(r.holder(1)), r.chain.Buy(r.holder(2)), r.chain.Buy(r.holder(3))
		for _, ticket := range []vsptest.Ticket{missed, late, expired} {
			r.paid(ticket)
		}
		r.mine(r.maturing())
		r.chain.Miss(missed)
		r.mine(1)
		require.Equal(t, vsp.Missed, r.stored(missed.Hash()).Outcome)

		purchase := r.stored(expired.Hash()).PurchaseHeight
		last := purchase + int64(r.chain.Params.TicketMaturity) + int64(r.chain.Params.TicketExpiry)
		r.chain.Mine(int(last - 2 - r.tip().Height))
		r.chain.Miss(late) // in the block before the one where it would expire
		r.mine(1)
		require.Equal(t, vsp.Missed, r.stored(late.Hash()).Outcome)
		require.Equal(t, vsp.NoOutcome, r.stored(expired.Hash()).Outcome)
		r.mine(1)
		require.EqualValues(t, last, r.tip().Height)
		require.Equal(t, vsp.Expired, r.stored(expired.Hash()).Outcome)
	})
}

func (r *rig) tip() vsp.Tip {
	tip, err := r.chain.Tip(r.t.Context())
	require.NoError(r.t, err)
	return tip
}

// What happened while the service was down is found out when it is back, also over more blocks than one chunk.
func TestLifeAfterOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		voted, missed, waiting := r.chain.Buy(r.holder(1)), r.chain.Buy(r.holder(2)), r.chain.Buy(r.holder(3))
		for _, ticket := range []vsptest.Ticket{voted, missed, waiting} {
			r.paid(ticket)
		}
		r.mine(1)
		stop()

		r.chain.Mine(r.maturing())
		r.chain.Vote(voted)
		r.chain.Mine(50)
		r.chain.Miss(missed)
		r.chain.Mine(50)
		r.voters = new(vsptest.Voters)
		r.config.Voters = r.voters
		r.restart()
		defer r.run()()
		require.Equal(t, vsp.Voted, r.stored(voted.Hash()).Outcome)
		require.Equal(t, vsp.Missed, r.stored(missed.Hash()).Outcome)
		require.Equal(t, vsp.FeeBroadcast, r.stored(waiting.Hash()).Fee.Status)
		_, ok := r.voters.Held(waiting.Hash())
		require.True(t, ok)
		position, err := r.store.Position(t.Context())
		require.NoError(t, err)
		require.Equal(t, r.tip().Position, position)
	})
}

func TestLifeReorganisation(t *testing.T) {
	for name, restart := range map[string]bool{"while it runs": false, "while it is down": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				stop := r.run()
				before, after := r.chain.Buy(r.holder(1)), r.chain.Buy(r.holder(2))
				r.paid(before)
				r.paid(after)
				r.mine(r.maturing() + 10)
				r.chain.Vote(before)
				r.mine(3)
				r.chain.Vote(after)
				r.mine(2)
				require.Equal(t, vsp.Voted, r.stored(after.Hash()).Outcome)

				if restart {
					stop()
					r.restart()
				}
				r.chain.Reorganise(3)
				if restart {
					stop = r.run()
				}
				defer func() { stop() }()
				synctest.Wait()
				require.Equal(t, vsp.Voted, r.stored(before.Hash()).Outcome, "its vote is below the fork")
				got := r.stored(after.Hash())
				require.Equal(t, vsp.NoOutcome, got.Outcome)
				require.Zero(t, got.SpentHeight)
				_, ok := r.voters.Held(after.Hash())
				require.True(t, ok, "it has yet to vote")

				r.chain.Miss(after)
				r.mine(1)
				require.Equal(t, vsp.Missed, r.stored(after.Hash()).Outcome)
			})
		})
	}
}

// While the node is away nothing is decided, little is logged, and with it back all is caught up.
func TestLifeNodeAway(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket := r.chain.Buy(r.holder(1))
		r.paid(ticket)
		r.mine(vsp.Confirmations - 1)
		r.chainFault.set(func(string) (bool, error) { return false, errors.New("node is away") })
		r.mine(30)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, vsp.FeeReceived, r.stored(ticket.Hash()).Fee.Status)
		require.Equal(t, 1, r.log.count("asking the node fails"))
		require.Equal(t, 1, r.log.count("scanning blocks for outcomes fails"))

		r.chainFault.set(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, vsp.FeeBroadcast, r.stored(ticket.Hash()).Fee.Status)
		require.Equal(t, 1, r.log.count("asking the node works again"))
		require.Equal(t, 1, r.log.count("scanning blocks for outcomes works again"))
	})
}

// A node that answers everything but the publishing of fees leaves them received.
func TestLifeFeeNotSent(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket := r.chain.Buy(r.holder(1))
		r.paid(ticket)
		r.chainFault.set(failing("Publish", errors.New("connection reset")))
		r.mine(20)
		require.Equal(t, vsp.FeeReceived, r.stored(ticket.Hash()).Fee.Status)
		_, ok := r.voters.Held(ticket.Hash())
		require.False(t, ok)
		r.chainFault.set(nil)
		time.Sleep(time.Minute) // no block comes
		synctest.Wait()
		require.Equal(t, vsp.FeeBroadcast, r.stored(ticket.Hash()).Fee.Status)
	})
}

// failing makes an operation fail, without carrying it out.
func failing(name string, err error) func(string) (bool, error) { return failingTimes(name, err, -1) }

// failingTimes makes an operation fail so many times; with -1, always.
func failingTimes(name string, err error, times int) func(string) (bool, error) {
	var mu sync.Mutex
	return func(op string) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		if op != name || times == 0 {
			return false, nil
		}
		times--
		return false, err
	}
}

func TestLifeFeeLost(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket := r.chain.Buy(r.holder(1))
		fee := r.paid(ticket)
		r.mine(vsp.Confirmations)
		require.Equal(t, vsp.FeeBroadcast, r.stored(ticket.Hash()).Fee.Status)
		r.chain.Forget(fee.TxHash())
		r.mine(1)
		_, err := r.chain.Transaction(t.Context(), fee.TxHash())
		require.NoError(t, err, "it is sent again")
		require.Equal(t, vsp.FeeBroadcast, r.stored(ticket.Hash()).Fee.Status)
		r.mine(vsp.Confirmations)
		require.Equal(t, vsp.FeeConfirmed, r.stored(ticket.Hash()).Fee.Status)
	})
}

func TestLifeFeeRefused(t *testing.T) {
	tests := map[string]func(r *rig, coin wire.OutPoint){
		"input spent": func(r *rig, coin wire.OutPoint) {
			rival := r.chain.Pay(r.holder(9).Commitment().String(), 5, coin)
			require.NoError(r.t, r.chain.Publish(r.t.Context(), rival))
		},
		"for another reason": func(r *rig, _ wire.OutPoint) {
			r.chainFault.set(failing("Publish", vsp.ErrRefused))
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			living(t, func(t *testing.T, r *rig) {
				ticket := r.chain.Buy(r.holder(1))
				coin := r.chain.Coin(dcrutil.AtomsPerCoin)
				offer := r.offered(ticket)
				fee := r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount), coin)
				_, err := r.PayFee(t.Context(), r.payFeeRequest(ticket, fee))
				require.NoError(t, err)
				spoil(r, coin)
				r.mine(vsp.Confirmations)
				require.Equal(t, vsp.FeeError, r.stored(ticket.Hash()).Fee.Status)
				_, ok := r.voters.Held(ticket.Hash())
				require.False(t, ok)

				r.chainFault.set(nil)
				another := r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount))
				_, err = r.PayFee(t.Context(), r.payFeeRequest(ticket, another))
				require.NoError(t, err)
				got := r.stored(ticket.Hash())
				require.Equal(t, vsp.FeeBroadcast, got.Fee.Status)
				require.Equal(t, another.TxHash(), got.Fee.TxHash)
			})
		})
	}
}

// A fee whose inputs nobody knows has until its ticket is live.
func TestLifeFeeOrphaned(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket := r.chain.Buy(r.holder(1))
		offer := r.offered(ticket)
		unknown := wire.OutPoint{Hash: chainhash.HashH([]byte("nowhere"))}
		fee := r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount), unknown)
		_, err := r.PayFee(t.Context(), r.payFeeRequest(ticket, fee))
		require.NoError(t, err)
		r.mine(r.maturing() - 1)
		require.Equal(t, vsp.FeeReceived, r.stored(ticket.Hash()).Fee.Status)
		r.mine(1)
		require.Equal(t, vsp.FeeError, r.stored(ticket.Hash()).Fee.Status)
	})
}

// A fee that was refused and is mined nevertheless is paid.
func TestLifeFeeMinedAfterAll(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket := r.chain.Buy(r.holder(1))
		fee := r.paid(ticket)
		r.chainFault.set(failing("Publish", vsp.ErrRefused))
		r.mine(vsp.Confirmations)
		require.Equal(t, vsp.FeeError, r.stored(ticket.Hash()).Fee.Status)
		r.chainFault.set(nil)
		require.NoError(t, r.chain.Publish(t.Context(), fee))
		r.mine(vsp.Confirmations)
		require.Equal(t, vsp.FeeConfirmed, r.stored(ticket.Hash()).Fee.Status)
		_, ok := r.voters.Held(ticket.Hash())
		require.True(t, ok)
	})
}

// Only what nobody paid for is forgotten, and late.
func TestLifeForgets(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		stranger, payer := r.chain.Buy(r.holder(1)), r.chain.Buy(r.holder(2))
		r.offered(stranger)
		r.paid(payer)
		for _, ticket := range []vsptest.Ticket{stranger, payer} {
			r.chain.Forget(ticket.Hash())
		}
		r.clock.advance(7 * 24 * time.Hour)
		r.mine(1)
		r.stored(stranger.Hash())
		r.clock.advance(2 * time.Hour)
		r.mine(1)
		_, err := r.store.Ticket(t.Context(), stranger.Hash())
		require.ErrorIs(t, err, vsp.ErrNoTicket)
		r.stored(payer.Hash())
	})
}

// One ticket that cannot be looked up does not keep the others waiting.
func TestLifeOneTroubled(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		first, second := r.chain.Buy(r.holder(1)), r.chain.Buy(r.holder(2))
		r.paid(first)
		r.paid(second)
		r.chainFault.set(failingTimes("Publish", errors.New("this one is cursed"), 1))
		r.mine(vsp.Confirmations)
		require.Equal(t, vsp.FeeReceived, r.stored(first.Hash()).Fee.Status)
		require.Equal(t, vsp.FeeBroadcast, r.stored(second.Hash()).Fee.Status)
	})
}
