package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// answered sends a request that is granted, and reads the answer.
func answered[A any](r *rig, path string, s signed) (answer A) {
	response := r.post(path, s)
	body := r.content(response)
	require.Equal(r, http.StatusOK, response.StatusCode, "%s", body)
	require.NoError(r, json.Unmarshal(body, &answer))
	var echo struct{ Request []byte }
	require.NoError(r, json.Unmarshal(body, &echo))
	require.Equal(r, s.body, echo.Request)
	return answer
}

func TestInfo(t *testing.T) {
	r := newRig(t)
	for i, outcome := range []vsp.Outcome{"", "", vsp.Voted, vsp.Voted, vsp.Voted, vsp.Missed, vsp.Missed, vsp.Missed, vsp.Missed, vsp.Expired} {
		ticket := vsp.Ticket{Hash: r.chain.Buy(r.holder(uint32(i))).Hash(), Fee: vsp.Fee{Status: vsp.FeeConfirmed}, Outcome: outcome}
		require.NoError(t, r.store.Insert(t.Context(), ticket))
	}
	r.chain.Mine(17)
	answer := r.do(http.MethodGet, vspapi.PathInfo, nil)
	body := r.content(answer)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, `{"apiversions":[3],"timestamp":1893553445,"pubkey":"/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg=",`+
		`"feepercentage":2,"vspclosed":false,"vspclosedmsg":"","network":"simnet","vspdversion":"1.5.0+test",`+
		`"voting":2,"voted":3,"totalvotingwallets":2,"votingwalletsonline":1,"expired":1,"missed":4,`+
		`"blockheight":217,"estimatednetworkproportion":0.2,`+
		`"health":{"accepting":true,"reasons":[],"votingwalletsready":0,"nodeheight":0,"nodepeers":0,"seenat":0}}`, string(body))
}

func TestFeeAddress(t *testing.T) {
	r := newRig(t)
	ticket := r.unsent()
	first := r.offered(ticket)
	_, err := r.chain.Transaction(t.Context(), ticket.Hash())
	require.NoError(t, err, "the network has the ticket now")
	require.Equal(t, now.Add(time.Hour).Unix(), first.Expiration)
	stored, err := r.store.Ticket(t.Context(), ticket.Hash())
	require.NoError(t, err)
	require.EqualValues(t, 1, stored.Fee.Index, "the first address has index 1")
	require.Equal(t, ticket.Commitment().String(), stored.Commitment)

	r.now = now.Add(time.Hour)
	r.chain.StakeDifficulty *= 2
	second := r.offered(ticket)
	require.Equal(t, first.FeeAmount, second.FeeAmount, "it is promised still")
	require.Equal(t, first.Expiration, second.Expiration)

	r.now = r.now.Add(time.Second)
	third := r.offered(ticket)
	require.Equal(t, first.FeeAddress, third.FeeAddress)
	require.Greater(t, third.FeeAmount, first.FeeAmount)
	require.Equal(t, r.now.Add(time.Hour).Unix(), third.Expiration)

	other := r.offered(r.chain.Buy(r.holder(2)))
	require.NotEqual(t, first.FeeAddress, other.FeeAddress)
}

// Nothing is published for somebody who cannot sign for the ticket.
func TestFeeAddressStranger(t *testing.T) {
	r := newRig(t)
	ticket := r.unsent()
	require.Equal(t, vspapi.BadSignature, r.refusal(r.post(vspapi.PathFeeAddress, r.feeAddress(ticket).by(r.holder(2)))).Code)
	for _, hash := range []chainhash.Hash{ticket.Hash(), ticket.Parent.TxHash()} {
		_, err := r.chain.Transaction(t.Context(), hash)
		require.ErrorIs(t, err, vsp.ErrNoTransaction)
	}
}

