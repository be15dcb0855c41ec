package server_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net/http/httptest"
	"testing"

	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/slog"
	"github.com/decred/vspd/client/v4"
	"github.com/decred/vspd/types/v3"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp/vsptest"
)

// wallet is the client that wallets use.
func wallet(t *testing.T, r *rig, h vsptest.Holder) *client.Client {
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return &client.Client{
		URL:    s.URL,
		PubKey: key.Public().(ed25519.PublicKey),
		Log:    slog.Disabled,
		Sign: func(_ context.Context, body string, address stdaddr.Address) ([]byte, error) {
			require.Equal(t, h.Commitment().String(), address.String())
			return base64.StdEncoding.DecodeString(h.Signature([]byte(body)))
		},
	}
}

// The public client takes every answer and understands every refusal.
func TestPublicClient(t *testing.T) {
	r := newRig(t)
	ticket := r.unsent()
	c, ctx, address := wallet(t, r, ticket.Holder), t.Context(), ticket.Commitment()
	hash := ticket.Hash().String()

	info, err := c.VspInfo(ctx)
	require.NoError(t, err)
	require.Equal(t, "simnet", info.Network)
	require.EqualValues(t, c.PubKey, info.PubKey)

	statusOf := types.TicketStatusRequest{TicketHash: hash}
	_, err = c.TicketStatus(ctx, statusOf, address)
	requireCode(t, types.ErrUnknownTicket, err)

	offer, err := c.FeeAddress(ctx, types.FeeAddressRequest{
		Timestamp: now.Unix(), TicketHash: hash, TicketHex: vsptest.Hex(ticket.Tx), ParentHex: vsptest.Hex(ticket.Parent),
	}, address)
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

	status, err := c.TicketStatus(ctx, statusOf, address)
	require.NoError(t, err)
	require.Equal(t, "received", status.FeeTxStatus)
	require.Equal(t, choices.VoteChoices, status.VoteChoices)

	c.PubKey = make([]byte, ed25519.PublicKeySize)
	_, err = c.VspInfo(ctx)
	require.ErrorContains(t, err, "invalid signature")
}

func requireCode(t *testing.T, want types.ErrorCode, err error) {
	t.Helper()
	var refusal types.ErrorResponse
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, want, refusal.Code)
}
