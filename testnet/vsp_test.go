package testnet

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
)

// startVSP starts a network with a VSP on it, and the holder's wallet behind a witness.
func startVSP(t *testing.T, plan Plan) (*Network, *VSP, *witness) {
	n := startTest(t, plan)
	v := serve(t, n, testPrograms(t, "vsp")[0])
	w := newWitness(t, v)
	require.NoError(t, n.StartClient(testContext(t), w.URL, v.PublicKey))
	return n, v, w
}

// serve starts a network's VSP, for as long as the test lasts.
func serve(t *testing.T, n *Network, program string) *VSP {
	v, err := n.StartVSP(testContext(t), VSPPlan{Program: program, CheckEvery: trialCheck})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, n.Chain.Pause())
		require.NoError(t, v.Stop(context.Background()))
		if t.Failed() {
			t.Log(v.FrontEnds[0].tail())
		}
	})
	return v
}

// TestKillDuringRegistrations kills the VSP while the holder's wallet registers tickets. What it has answered it must have
// kept: each ticket whose fee it acknowledged votes, with the choice that came with it.
func TestKillDuringRegistrations(t *testing.T) {
	t.Parallel()
	const rounds, batch, answeredBeforeKill = 2, 8, 3
	// Tickets whose registration the kill has broken off find no voter. A block waits for them in vain.
	n, v, w := startVSP(t, Plan{Tickets: 200, Patience: 2 * time.Second})
	agenda, bits := anAgenda(t)
	require.NoError(t, n.Client.RPC.Call(t.Context(), nil, "setvotechoice", agenda, "no"))

	for round := range rounds {
		before := len(w.to(vspapi.PathPayFee))
		bought := make(chan error, 1)
		go func() {
			_, err := n.Buy(testContext(t), batch)
			bought <- err
		}()
		err := waitUntil(testContext(t), "registrations", func(context.Context) (bool, string) {
			answered := len(w.to(vspapi.PathPayFee)) - before
			return answered >= answeredBeforeKill, fmt.Sprintf("%d answered", answered)
		})
		require.NoError(t, err)
		v.FrontEnds[0].Kill()
		require.NoError(t, <-bought)
		require.NoError(t, v.FrontEnds[0].Start(testContext(t)))
		t.Logf("round %d: killed with %d of %d answered", round+1, len(w.to(vspapi.PathPayFee))-before, batch)
		mineUntilHeld(t, n, slices.Collect(maps.Keys(w.to(vspapi.PathPayFee))))
	}
	acknowledged := slices.Collect(maps.Keys(w.to(vspapi.PathPayFee)))
	require.Less(t, len(acknowledged), rounds*batch, "the kills came too late to break anything off")

	n.Chain.Run(trialPace / 2)
	fates := NewFates(n.Miner)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	err := waitUntil(ctx, "every acknowledged ticket to be spent", func(ctx context.Context) (bool, string) {
		if err := fates.Follow(ctx); err != nil {
			return false, err.Error()
		}
		voted, revoked := fates.Count(acknowledged)
		return voted+revoked == len(acknowledged), fmt.Sprintf("block %d: of %d %d voted, %d revoked", fates.Height, len(acknowledged), voted, revoked)
	})
	require.NoError(t, err)
	for _, ticket := range acknowledged {
		fate, _ := fates.Of(ticket)
		require.True(t, fate.Voted, "ticket %s was acknowledged, and revoked in block %d", ticket, fate.Height)
		require.Equal(t, bits, fate.Bits, "ticket %s voted in block %d", ticket, fate.Height)
	}
	t.Logf("all %d acknowledged tickets voted by block %d", len(acknowledged), fates.Height)
}

// mineUntilHeld confirms tickets that were just bought, and waits until every voting wallet has them. Their maturity gives a VSP
// that was just killed hours for that, and here two seconds.
func mineUntilHeld(t *testing.T, n *Network, tickets []chainhash.Hash) {
	ctx := testContext(t)
	require.NoError(t, n.Chain.Mine(ctx, vsp.Confirmations+1))
	for _, host := range n.Voting {
		for _, ticket := range tickets {
			require.NoError(t, waitUntil(ctx, host.Wallet.Name()+" to hold what was acknowledged", func(ctx context.Context) (bool, string) {
				_, has, err := host.Wallet.RPC.VoteChoices(ctx, ticket)
				return err == nil && has, fmt.Sprintf("ticket %s: %t, error: %v", ticket, has, err)
			}))
		}
	}
	require.NoError(t, settle(ctx))
}

// anAgenda returns an agenda of simnet, and the bits of a vote that says no to it and yes to its parent block.
func anAgenda(t *testing.T) (id string, bits uint16) {
	var newest uint32
	params := chaincfg.SimNetParams()
	for version := range params.Deployments {
		newest = max(newest, version)
	}
	vote := params.Deployments[newest][0].Vote
	for _, choice := range vote.Choices {
		if choice.Id == "no" {
			return vote.Id, choice.Bits | 1
		}
	}
	t.Fatal("simnet has no agenda that can be declined")
	return "", 0
}

