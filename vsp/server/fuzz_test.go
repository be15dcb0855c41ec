package server_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// fuzzBody sends bodies that are properly signed to an endpoint. With store and node in order every one has a signed answer,
// and none is our fault. The bodies to begin with are what the endpoint grants and refuses in the tests.
func fuzzBody(f *testing.F, path string, asks []ask, good func(r *rig) signed) {
	f.Add(good(newRig(f)).body)
	for _, a := range asks {
		if body := a.make(newRig(f)).body; len(body) < 10_000 {
			f.Add(body)
		}
	}
	r := newRig(f)
	holder := vsptest.NewHolder(r.chain.Params, 1)
	good(r)
	f.Fuzz(func(t *testing.T, body []byte) {
		r.TB = t
		answer := r.post(path, sign(holder, body))
		if answer.StatusCode == http.StatusOK {
			r.content(answer)
		} else {
			got := r.refusal(answer)
			require.NotEqual(t, vspapi.InternalError, got.Code, "%s", r.log.String())
		}
		require.False(t, bytes.Contains(r.log.Bytes(), []byte(holder.VotingKey())))
		r.log.Reset()
	})
}

func FuzzFeeAddress(f *testing.F) {
	fuzzBody(f, vspapi.PathFeeAddress, feeAddressAsks(), func(r *rig) signed {
		t := r.fresh()
		return r.feeAddress(t).by(t.Holder)
	})
}

func FuzzPayFee(f *testing.F) {
	fuzzBody(f, vspapi.PathPayFee, payFeeAsks(), func(r *rig) signed {
		t, fee := r.known()
		return r.payFee(t, fee).by(t.Holder)
	})
}

func FuzzTicketStatus(f *testing.F) {
	fuzzBody(f, vspapi.PathTicketStatus, ticketStatusAsks(), func(r *rig) signed {
		t := r.paid(1)
		return r.ticketStatus(t).by(t.Holder)
	})
}

func FuzzSetVoteChoices(f *testing.F) {
	fuzzBody(f, vspapi.PathSetVoteChoices, setVoteChoicesAsks(), func(r *rig) signed {
		t := r.paid(1)
		return r.setVoteChoices(t).by(t.Holder)
	})
}
