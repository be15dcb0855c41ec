package vsp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
)

// What is known of a ticket and its fee is kept.
func TestRecords(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket := r.chain.Buy(r.holder(1))
		registered := r.clock.Now()
		offer := r.offered(ticket)
		got := r.stored(ticket.Hash())
		require.Equal(t, registered, got.Registered)
		require.Zero(t, got.Fee.Received)
		require.Zero(t, got.Fee.Paid)

		r.clock.advance(time.Minute)
		r.mine(1) // the fee is in another block than the ticket
		generous := amount(offer.FeeAmount) + 7
		_, err := r.PayFee(t.Context(), r.payFeeRequest(ticket, r.chain.Pay(offer.FeeAddress, generous)))
		require.NoError(t, err)
		got = r.stored(ticket.Hash())
		require.Equal(t, registered, got.Registered)
		require.Equal(t, registered.Add(time.Minute), got.Fee.Received)
		require.Equal(t, generous, got.Fee.Paid)
		require.EqualValues(t, offer.FeeAmount, got.Fee.Amount)

		r.mine(vsp.Confirmations - 1)
		require.Equal(t, vsp.FeeBroadcast, r.stored(ticket.Hash()).Fee.Status)
		sent := r.tip().Height
		r.mine(vsp.Confirmations)
		got = r.stored(ticket.Hash())
		require.Equal(t, vsp.FeeConfirmed, got.Fee.Status)
		require.Equal(t, sent+1, got.Fee.Height)
	})
}

// A late payment is taken while it is as good as what would be asked for now.
func TestPayFeeLate(t *testing.T) {
	for _, test := range []struct {
		name    string
		percent float64
		late    time.Duration
		code    vspapi.Code
	}{
		{"in time", 50, time.Hour, -1},
		{"late", 2, 30 * 24 * time.Hour, -1},
		{"late, asked for a little more", 2.1, time.Hour + time.Second, -1},
		{"late, asked for more", 2.11, time.Hour + time.Second, vspapi.FeeExpired},
		{"late, asked for less", 1, time.Hour + time.Second, -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			ticket := r.chain.Buy(r.holder(1))
			offer := r.offered(ticket)
			require.NoError(t, r.SetTerms(vsp.Terms{FeePercent: test.percent, XPub: r.config.Terms.XPub}))
			r.clock.advance(test.late)
			_, err := r.PayFee(t.Context(), r.payFeeRequest(ticket, r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount))))
			if test.code < 0 {
				require.NoError(t, err)
				return
			}
			require.Equal(t, test.code, code(err))
		})
	}
}