// TestTicketStatus follows tickets from purchase to confirmed fee, asked for as a wallet asks. Then the wallet's own
// polling, which takes some minutes, must come to its end by itself.
func TestTicketStatus(t *testing.T) {
	t.Parallel()
	n, v, w := startVSP(t, Plan{})
	ctx := testContext(t)
	tickets, err := n.Buy(ctx, 5)
	require.NoError(t, err)

	var seen []string
	require.NoError(t, waitUntil(ctx, "all fees to be confirmed", func(ctx context.Context) (bool, string) {
		// Each is asked once: between two answers fees may be confirmed.
		confirmed := 0
		for i, ticket := range tickets {
			status := ticketStatus(t, n, v, ticket).FeeTxStatus
			if i == 0 && (len(seen) == 0 || seen[len(seen)-1] != status) {
				seen = append(seen, status)
			}
			if status == "confirmed" {
				confirmed++
			}
		}
		if confirmed == len(tickets) {
			return true, ""
		}
		height, _ := n.Chain.Height(ctx)
		require.NoError(t, n.Chain.Mine(ctx, 1))
		require.NoError(t, waitUntil(ctx, "the VSP at the tip", func(ctx context.Context) (bool, string) { return v.at(ctx, height+1) }))
		return false, fmt.Sprintf("%v, %d confirmed", seen, confirmed)
	}))
	require.Equal(t, []string{"received", "broadcast", "confirmed"}, seen)
	t.Run("bad requests", func(t *testing.T) { badRequests(t, n, v, tickets[0]) })
	t.Run("node away", func(t *testing.T) { nodeAway(t, n, v, tickets[0]) })
	pollingEnds(t, w, tickets)
}

// pollingEnds waits until the wallet has heard of every ticket that its fee is confirmed, and makes sure that it then
// asks no more.
func pollingEnds(t *testing.T, w *witness, tickets []chainhash.Hash) {
	const longest = 6 * time.Minute // dcrwallet waits up to four before it looks again
	begin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	require.NoError(t, waitUntil(ctx, "the wallet's polling to end", func(context.Context) (bool, string) { return w.heard(tickets) }))
	t.Logf("the wallet's own polling ended after %.0f s", time.Since(begin).Seconds())
	ended := w.to(vspapi.PathTicketStatus)
	const quiet = 5 * time.Second
	require.NoError(t, pause(t.Context(), quiet))
	require.Equal(t, len(ended), len(w.to(vspapi.PathTicketStatus)))
	for ticket, a := range w.to(vspapi.PathTicketStatus) {
		require.Equal(t, ended[ticket].at, a.at, "ticket %s was asked for again", ticket)
	}
}

// heard reports whether the holder's wallet was told of every ticket that its fee is confirmed.
func (w *witness) heard(tickets []chainhash.Hash) (bool, string) {
	answers, confirmed := w.to(vspapi.PathTicketStatus), 0
	for _, ticket := range tickets {
		var status vspapi.TicketStatusResponse
		if a, ok := answers[ticket]; ok && json.Unmarshal(a.body, &status) == nil && status.FeeTxStatus == "confirmed" {
			confirmed++
		}
	}
	return confirmed == len(tickets), fmt.Sprintf("%d of %d heard to be confirmed", confirmed, len(tickets))
}

// post sends a request as the holder of a ticket would, signed by the wallet.
func post(t *testing.T, n *Network, v *VSP, path, body string, ticket chainhash.Hash, result any) (vspapi.Answer, error) {
	tx, err := n.FrontEnd.RPC.Transaction(t.Context(), ticket)
	require.NoError(t, err)
	address, err := stake.AddrFromSStxPkScrCommitment(tx.Tx.TxOut[1].PkScript, chaincfg.SimNetParams())
	require.NoError(t, err)
	var signature string
	require.NoError(t, n.Client.RPC.Call(t.Context(), &signature, "signmessage", address.String(), body))
	return v.client(t).Post(t.Context(), path, []byte(body), signature, result)
}

func (v *VSP) client(t *testing.T) *vspapi.Client {
	key, err := v.key()
	require.NoError(t, err)
	return &vspapi.Client{URL: v.URL, PubKey: key, HTTP: &http.Client{Timeout: testTimeout, Transport: &http.Transport{DisableKeepAlives: true}}}
}

func ticketStatus(t *testing.T, n *Network, v *VSP, ticket chainhash.Hash) vspapi.TicketStatusResponse {
	var status vspapi.TicketStatusResponse
	_, err := post(t, n, v, vspapi.PathTicketStatus, fmt.Sprintf(`{"tickethash":%q}`, ticket), ticket, &status)
	require.NoError(t, err)
	return status
}

