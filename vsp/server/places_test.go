package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/vspapi"
)

// As many as hang on an endpoint hold up themselves, and at most that endpoint.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, limited(1000))
		slow := newHanging(r)
		ask := func(client int, path string) *http.Response {
			return r.from(fmt.Sprintf("203.0.113.%d:1", client), http.MethodPost, path, nil)
		}
		for client := range 4 {
			for range 32 {
				slow.start(fmt.Sprintf("203.0.113.%d:1", client), vspapi.PathPayFee, bytes.NewReader(nil))
			}
			if client == 0 {
				answer := ask(0, vspapi.PathPayFee)
				require.Equal(t, http.StatusTooManyRequests, answer.StatusCode)
				require.Equal(t, "1", answer.Header.Get("Retry-After"))
				require.JSONEq(t, `{"code":0,"message":"too many requests at once"}`, string(r.content(answer)))
				require.Equal(t, vspapi.BadRequest, r.refusal(ask(1, vspapi.PathPayFee)).Code, "others are at work")
			}
		}
		require.Empty(t, slow.done)
		answer := ask(9, vspapi.PathPayFee)
		require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
		require.Equal(t, "5", answer.Header.Get("Retry-After"))
		require.JSONEq(t, `{"code":1,"message":"too many requests are being worked on, try again soon"}`, string(r.content(answer)))
		for _, path := range []string{vspapi.PathTicketStatus, vspapi.PathFeeAddress, vspapi.PathSetVoteChoices} {
			require.Equal(t, vspapi.BadRequest, r.refusal(ask(0, path)).Code)
		}
		require.Equal(t, http.StatusOK, r.infoFrom("203.0.113.0:1"))

		close(slow.release)
		for range 4 * 32 {
			require.Equal(t, http.StatusBadRequest, <-slow.done)
		}
		require.Equal(t, vspapi.BadRequest, r.refusal(ask(9, vspapi.PathPayFee)).Code)
	})
}

// Large bodies have fewer places, of all endpoints together, and leave the small ones theirs.
func TestPlacesLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		slow := newHanging(r)
		large := bytes.Repeat([]byte(" "), 40_000)
		for range 16 {
			slow.start("203.0.113.7:1", vspapi.PathFeeAddress, bytes.NewReader(large))
		}
		answer := r.do(http.MethodPost, vspapi.PathPayFee, large)
		require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
		require.Equal(t, "5", answer.Header.Get("Retry-After"))
		require.Contains(t, string(r.content(answer)), `{"code":1,`)
		small := large[:32<<10]
		require.Equal(t, vspapi.BadRequest, r.refusal(r.do(http.MethodPost, vspapi.PathFeeAddress, small)).Code)

		close(slow.release)
		for range 16 {
			require.Equal(t, http.StatusBadRequest, <-slow.done)
		}
		for range 20 {
			require.Equal(t, vspapi.BadRequest, r.refusal(r.do(http.MethodPost, vspapi.PathPayFee, large)).Code)
		}
	})
}