// Whether a ticket was bought long ago or is not mined yet, it can be registered until it is spent.
func TestFeeAddressAges(t *testing.T) {
	for _, blocks := range []int{0, 1, 6, 16, 17, 18, 16 + 384} {
		r := newRig(t)
		ticket := r.fresh()
		r.chain.Mine(blocks)
		r.offered(ticket)
		stored, err := r.store.Ticket(t.Context(), ticket.Hash())
		require.NoError(t, err)
		require.Equal(t, blocks >= vsp.Confirmations, stored.Confirmed, "%d blocks", blocks)
		if stored.Confirmed {
			require.EqualValues(t, height+1, stored.PurchaseHeight)
		}
	}
}

func TestPayFee(t *testing.T) {
	for _, test := range []struct {
		blocks int
		want   string
	}{{0, "received"}, {vsp.Confirmations - 1, "received"}, {vsp.Confirmations, "broadcast"}, {30, "broadcast"}} {
		r := newRig(t)
		ticket := r.fresh()
		fee := r.fee(r.offered(ticket))
		r.chain.Mine(test.blocks)
		request := r.payFee(ticket, fee).
			with("votechoices", fields{"maxtreasuryspend": "no"}).
			with("tspendpolicy", fields{strings.Repeat("AB", 32): "yes"}).
			with("treasurypolicy", fields{"02": "yes"}). // not valid: left out
			by(ticket.Holder)
		require.Equal(t, now.Unix(), answered[vspapi.PayFeeResponse](r, vspapi.PathPayFee, request).Timestamp)
		status := answered[vspapi.TicketStatusResponse](r, vspapi.PathTicketStatus, r.ticketStatus(ticket).by(ticket.Holder))
		require.Equal(t, vspapi.TicketStatusResponse{
			Timestamp: now.Unix(), TicketConfirmed: test.blocks >= vsp.Confirmations,
			FeeTxStatus: test.want, FeeTxHash: fee.TxHash().String(),
			VoteChoices:    map[string]string{"maxtreasuryspend": "no"},
			TSpendPolicy:   map[string]string{strings.Repeat("ab", 32): "yes"},
			TreasuryPolicy: map[string]string{},
			Request:        r.ticketStatus(ticket).json(),
		}, status)
		_, err := r.chain.Transaction(t.Context(), fee.TxHash())
		require.Equal(t, test.want == "broadcast", err == nil)
		changes, err := r.store.Changes(t.Context(), ticket.Hash())
		require.NoError(t, err)
		require.Equal(t, []vsp.Change{{Request: request.body, Signature: request.header[1], Answered: now.Unix()}}, changes)
	}
}

// A payment that comes late is taken while its amount would be asked for again.
func TestPayFeeLate(t *testing.T) {
	for _, fall := range []int{1, 2} {
		r := newRig(t)
		ticket, fee := r.known()
		r.now = r.now.Add(48 * time.Hour)
		r.chain.StakeDifficulty /= dcrutil.Amount(fall)
		answered[vspapi.PayFeeResponse](r, vspapi.PathPayFee, r.payFee(ticket, fee).by(ticket.Holder))
	}
}

// Enough and then small change, a negative time, bytes behind the transaction: all that is vspd's way.
func TestPayFeeTolerance(t *testing.T) {
	r := newRig(t)
	ticket, fee := r.known()
	small := *fee.TxOut[0]
	small.Value = 1
	fee.AddTxOut(&small)
	request := r.payFee(ticket, fee).with("timestamp", -1).with("feetx", vsptest.Hex(fee)+"00ff").with("unknown", 1)
	answered[vspapi.PayFeeResponse](r, vspapi.PathPayFee, request.by(ticket.Holder))
	answered[vspapi.SetVoteChoicesResponse](r, vspapi.PathSetVoteChoices, r.setVoteChoices(ticket).by(ticket.Holder))
}

