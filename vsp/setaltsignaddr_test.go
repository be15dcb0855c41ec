package vsp_test

import (
	"sync"
	"testing"

	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// setAltSigner lets another holder sign for a ticket.
func (r *rig) setAltSigner(ticket vsptest.Ticket, other vsptest.Holder) {
	r.t.Helper()
	_, err := r.SetAltSignAddr(r.t.Context(), r.altSignRequest(ticket, other))
	require.NoError(r.t, err)
}

// signedBy is a ticket whose requests another holder signs.
func signedBy(ticket vsptest.Ticket, other vsptest.Holder) vsptest.Ticket {
	return vsptest.Ticket{Holder: other, Tx: ticket.Tx, Parent: ticket.Parent}
}

// Both addresses sign for a ticket, from before it is registered until it has voted.
func TestAltSigner(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		ticket, other := r.chain.Ticket(r.holder(1)), r.holder(2)
		alt := signedBy(ticket, other)
		_, err := r.FeeAddress(t.Context(), r.feeAddressRequest(alt))
		require.Equal(t, vspapi.BadSignature, code(err))

		request := r.altSignRequest(ticket, other)
		answer, err := r.SetAltSignAddr(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, r.clock.Now().Unix(), answer.Timestamp)
		_, err = r.chain.Transaction(t.Context(), ticket.Hash())
		require.NoError(t, err, "the network was given the ticket")
		stored, err := r.store.AltSigner(t.Context(), ticket.Hash())
		require.NoError(t, err)
		require.Equal(t, other.Commitment().String(), stored.Address)
		require.Equal(t, answer.Request, stored.Change.Request)
		require.Equal(t, ticket.Signature(answer.Request), stored.Change.Signature)
		require.Equal(t, answer.Timestamp, stored.Change.Answered)
		_, err = r.store.Ticket(t.Context(), ticket.Hash())
		require.ErrorIs(t, err, vsp.ErrNoTicket, "it is not registered by that")

		offer := r.offered(alt)
		fee := r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount))
		_, err = r.PayFee(t.Context(), other.Request(r.payFeeMessage(ticket, fee)))
		require.NoError(t, err)
		for i, signer := range []vsptest.Ticket{alt, ticket, alt, ticket} {
			_, err = r.SetVoteChoices(t.Context(), signer.Request(vspapi.SetVoteChoicesRequest{
				Timestamp: r.clock.Now().Unix() + 1 + int64(i), TicketHash: ticket.Hash().String(), VoteChoices: map[string]string{},
			}))
			require.NoError(t, err)
			status, err := r.TicketStatus(t.Context(), signer.Request(vspapi.TicketStatusRequest{TicketHash: ticket.Hash().String()}))
			require.NoError(t, err)
			require.Equal(t, other.Commitment().String(), status.AltSignAddress)
		}
		_, err = r.TicketStatus(t.Context(), r.holder(3).Request(vspapi.TicketStatusRequest{TicketHash: ticket.Hash().String()}))
		require.Equal(t, vspapi.BadSignature, code(err))
	})
}

func TestAltSignerRefused(t *testing.T) {
	p2sh := func(params *chaincfg.Params) string {
		address, err := stdaddr.NewAddressScriptHashV0FromHash(make([]byte, 20), params)
		require.NoError(t, err)
		return address.String()
	}
	schnorr := func(params *chaincfg.Params) string {
		address, err := stdaddr.NewAddressPubKeyHashSchnorrSecp256k1V0(dcrutil.Hash160(nil), params)
		require.NoError(t, err)
		return address.String()
	}
	const exists, wrongType = "alternate sign address data already exists", "wrong type for alternate signing address"
	type ask struct {
		*rig
		vspapi.SetAltSignAddrRequest
		ticket vsptest.Ticket
		signer vsptest.Holder
	}
	address := func(address string) func(a *ask) { return func(a *ask) { a.AltSignAddress = address } }
	simnet := chaincfg.SimNetParams()
	tests := []struct {
		name    string
		prepare func(a *ask)
		code    vspapi.Code
		text    string
	}{
		{"no address", address(""), vspapi.BadRequest,
			"Key: 'SetAltSignAddrRequest.AltSignAddress' Error:Field validation for 'AltSignAddress' failed on the 'required' tag"},
		{"no timestamp", func(a *ask) { a.Timestamp = 0 },
			vspapi.BadRequest,
			"Key: 'SetAltSignAddrRequest.Timestamp' Error:Field validation for 'Timestamp' failed on the 'required' tag"},
		{"no ticket", func(a *ask) { a.TicketHex = "" },
			vspapi.BadRequest, "Key: 'TicketHex' Error:Field validation for 'TicketHex' failed on the 'required' tag"},
		{"address of another network", address(p2sh(chaincfg.MainNetParams())), vspapi.BadRequest,
			`address "` + p2sh(chaincfg.MainNetParams()) + `" is not a supported type`},
		{"address of a script", address(p2sh(simnet)), vspapi.BadRequest, wrongType},
		{"address of another scheme", address(schnorr(simnet)), vspapi.BadRequest, wrongType},
		{"signed by the address itself", func(a *ask) {
			a.signer = a.holder(2)
		}, vspapi.BadSignature, "bad request signature"},
		{"set before", func(a *ask) {
			a.setAltSigner(a.ticket, a.holder(5))
		}, vspapi.BadRequest, exists},
		{"set before, signed by that", func(a *ask) {
			a.signer = a.holder(5)
			a.setAltSigner(a.ticket, a.signer)
		}, vspapi.BadRequest, exists},
		{"set before comes before a bad address", func(a *ask) {
			a.setAltSigner(a.ticket, a.holder(5))
			a.AltSignAddress = "x"
		}, vspapi.BadRequest, exists},
		{"has voted", func(a *ask) { a.spend(a.ticket) },
			vspapi.TicketCannotVote, "ticket not eligible to vote"},
		{"bad address comes before has voted", func(a *ask) {
			a.spend(a.ticket)
			a.AltSignAddress = p2sh(simnet)
		}, vspapi.BadRequest, wrongType},
		{"the network does not take it", func(a *ask) {
			a.chainFault.set(failing("Publish", vsp.ErrRefused))
		}, vspapi.CannotBroadcastTicket, "ticket transaction could not be broadcast"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			ticket := r.chain.Ticket(r.holder(1))
			a := ask{rig: r, ticket: ticket, signer: ticket.Holder, SetAltSignAddrRequest: r.altSignMessage(ticket, r.holder(2))}
			test.prepare(&a)
			_, err := r.SetAltSignAddr(t.Context(), a.signer.Request(a.SetAltSignAddrRequest))
			require.Equal(t, test.code, code(err), "%v", err)
			require.Equal(t, test.text, err.(*vsp.Error).Text())
			if stored, err := r.store.AltSigner(t.Context(), ticket.Hash()); err == nil {
				require.Equal(t, r.holder(5).Commitment().String(), stored.Address)
			}
		})
	}
}