// badRequests sends what must be refused to a VSP that runs. Each refusal is signed, and says what is wrong.
func badRequests(t *testing.T, n *Network, v *VSP, ticket chainhash.Hash) {
	status := fmt.Sprintf(`{"tickethash":%q}`, ticket)
	// A key of mainnet, made of the bytes 1 to 32.
	payFee := fmt.Sprintf(`{"timestamp":1,"tickethash":%q,"feetx":"00","votingkey":"PmQdKJZpQVVxqYZTZdWGR6sTxFNGvvjSrw9WmuS8gp3CfcUqUgmUE","votechoices":{}}`, ticket)
	tests := []struct {
		name, path, body string
		code             vspapi.Code
		message          string
	}{
		{"truncated", vspapi.PathTicketStatus, status[:20], vspapi.BadRequest, "unexpected end"},
		{"empty", vspapi.PathTicketStatus, "", vspapi.BadRequest, "unexpected end"},
		{"no JSON", vspapi.PathTicketStatus, "hello", vspapi.BadRequest, "invalid character"},
		{"2 MB", vspapi.PathTicketStatus, `{"tickethash":"` + strings.Repeat("a", 2<<20) + `"}`, vspapi.BadRequest, ""},
		{"hash too short", vspapi.PathTicketStatus, `{"tickethash":"abcd"}`, vspapi.BadRequest, "invalid ticket hash"},
		{"paid already", vspapi.PathPayFee, payFee, vspapi.FeeAlreadyReceived, "fee tx already received"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answer, err := post(t, n, v, test.path, test.body, ticket, &struct{}{})
			requireRefused(t, answer, err, test.code, test.message)
		})
	}
	client := v.client(t)
	t.Run("bad signature", func(t *testing.T) {
		answer, err := client.Post(t.Context(), vspapi.PathTicketStatus, []byte(status), strings.Repeat("A", 88), &struct{}{})
		requireRefused(t, answer, err, vspapi.BadSignature, "bad request signature")
	})
	t.Run("no signature", func(t *testing.T) {
		answer, err := client.Post(t.Context(), vspapi.PathTicketStatus, []byte(status), "", &struct{}{})
		requireRefused(t, answer, err, vspapi.BadRequest, "no VSP-Client-Signature header")
	})
	t.Run("unknown ticket", func(t *testing.T) {
		body := fmt.Sprintf(`{"tickethash":%q}`, strings.Repeat("ab", 32))
		answer, err := post(t, n, v, vspapi.PathTicketStatus, body, ticket, &struct{}{})
		requireRefused(t, answer, err, vspapi.UnknownTicket, "unknown ticket")
	})
	require.NoError(t, v.Alive())
	require.Equal(t, "confirmed", ticketStatus(t, n, v, ticket).FeeTxStatus)
}

func requireRefused(t *testing.T, answer vspapi.Answer, err error, code vspapi.Code, message string) {
	var refusal *vspapi.Error
	require.ErrorAs(t, err, &refusal, "HTTP %d: %.200s", answer.Status, answer.Body)
	require.Equal(t, code, refusal.Code, refusal.Message)
	require.Equal(t, code.Status(), answer.Status)
	require.Contains(t, refusal.Message, message)
	require.NotEmpty(t, answer.Signature)
}

// nodeAway ends the front end's node. What can be answered without it is; the rest is an internal error, not a verdict on
// the ticket. When it is back, all is as before.
func nodeAway(t *testing.T, n *Network, v *VSP, ticket chainhash.Hash) {
	ctx := testContext(t)
	tx, err := n.FrontEnd.RPC.Transaction(ctx, ticket)
	require.NoError(t, err)
	address, err := stake.AddrFromSStxPkScrCommitment(tx.Tx.TxOut[1].PkScript, chaincfg.SimNetParams())
	require.NoError(t, err)
	unknown := fmt.Sprintf(`{"timestamp":1,"tickethash":%q}`, strings.Repeat("ab", 32))
	var signature string
	require.NoError(t, n.Client.RPC.Call(ctx, &signature, "signmessage", address.String(), unknown))

	require.NoError(t, n.FrontEnd.Stop(ctx))
	answer, err := v.client(t).Post(ctx, vspapi.PathTicketStatus, []byte(unknown), signature, &struct{}{})
	requireRefused(t, answer, err, vspapi.InternalError, "internal error")
	_, err = v.FrontEnds[0].info(ctx)
	require.NoError(t, err)
	require.NoError(t, n.FrontEnd.Start(ctx))
	require.NoError(t, waitUntil(ctx, "the VSP to find its node again", func(ctx context.Context) (bool, string) {
		answer, err = v.client(t).Post(ctx, vspapi.PathTicketStatus, []byte(unknown), signature, &struct{}{})
		return answer.Status == http.StatusBadRequest, fmt.Sprint(err)
	}))
	requireRefused(t, answer, err, vspapi.UnknownTicket, "unknown ticket")
}
