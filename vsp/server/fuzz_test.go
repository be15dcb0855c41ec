package server_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/vspapi"
)

// fuzzBody sends bodies that are properly signed to an endpoint. With store and node in order every one has one signed answer,
// none is our fault, and none that is refused changes what is stored. It begins with what the contract grants and refuses.
func fuzzBody(f *testing.F, path string, good situation) {
	seeds := 0
	for _, row := range contract() {
		if row.to != path {
			continue
		}
		r := newRig(f)
		if seed := row.send(r).signed().body; len(seed) < 10_000 {
			f.Add(seed)
			seeds++
		}
	}
	require.Greater(f, seeds, 20)
	for _, e := range goldenExchanges(f) {
		if e.Path == path {
			f.Add([]byte(e.Request))
		}
	}
	r := newRig(f)
	good(r)
	holder := r.holder(1)
	f.Fuzz(func(t *testing.T, body []byte) {
		r.TB = t
		r.log.Reset()
		before := r.watched.stored.Load()
		answer := r.post(path, sign(holder, body))
		if answer.StatusCode == http.StatusOK {
			require.Equal(t, shapes[path], keys(r, r.content(answer)))
		} else {
			got := r.refusal(answer)
			require.NotEqual(t, vspapi.InternalError, got.Code, "%s", r.log.String())
			require.Equal(t, before, r.watched.stored.Load(), "code %d has changed something", got.Code)
		}
		require.Len(t, answer.Header[http.CanonicalHeaderKey(vspapi.ServerSignature)], 1)
		require.False(t, bytes.Contains(r.log.Bytes(), []byte(holder.VotingKey())))
	})
}

func FuzzFeeAddress(f *testing.F)     { fuzzBody(f, feeaddress, offer) }
func FuzzPayFee(f *testing.F)         { fuzzBody(f, payfee, pay) }
func FuzzTicketStatus(f *testing.F)   { fuzzBody(f, ticketstatus, status) }
func FuzzSetVoteChoices(f *testing.F) { fuzzBody(f, setvotechoices, choose) }
func FuzzSetAltSignAddr(f *testing.F) { fuzzBody(f, setaltsignaddr, signer) }
