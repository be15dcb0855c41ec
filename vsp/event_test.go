package vsp_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
	"time"

	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// declaredEvents returns every constant of type Event.
func declaredEvents(t *testing.T) (declared []vsp.Event) {
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Event" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			declared = append(declared, vsp.Event(text))
		}
		return false
	})
	return declared
}

// Everything that can happen to a ticket does. It is counted and logged once each time, and no line gives anything away.
func TestEvents(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		for event, n := range r.Events() {
			require.Zero(t, n, event)
		}
		voted, missed, expired := r.chain.Ticket(r.holder(1)), r.chain.Buy(r.holder(2)), r.chain.Buy(r.holder(3))
		r.setAltSigner(voted, r.holder(4)) // which publishes it
		r.pays(voted, nil)
		r.pays(missed, map[string]string{"no such agenda": "yes"})
		r.pays(expired, nil)
		forgotten := r.chain.Buy(r.holder(5))
		r.offered(forgotten)
		r.chain.Forget(forgotten.Hash())
		r.clock.advance(2 * time.Hour)
		refused := r.chain.Buy(r.holder(6))
		coin := r.chain.Coin(1e9)
		offer := r.offered(refused)
		r.clock.advance(2 * time.Hour)
		offer = r.offered(refused) // anew
		fee := r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount), coin)
		_, err := r.PayFee(t.Context(), r.payFeeRequest(refused, fee))
		require.NoError(t, err)
		require.NoError(t, r.chain.Publish(t.Context(), r.chain.Pay(r.holder(7).Commitment().String(), 5, coin)))
		r.mine(vsp.Confirmations)
		r.chain.Forget(r.stored(voted.Hash()).Fee.TxHash)
		r.mine(vsp.Confirmations)
		_, err = r.SetVoteChoices(t.Context(), voted.Request(vspapi.SetVoteChoicesRequest{
			Timestamp: r.clock.Now().Unix() + 1, TicketHash: voted.Hash().String(), VoteChoices: map[string]string{},
		}))
		require.NoError(t, err)
		r.mine(r.maturing())
		r.chain.Vote(voted)
		r.chain.Miss(missed)
		r.mine(1)
		r.chain.Reorganise(1)
		r.chain.Vote(voted)
		r.chain.Miss(missed)
		r.mine(1)
		r.clock.advance(8 * 24 * time.Hour)
		r.mine(1)
		r.chain.Mine(int(r.chain.Params.TicketExpiry))
		pause()
		require.Equal(t, vsp.Expired, r.stored(expired.Hash()).Outcome)

		want := map[vsp.Event]uint64{
			vsp.EventAltSignerSet: 1, vsp.EventTicketPublished: 1, vsp.EventTicketRegistered: 5, vsp.EventFeeRenewed: 1,
			vsp.EventFeeReceived: 4, vsp.EventChoicesLeftOut: 1, vsp.EventChoicesSet: 1, vsp.EventTicketConfirmed: 4,
			vsp.EventFeeBroadcast: 3, vsp.EventFeeRebroadcast: 1, vsp.EventFeeRefused: 1, vsp.EventFeeConfirmed: 3,
			vsp.EventTicketVoted: 2, vsp.EventTicketMissed: 2, vsp.EventTicketExpired: 2, vsp.EventOutcomeTakenBack: 2,
			vsp.EventTicketForgotten: 1,
		}
		require.Equal(t, want, r.Events())
		declared := declaredEvents(t)
		require.Len(t, declared, len(want))
		r.log.mu.Lock()
		defer r.log.mu.Unlock()
		for _, event := range declared {
			require.Contains(t, want, event)
			require.EqualValues(t, want[event], r.log.events[event], event)
		}
		for _, ticket := range []vsptest.Ticket{voted, missed, expired, refused} {
			require.NotContains(t, r.log.text.String(), ticket.VotingKey())
			require.Contains(t, r.log.text.String(), ticket.Hash().String())
		}
	})
}

// pays registers a ticket and pays its fee, with choices on agendas.
func (r *rig) pays(ticket vsptest.Ticket, agendas map[string]string) *wire.MsgTx {
	r.t.Helper()
	offer := r.offered(ticket)
	fee := r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount))
	message := r.payFeeMessage(ticket, fee)
	if agendas != nil {
		message.VoteChoices = agendas
	}
	_, err := r.PayFee(r.t.Context(), ticket.Request(message))
	require.NoError(r.t, err)
	return fee
}

// What was stored has happened, and what was not has not, whatever the Store says.
func TestEventsOfFaults(t *testing.T) {
	for name, apply := range map[string]bool{"stored": true, "not stored": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			ticket := r.chain.Buy(r.holder(1))
			want := uint64(0)
			if apply {
				want = 1
			}
			broken := func(op string) {
				r.storeFault.set(func(o string) (bool, error) {
					if o == op {
						return apply, errFault
					}
					return false, nil
				})
			}
			broken("Insert")
			_, err := r.FeeAddress(t.Context(), r.feeAddressRequest(ticket))
			require.Equal(t, apply, err == nil)
			require.Equal(t, want, r.Events()[vsp.EventTicketRegistered])
			r.storeFault.set(nil)
			offer := r.offered(ticket)
			broken("Update")
			_, err = r.PayFee(t.Context(), r.payFeeRequest(ticket, r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount))))
			require.Equal(t, apply, err == nil)
			require.Equal(t, want, r.Events()[vsp.EventFeeReceived])
		})
	}
}