// The fee is in error after a refusal, and another is taken. Neither takes back the choices made between.
func TestPayFeeAgain(t *testing.T) {
	r := newRig(t)
	ticket := r.fresh()
	offer := r.offered(ticket)
	r.chain.Mine(vsp.Confirmations)
	r.chain.Fail = reply(vsp.ErrRefused, "Publish")
	first := r.payFee(ticket, r.fee(offer)).by(ticket.Holder)
	require.Equal(t, vspapi.CannotBroadcastFee, r.refusal(r.post(vspapi.PathPayFee, first)).Code)
	status := func() vspapi.TicketStatusResponse {
		return answered[vspapi.TicketStatusResponse](r, vspapi.PathTicketStatus, r.ticketStatus(ticket).by(ticket.Holder))
	}
	require.Equal(t, "error", status().FeeTxStatus)
	choices := r.setVoteChoices(ticket).with("votechoices", fields{"maxtreasuryspend": "yes"})
	answered[vspapi.SetVoteChoicesResponse](r, vspapi.PathSetVoteChoices, choices.by(ticket.Holder))

	r.chain.Fail = nil
	answered[vspapi.PayFeeResponse](r, vspapi.PathPayFee, first)
	require.Equal(t, "broadcast", status().FeeTxStatus)
	require.Equal(t, map[string]string{"maxtreasuryspend": "yes"}, status().VoteChoices)
}

func TestSetVoteChoices(t *testing.T) {
	r := newRig(t)
	r.voters.Wallets = nil // none need be there
	ticket := r.fresh()
	offer := r.offered(ticket)
	r.chain.Mine(vsp.Confirmations)
	answered[vspapi.PayFeeResponse](r, vspapi.PathPayFee, r.payFee(ticket, r.fee(offer)).by(ticket.Holder))
	key := "02" + strings.Repeat("cd", 32)
	set := func(after int64, change fields) {
		f := r.setVoteChoices(ticket).with("timestamp", now.Unix()+after)
		for name, value := range change {
			f = f.with(name, value)
		}
		answered[vspapi.SetVoteChoicesResponse](r, vspapi.PathSetVoteChoices, f.by(ticket.Holder))
	}
	set(1, fields{"votechoices": fields{"maxtreasuryspend": "no"}, "treasurypolicy": fields{strings.ToUpper(key): "yes"}})
	set(2, fields{"tspendpolicy": nil, "treasurypolicy": fields{key: "no"}})
	set(24*3600, fields{"tspendpolicy": fields{unseen: "", strings.Repeat("ab", 32): "invalid"}})
	want := vsp.Choices{
		Agendas:  map[string]string{"maxtreasuryspend": "no"},
		TSpends:  map[string]string{unseen: "", strings.Repeat("ab", 32): "invalid"},
		Treasury: map[string]string{key: "no"},
	}
	stored, err := r.store.Ticket(t.Context(), ticket.Hash())
	require.NoError(t, err)
	require.Equal(t, want, stored.Choices)
	changes, err := r.store.Changes(t.Context(), ticket.Hash())
	require.NoError(t, err)
	require.Len(t, changes, 4)
}

// Keys of any case, and the last of two, as encoding/json and so vspd have it.
func TestLooseJSON(t *testing.T) {
	r := newRig(t)
	ticket := r.paid(1)
	body := []byte(` {"TICKETHASH": "` + unseen + `", "TicketHash": "` + ticket.Hash().String() + `"} `)
	answered[vspapi.TicketStatusResponse](r, vspapi.PathTicketStatus, sign(ticket.Holder, body))
}

// A caller that is gone does not cost its ticket what was stored.
func TestPayFeeCallerGone(t *testing.T) {
	r := newRig(t)
	ticket, fee := r.known()
	r.chain.Mine(vsp.Confirmations)
	ctx, cancel := context.WithCancel(t.Context())
	r.chain.Fail = func(op string) (bool, error) {
		if op == "Publish" {
			cancel()
			return false, context.Canceled
		}
		return false, nil
	}
	s := r.payFee(ticket, fee).by(ticket.Holder)
	_, err := r.service.PayFee(ctx, vsp.NewRequest(s.body, s.header[1]))
	require.NoError(t, err)
	status := answered[vspapi.TicketStatusResponse](r, vspapi.PathTicketStatus, r.ticketStatus(ticket).by(ticket.Holder))
	require.Equal(t, "received", status.FeeTxStatus)
}
