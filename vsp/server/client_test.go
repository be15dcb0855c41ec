package server_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/slog"
	"github.com/decred/vspd/client/v4"
	"github.com/decred/vspd/types/v3"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// wallet is the client that wallets use, with the keys of a holder.
func wallet(t *testing.T, url string, h vsptest.Holder) *client.Client {
	c := &client.Client{
		URL:    url,
		PubKey: key.Public().(ed25519.PublicKey),
		Log:    slog.Disabled,
		Sign: func(_ context.Context, body string, address stdaddr.Address) ([]byte, error) {
			require.Equal(t, h.Commitment().String(), address.String())
			return base64.StdEncoding.DecodeString(h.Signature([]byte(body)))
		},
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func serve(t *testing.T, handler http.Handler) (url string) {
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

// The public client takes every answer and understands every refusal.
func TestPublicClient(t *testing.T) {
	r := newRig(t, limited(30))
	ticket := r.unsent()
	ctx, address := t.Context(), ticket.Commitment()
	url := serve(t, r.Server)
	c, stranger := wallet(t, url, ticket.Holder), wallet(t, url, r.holder(2))
	stranger.Sign = func(_ context.Context, body string, _ stdaddr.Address) ([]byte, error) {
		return base64.StdEncoding.DecodeString(r.holder(2).Signature([]byte(body)))
	}
	hash := ticket.Hash().String()

	info, err := c.VspInfo(ctx)
	require.NoError(t, err)
	require.Equal(t, "simnet", info.Network)
	require.EqualValues(t, c.PubKey, info.PubKey)

	statusOf := types.TicketStatusRequest{TicketHash: hash}
	_, err = c.TicketStatus(ctx, statusOf, address)
	requireCode(t, types.ErrUnknownTicket, err)

	ask := types.FeeAddressRequest{
		Timestamp: now.Unix(), TicketHash: hash, TicketHex: vsptest.Hex(ticket.Tx), ParentHex: vsptest.Hex(ticket.Parent),
	}
	_, err = stranger.FeeAddress(ctx, ask, address)
	requireCode(t, types.ErrBadSignature, err)
	offer, err := c.FeeAddress(ctx, ask, address)
	require.NoError(t, err)

	payment := types.PayFeeRequest{Timestamp: now.Unix(), TicketHash: hash, VotingKey: ticket.VotingKey(),
		FeeTx: vsptest.Hex(r.chain.Pay(offer.FeeAddress, 5))}
	_, err = c.PayFee(ctx, payment, address)
	requireCode(t, types.ErrFeeTooSmall, err)
	payment.FeeTx = vsptest.Hex(r.chain.Pay(offer.FeeAddress, dcrutil.Amount(offer.FeeAmount)))
	_, err = c.PayFee(ctx, payment, address)
	require.NoError(t, err)
	_, err = c.PayFee(ctx, payment, address)
	requireCode(t, types.ErrFeeAlreadyReceived, err) // dcrwallet asks again as a matter of course

	choices := types.SetVoteChoicesRequest{Timestamp: now.Unix() + 1, TicketHash: hash,
		VoteChoices: map[string]string{"maxtreasuryspend": "no"}}
	_, err = c.SetVoteChoices(ctx, choices, address)
	require.NoError(t, err)
	_, err = c.SetVoteChoices(ctx, choices, address)
	requireCode(t, types.ErrInvalidTimestamp, err)
	choices.Timestamp, choices.VoteChoices = now.Unix()+2, map[string]string{"maxtreasuryspend": "perhaps"}
	_, err = c.SetVoteChoices(ctx, choices, address)
	requireCode(t, types.ErrInvalidVoteChoices, err)

	status, err := c.TicketStatus(ctx, statusOf, address)
	require.NoError(t, err)
	require.Equal(t, "received", status.FeeTxStatus)
	require.Equal(t, map[string]string{"maxtreasuryspend": "no"}, status.VoteChoices)
	_, err = stranger.TicketStatus(ctx, statusOf, address)
	requireCode(t, types.ErrBadSignature, err)

	closed(r)
	_, err = c.FeeAddress(ctx, ask, address)
	requireCode(t, types.ErrVspClosed, err)
	for range 30 { // it is too much now
		_, err = c.VspInfo(ctx)
	}
	requireCode(t, types.ErrBadRequest, err)
}

func requireCode(t *testing.T, want types.ErrorCode, err error) {
	t.Helper()
	var refusal types.ErrorResponse
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, want, refusal.Code)
}

// A client notices any change to an answer on its way, and the server any to a request.
func TestPublicClientFlipped(t *testing.T) {
	r := newRig(t)
	ticket := r.paid(1)
	statusOf := types.TicketStatusRequest{TicketHash: ticket.Hash().String()}
	var request, answer, signature int // the bit to flip in each; -1 for none
	flip := func(b []byte, bit int) {
		if bit >= 0 {
			b[bit/8%len(b)] ^= 1 << (bit % 8)
		}
	}
	between := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		flip(body, request)
		seen := httptest.NewRecorder()
		changed := httptest.NewRequest(req.Method, req.URL.Path, strings.NewReader(string(body)))
		changed.Header = req.Header
		r.ServeHTTP(seen, changed)
		flip(seen.Body.Bytes(), answer)
		raw, _ := base64.StdEncoding.DecodeString(seen.Header().Get(vspapi.ServerSignature))
		flip(raw, signature)
		w.Header().Set(vspapi.ServerSignature, base64.StdEncoding.EncodeToString(raw))
		w.WriteHeader(seen.Code)
		_, _ = w.Write(seen.Body.Bytes())
	})
	c := wallet(t, serve(t, between), ticket.Holder)
	ask := func(req, ans, sig int) error {
		request, answer, signature = req, ans, sig
		_, err := c.TicketStatus(t.Context(), statusOf, ticket.Commitment())
		return err
	}
	require.NoError(t, ask(-1, -1, -1))
	for bit := 0; bit < 8*300; bit += 37 {
		require.ErrorContains(t, ask(-1, bit, -1), "invalid signature")
		require.ErrorContains(t, ask(-1, -1, bit), "invalid signature")
		var refusal types.ErrorResponse
		require.ErrorAs(t, ask(bit, -1, -1), &refusal)
	}
	c.PubKey = make([]byte, ed25519.PublicKeySize)
	require.ErrorContains(t, ask(-1, -1, -1), "invalid signature")
}
