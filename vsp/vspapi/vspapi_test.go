package vspapi

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/stretchr/testify/require"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
)

// testKey is the VSP's key of the tests.
var testKey = ed25519.NewKeyFromSeed([]byte("0123456789abcdef0123456789abcdef"))

func publicKey() ed25519.PublicKey { return testKey.Public().(ed25519.PublicKey) }

// TestCodesAreComplete makes sure that every code has a status and a text of its own.
func TestCodesAreComplete(t *testing.T) {
	require.EqualValues(t, 18, len(codes))
	require.EqualValues(t, 17, InvalidTimestamp)
	seen := map[string]Code{}
	for code := range Code(len(codes)) {
		require.NotEmpty(t, code.Message(), "code %d", code)
		require.NotContains(t, seen, code.Message())
		seen[code.Message()] = code
		want := http.StatusBadRequest
		switch code {
		case InternalError, CannotBroadcastTicket, CannotBroadcastFee:
			want = http.StatusInternalServerError
		case CannotBroadcastFeeUnknownOutputs:
			want = http.StatusPreconditionRequired
		}
		require.Equal(t, want, code.Status(), "code %d", code)
	}
	for _, code := range []Code{-1, 18} {
		require.Equal(t, http.StatusInternalServerError, code.Status())
		require.Contains(t, code.Message(), "unknown error code")
	}
}

// TestErrorHasTwoFields: wallets refuse an error message with any field more.
func TestErrorHasTwoFields(t *testing.T) {
	raw, err := json.Marshal(Error{UnknownTicket, "unknown ticket"})
	require.NoError(t, err)
	require.JSONEq(t, `{"code":6,"message":"unknown ticket"}`, string(raw))
}

func TestOneFlippedBitNeverVerifies(t *testing.T) {
	body := []byte(`{"timestamp":1,"request":"eyJ9"}`)
	signature := Sign(testKey, body)
	require.NoError(t, Verify(publicKey(), body, signature))
	raw, err := base64.StdEncoding.DecodeString(signature)
	require.NoError(t, err)
	flip := func(data []byte, bit int) []byte {
		flipped := append([]byte(nil), data...)
		flipped[bit/8] ^= 1 << (bit % 8)
		return flipped
	}
	for bit := range len(body) * 8 {
		require.ErrorIs(t, Verify(publicKey(), flip(body, bit), signature), ErrSignature)
	}
	for bit := range len(raw) * 8 {
		require.ErrorIs(t, Verify(publicKey(), body, base64.StdEncoding.EncodeToString(flip(raw, bit))), ErrSignature)
	}
	for _, bad := range []string{"", "!", signature[:10]} {
		require.ErrorIs(t, Verify(publicKey(), body, bad), ErrSignature)
	}
	require.ErrorIs(t, Verify(nil, body, signature), ErrSignature)
}

func TestVerifyRequest(t *testing.T) {
	params := chaincfg.SimNetParams()
	key := secp256k1.PrivKeyFromBytes([]byte("0123456789abcdef0123456789abcdef"))
	address := func(params stdaddr.AddressParams) string {
		a, err := stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(dcrutil.Hash160(key.PubKey().SerializeCompressed()), params)
		require.NoError(t, err)
		return a.String()
	}
	body := []byte(`{"tickethash":"ab"}`)
	var message strings.Builder
	require.NoError(t, wire.WriteVarString(&message, 0, "Decred Signed Message:\n"))
	require.NoError(t, wire.WriteVarString(&message, 0, string(body)))
	signature := base64.StdEncoding.EncodeToString(ecdsa.SignCompact(key, chainhash.HashB([]byte(message.String())), true))

	require.NoError(t, VerifyRequest(address(params), body, signature, params))
	require.ErrorIs(t, VerifyRequest(address(params), append(body, ' '), signature, params), ErrSignature)
	require.ErrorIs(t, VerifyRequest(address(params), body, "", params), ErrSignature)
	require.ErrorIs(t, VerifyRequest("", body, signature, params), ErrSignature)
	require.ErrorIs(t, VerifyRequest(address(chaincfg.TestNet3Params()), body, signature, params), ErrSignature, "another network's address")
}

// TestClient lets a client talk to a server that answers as told.
func TestClient(t *testing.T) {
	info, err := json.Marshal(Info{APIVersions: []int64{3}, BlockHeight: 7})
	require.NoError(t, err)
	tests := []struct {
		name      string
		status    int
		body      string
		signature string // the right one if "good"
		want      string // in the error; none if empty
	}{
		{"good", 200, string(info), "good", ""},
		{"unsigned", 200, string(info), "", "no VSP-Server-Signature"},
		{"signed by another", 200, string(info), Sign(ed25519.NewKeyFromSeed(make([]byte, 32)), info), "not signed by the expected key"},
		{"signed refusal", 400, `{"code":2,"message":"vsp is closed"}`, "good", "vsp is closed (code 2)"},
		{"unsigned refusal", 400, `{"code":2,"message":"vsp is closed"}`, "", "no VSP-Server-Signature"},
		{"signed rubbish", 200, "hello", "good", "decode answer"},
		{"signed rubbish refusal", 502, "<html>", "good", "no error message"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				require.Equal(t, PathInfo, r.URL.Path)
				signature := test.signature
				if signature == "good" {
					signature = Sign(testKey, []byte(test.body))
				}
				w.Header().Set(ServerSignature, signature)
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			}))
			defer server.Close()
			got, answer, err := (&Client{URL: server.URL + "/", PubKey: publicKey()}).Info(t.Context())
			require.Equal(t, test.status, answer.Status)
			require.Equal(t, test.body, string(answer.Body), "what came is kept as evidence")
			if test.want == "" {
				require.NoError(t, err)
				require.EqualValues(t, 7, got.BlockHeight)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}

// TestFieldsAsOnTheWire pins the names and their order, which are vspd's (types/v3).
func TestFieldsAsOnTheWire(t *testing.T) {
	tests := []struct {
		message any
		want    string
	}{
		{Info{}, "apiversions timestamp pubkey feepercentage vspclosed vspclosedmsg network vspdversion voting voted " +
			"totalvotingwallets votingwalletsonline expired missed blockheight estimatednetworkproportion " +
			"health,omitempty"}, // ours
		{FeeAddressRequest{}, "timestamp tickethash tickethex parenthex"},
		{FeeAddressResponse{}, "timestamp feeaddress feeamount expiration request"},
		{PayFeeRequest{}, "timestamp tickethash feetx votingkey votechoices tspendpolicy treasurypolicy"},
		{PayFeeResponse{}, "timestamp request"},
		{TicketStatusRequest{}, "tickethash"},
		{TicketStatusResponse{}, "timestamp ticketconfirmed feetxstatus feetxhash altsignaddress votechoices tspendpolicy treasurypolicy request"},
		{SetVoteChoicesRequest{}, "timestamp tickethash votechoices tspendpolicy treasurypolicy"},
		{SetVoteChoicesResponse{}, "timestamp request"},
		{SetAltSignAddrRequest{}, "timestamp tickethash tickethex parenthex altsignaddress"},
		{SetAltSignAddrResponse{}, "timestamp request"},
		{Health{}, "accepting reasons votingwalletsready nodeheight nodepeers seenat"},
	}
	for _, test := range tests {
		var names []string
		for field := range reflect.TypeOf(test.message).Fields() {
			names = append(names, field.Tag.Get("json"))
		}
		require.Equal(t, test.want, strings.Join(names, " "), "%T", test.message)
	}
}