// A payment that is sent again brings the choices that it has, where nothing was chosen since.
func TestPayFeeAgain(t *testing.T) {
	const key, spend = "02aa00000000000000000000000000000000000000000000000000000000000000", "0a00000000000000000000000000000000000000000000000000000000000000"
	first := vsp.Choices{
		Agendas: map[string]string{"maxtreasuryspend": "no"}, TSpends: map[string]string{spend: "yes"}, Treasury: map[string]string{key: "no"},
	}
	tests := []struct {
		name   string
		change func(m *vspapi.PayFeeRequest)
		want   func(c *vsp.Choices)
	}{
		{"the same", func(*vspapi.PayFeeRequest) {}, func(*vsp.Choices) {}},
		{"others", func(m *vspapi.PayFeeRequest) {
			m.VoteChoices, m.TSpendPolicy = map[string]string{"maxtreasuryspend": "yes"}, map[string]string{strings.ToUpper(spend): "no"}
		}, func(c *vsp.Choices) {
			c.Agendas, c.TSpends = map[string]string{"maxtreasuryspend": "yes"}, map[string]string{spend: "no"}
		}},
		{"none", func(m *vspapi.PayFeeRequest) {
			m.VoteChoices, m.TSpendPolicy, m.TreasuryPolicy = map[string]string{}, map[string]string{}, map[string]string{}
		}, func(c *vsp.Choices) { *c = vsp.Choices{} }},
		{"policies left out", func(m *vspapi.PayFeeRequest) { m.TSpendPolicy, m.TreasuryPolicy = nil, nil }, func(*vsp.Choices) {}},
		{"all wrong", func(m *vspapi.PayFeeRequest) {
			m.VoteChoices = map[string]string{"no such agenda": "yes"}
			m.TSpendPolicy, m.TreasuryPolicy = map[string]string{"x": "yes"}, map[string]string{"x": "yes"}
		}, func(*vsp.Choices) {}},
		{"from before", func(m *vspapi.PayFeeRequest) {
			m.Timestamp -= 2
			m.VoteChoices = map[string]string{"maxtreasuryspend": "yes"}
		}, func(*vsp.Choices) {}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			ticket := r.chain.Buy(r.holder(1))
			r.chain.Mine(vsp.Confirmations)
			offer := r.offered(ticket)
			message := r.payFeeMessage(ticket, r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount)))
			message.VoteChoices, message.TSpendPolicy, message.TreasuryPolicy = first.Agendas, first.TSpends, first.Treasury
			r.chainFault.set(failing("Publish", vsp.ErrRefused))
			_, err := r.PayFee(t.Context(), ticket.Request(message))
			require.Equal(t, vspapi.CannotBroadcastFee, code(err))
			require.Equal(t, first, r.stored(ticket.Hash()).Choices)

			r.chainFault.set(nil)
			r.clock.advance(time.Second)
			message.Timestamp++
			test.change(&message)
			_, err = r.PayFee(t.Context(), ticket.Request(message))
			require.NoError(t, err)
			want := first
			test.want(&want)
			require.Equal(t, want, r.stored(ticket.Hash()).Choices)
		})
	}
}

// An inputs' transaction that comes while a fee is being offered makes no error of it.
func TestFeeInputsJustKnown(t *testing.T) {
	r := newRig(t)
	ticket := r.chain.Buy(r.holder(1))
	r.chain.Mine(vsp.Confirmations)
	offer := r.offered(ticket)
	parent := r.chain.Pay(r.holder(2).Commitment().String(), dcrutil.AtomsPerCoin)
	fee := r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount), wire.OutPoint{Hash: parent.TxHash()})
	published := false
	r.chainFault.set(func(op string) (bool, error) {
		if op != "Publish" || published {
			return false, nil
		}
		published = true
		require.NoError(t, r.chain.Publish(t.Context(), parent)) // just after the fee was refused
		return false, vsp.ErrOrphan
	})
	_, err := r.PayFee(t.Context(), r.payFeeRequest(ticket, fee))
	require.NoError(t, err)
	require.Equal(t, vsp.FeeBroadcast, r.stored(ticket.Hash()).Fee.Status)
}

// A promise in force is repeated while the node is away; what it takes the node to say, is not said.
func TestFeeAddressNodeAway(t *testing.T) {
	r := newRig(t)
	ticket := r.chain.Buy(r.holder(1))
	offer := r.offered(ticket)
	for _, op := range []string{"Transaction", "Tip", "Live"} {
		r.chainFault.set(failing(op, errFault))
		again, err := r.FeeAddress(t.Context(), r.feeAddressRequest(ticket))
		require.NoError(t, err, op)
		require.Equal(t, offer.FeeAddress, again.FeeAddress)
		require.Equal(t, offer.FeeAmount, again.FeeAmount)
		require.Equal(t, offer.Expiration, again.Expiration)
	}
	r.clock.advance(2 * time.Hour)
	r.chainFault.set(failing("Transaction", errFault))
	_, err := r.FeeAddress(t.Context(), r.feeAddressRequest(ticket))
	require.ErrorIs(t, err, errFault)

	r.chainFault.set(nil)
	r.clock.advance(-2 * time.Hour)
	r.chain.Mine(r.maturing())
	r.chain.Vote(ticket)
	r.chain.Mine(1)
	_, err = r.FeeAddress(t.Context(), r.feeAddressRequest(ticket))
	require.Equal(t, vspapi.TicketCannotVote, code(err), "a refusal is one, also of a ticket that is known")
}
