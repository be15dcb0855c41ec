package vsp_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// committed makes an operation fail after it was carried out, as when the connection is lost after the commit.
func committed(name string) func(string) (bool, error) {
	return func(op string) (bool, error) {
		if op == name {
			return true, errFault
		}
		return false, nil
	}
}

// What was stored counts, whatever the Store has said of it: the holder is not asked to do it again.
func TestCommitUnknown(t *testing.T) {
	r := newRig(t)
	ticket := r.chain.Buy(r.holder(1))
	r.storeFault.set(committed("Insert"))
	offer := r.offered(ticket)
	require.Equal(t, r.stored(ticket.Hash()).Fee.Address, offer.FeeAddress)

	fee := r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount))
	r.storeFault.set(committed("Update"))
	_, err := r.PayFee(t.Context(), r.payFeeRequest(ticket, fee))
	require.NoError(t, err)
	require.Equal(t, vsp.FeeReceived, r.stored(ticket.Hash()).Fee.Status)
}

// A fee that was stored and sent is acknowledged, also if it cannot be stored that it was sent.
func TestSentButNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		ticket := r.chain.Buy(r.holder(1))
		r.chain.Mine(vsp.Confirmations)
		offer := r.offered(ticket)
		fee := r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount))
		updates := 0
		r.storeFault.set(func(op string) (bool, error) {
			if op == "Update" {
				updates++
			}
			return failing("Update", map[int]error{2: errFault}[updates])(op)
		})
		_, err := r.PayFee(t.Context(), r.payFeeRequest(ticket, fee))
		require.NoError(t, err)
		require.Equal(t, vsp.FeeReceived, r.stored(ticket.Hash()).Fee.Status)
		r.storeFault.set(nil)
		defer r.run()()
		require.Equal(t, vsp.FeeBroadcast, r.stored(ticket.Hash()).Fee.Status)
	})
}

// What becomes of one fee is not taken for the fate of another that was paid meanwhile.
func TestFeeReplacedMeanwhile(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket := r.chain.Buy(r.holder(1))
		r.paid(ticket)
		another := chainhash.HashH([]byte("another"))
		r.chainFault.set(func(op string) (bool, error) {
			if op != "Publish" {
				return false, nil
			}
			_, err := r.store.Update(t.Context(), ticket.Hash(), func(t *vsp.Ticket) (*vsp.Change, error) {
				t.Fee.TxHash = another
				return nil, nil
			})
			require.NoError(t, err)
			return false, vsp.ErrRefused
		})
		r.mine(vsp.Confirmations - 1)
		require.Equal(t, vsp.FeeReceived, r.stored(ticket.Hash()).Fee.Status)
		r.mine(1)
		require.Equal(t, another, r.stored(ticket.Hash()).Fee.TxHash)
		require.Equal(t, vsp.FeeReceived, r.stored(ticket.Hash()).Fee.Status)
	})
}

// A payment from the far future does not lock its holder out of choosing.
func TestPayFeeFromTheFuture(t *testing.T) {
	r := newRig(t)
	ticket := r.chain.Buy(r.holder(1))
	offer := r.offered(ticket)
	message := vspapi.PayFeeRequest{
		Timestamp: 1 << 62, TicketHash: ticket.Hash().String(), VotingKey: ticket.VotingKey(),
		VoteChoices: map[string]string{}, FeeTx: vsptest.Hex(r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount))),
	}
	_, err := r.PayFee(t.Context(), ticket.Request(message))
	require.NoError(t, err)
	r.clock.advance(25 * time.Hour)
	_, err = r.SetVoteChoices(t.Context(), ticket.Request(vspapi.SetVoteChoicesRequest{
		Timestamp: r.clock.Now().Unix(), TicketHash: ticket.Hash().String(), VoteChoices: map[string]string{},
	}))
	require.NoError(t, err)
}
