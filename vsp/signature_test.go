package vsp_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
)

// A signature that was found good is good for the same body, ticket and signer, and for nothing else.
func TestSignatureRemembered(t *testing.T) {
	r := newRig(t)
	mine, other := r.chain.Buy(r.holder(1)), r.chain.Buy(r.holder(2))
	r.paid(mine)
	r.paid(other)
	status := func(about string) []byte { return []byte(`{"tickethash":"` + about + `"}`) }
	body := status(mine.Hash().String())
	signature := mine.Holder.Signature(body)
	for range 3 {
		answer, err := r.TicketStatus(t.Context(), vsp.NewRequest(body, signature))
		require.NoError(t, err)
		require.Equal(t, body, answer.Request)
	}
	raw, err := base64.StdEncoding.DecodeString(signature)
	require.NoError(t, err)
	raw[10] ^= 1
	for name, request := range map[string]vsp.Request{
		"another ticket":   vsp.NewRequest(status(other.Hash().String()), signature),
		"another body":     vsp.NewRequest(append(body, ' '), signature),
		"a flipped bit":    vsp.NewRequest(body, base64.StdEncoding.EncodeToString(raw)),
		"another's signer": vsp.NewRequest(body, other.Holder.Signature(body)),
	} {
		_, err := r.TicketStatus(t.Context(), request)
		require.Equal(t, vspapi.BadSignature, code(err), name)
	}
}