// spend has a ticket vote.
func (r *rig) spend(ticket vsptest.Ticket) {
	for _, tx := range []*wire.MsgTx{ticket.Parent, ticket.Tx} {
		require.NoError(r.t, r.chain.Publish(r.t.Context(), tx))
	}
	r.chain.Mine(r.maturing())
	r.chain.Vote(ticket)
	r.chain.Mine(1)
}

// A ticket's own address may be its alternate as well.
func TestAltSignerIsCommitment(t *testing.T) {
	r := newRig(t)
	ticket := r.chain.Buy(r.holder(1))
	r.setAltSigner(ticket, ticket.Holder)
	r.offered(ticket)
}

// An answered address is a stored one, and one that was stored without being answered is known to be.
func TestAltSignerFaults(t *testing.T) {
	everyFault(t, func(t *testing.T, r *rig, nth int, apply bool) bool {
		ticket, other := r.chain.Ticket(r.holder(1)), r.holder(2)
		request := r.altSignRequest(ticket, other)
		hit := r.failAt(nth, apply)
		_, err := r.SetAltSignAddr(t.Context(), request)
		stop := hit()
		stored, readErr := r.store.AltSigner(t.Context(), ticket.Hash())
		if err != nil {
			require.Less(t, code(err), vspapi.BadRequest, "a fault is nobody's fault: %v", err)
			require.ErrorIs(t, readErr, vsp.ErrNoAltSigner)
			r.setAltSigner(ticket, other)
			return stop
		}
		require.NoError(t, readErr)
		require.Equal(t, other.Commitment().String(), stored.Address)
		require.EqualValues(t, 1, r.Events()[vsp.EventAltSignerSet])
		return stop
	})
}

// Of two addresses at once, one is set, and the other's asker is told.
func TestAltSignerAtOnce(t *testing.T) {
	r := newRig(t)
	ticket := r.chain.Buy(r.holder(1))
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			_, errs[i] = r.SetAltSignAddr(t.Context(), r.altSignRequest(ticket, r.holder(uint32(10+i))))
		})
	}
	all.Wait()
	stored, err := r.store.AltSigner(t.Context(), ticket.Hash())
	require.NoError(t, err)
	for i, err := range errs {
		if err != nil {
			require.Equal(t, vspapi.BadRequest, code(err))
			continue
		}
		require.Equal(t, r.holder(uint32(10+i)).Commitment().String(), stored.Address)
	}
	require.EqualValues(t, 1, r.Events()[vsp.EventAltSignerSet])
}

// A store that cannot say whether there is another address has not said that the signature is bad.
func TestAltSignerStoreAway(t *testing.T) {
	r := newRig(t)
	ticket, other := r.chain.Buy(r.holder(1)), r.holder(2)
	r.offered(ticket)
	r.setAltSigner(ticket, other)
	status := func() error {
		_, err := r.TicketStatus(t.Context(), other.Request(vspapi.TicketStatusRequest{TicketHash: ticket.Hash().String()}))
		return err
	}
	again := func() error {
		_, err := r.FeeAddress(t.Context(), other.Request(r.feeAddressMessage(ticket)))
		return err
	}
	for op, act := range map[string]func() error{"TicketAndSigner": status, "AltSigner": again} {
		r.storeFault.set(nil)
		require.NoError(t, act(), op)
		r.storeFault.set(failing(op, errFault))
		err := act()
		require.ErrorIs(t, err, errFault, op)
		require.EqualValues(t, -1, code(err), op)
	}
}
