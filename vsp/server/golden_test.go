package server_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"testing"

	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/vspd/client/v4"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
)

var update = flag.Bool("update", false, "write testdata anew")

const goldenFile = "testdata/exchanges.json"

// exchange is a request and its answer, byte for byte. Keys and time are the tests' own.
type exchange struct {
	Name            string
	Path            string
	Request         string
	Signer          string // the address that has signed the request; "" if none has
	ClientSignature string
	Status          int
	Answer          string
	ServerSignature string
}

func goldenExchanges(t testing.TB) (exchanges []exchange) {
	data, err := os.ReadFile(goldenFile)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &exchanges))
	require.NotEmpty(t, exchanges)
	return exchanges
}

// recorder sends requests and keeps what is said.
type recorder struct {
	*rig
	exchanges []exchange
}

func (r *recorder) get(name, path string) {
	r.keep(exchange{Name: name, Path: path}, r.do(http.MethodGet, path, nil))
}

// post sends a message with the signature of a holder.
func (r *recorder) post(name, path string, f fields, holder uint32) {
	h := r.holder(holder)
	s := f.by(h)
	e := exchange{Name: name, Path: path, Request: string(s.body), Signer: h.Commitment().String(), ClientSignature: s.header[1]}
	r.keep(e, r.rig.post(path, s))
}

func (r *recorder) keep(e exchange, answer *http.Response) {
	e.Answer, e.Status = string(r.content(answer)), answer.StatusCode
	e.ServerSignature = answer.Header.Get(vspapi.ServerSignature)
	r.exchanges = append(r.exchanges, e)
}

// The bytes of a ticket's registration do not change: neither what is answered nor what is signed.
func TestGolden(t *testing.T) {
	r := &recorder{rig: newRig(t)}
	ticket := r.unsent()
	status := func(name string, holder uint32) {
		r.post(name, vspapi.PathTicketStatus, r.ticketStatus(ticket), holder)
	}
	r.chain.Fail = nodeAway()
	r.get("no node since the start", vspapi.PathInfo)
	r.chain.Fail = nil
	r.get("what the VSP is", vspapi.PathInfo)
	status("nobody knows the ticket", 1)
	r.post("a fee address, for a stranger", vspapi.PathFeeAddress, r.feeAddress(ticket), 2)
	r.post("a fee address", vspapi.PathFeeAddress, r.feeAddress(ticket), 1)
	status("no fee yet", 1)
	r.post("choices without a fee", vspapi.PathSetVoteChoices, r.setVoteChoices(ticket), 1)
	fee := r.fee(r.offered(ticket))
	r.post("signed by somebody else", vspapi.PathPayFee, r.payFee(ticket, fee), 2)
	r.post("too small a fee", vspapi.PathPayFee, r.payFee(ticket, r.chain.Pay(r.offered(ticket).FeeAddress, 5)), 1)
	r.chain.Mine(vsp.Confirmations + 1)
	r.post("the fee", vspapi.PathPayFee, r.payFee(ticket, fee), 1)
	r.post("the fee again", vspapi.PathPayFee, r.payFee(ticket, fee), 1)
	r.post("a fee address for what is paid", vspapi.PathFeeAddress, r.feeAddress(ticket), 1)
	choices := r.setVoteChoices(ticket).with("votechoices", fields{"maxtreasuryspend": "no"}).with("tspendpolicy", fields{unseen: "yes"})
	r.post("choices", vspapi.PathSetVoteChoices, choices, 1)
	r.post("choices again", vspapi.PathSetVoteChoices, choices, 1)
	r.post("an agenda <that> is not & was not", vspapi.PathSetVoteChoices,
		choices.with("timestamp", r.now.Unix()+2).with("votechoices", fields{"<a>": "&"}), 1)
	status("paid, by who may not sign yet", 5)
	r.post("another signer, by itself", vspapi.PathSetAltSignAddr, r.setAltSignAddr(ticket), 5)
	r.post("another signer, on mainnet", vspapi.PathSetAltSignAddr, r.setAltSignAddr(ticket).with("altsignaddress", mainnetAddress), 1)
	r.post("another signer", vspapi.PathSetAltSignAddr, r.setAltSignAddr(ticket), 1)
	r.post("another signer again", vspapi.PathSetAltSignAddr, r.setAltSignAddr(ticket), 1)
	status("paid, by the other signer", 5)
	closed(r.rig)
	r.get("closed", vspapi.PathInfo)
	r.post("closed", vspapi.PathFeeAddress, r.feeAddress(ticket), 1)

	if *update {
		data, err := json.MarshalIndent(r.exchanges, "", "\t")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(goldenFile, append(data, '\n'), 0o644))
	}
	require.Equal(t, goldenExchanges(t), r.exchanges)
}

// What is signed is signed as dcrutil, which wallets sign with, and vspd's client module have it, and not only as we do.
func TestGoldenSignatures(t *testing.T) {
	r := newRig(t)
	refused, granted := map[string]int{}, map[string]int{}
	for _, e := range goldenExchanges(t) {
		answer := &http.Response{Header: http.Header{http.CanonicalHeaderKey(vspapi.ServerSignature): {e.ServerSignature}}}
		require.NoError(t, client.ValidateServerSignature(answer, []byte(e.Answer), key.Public().(ed25519.PublicKey)), e.Name)
		if e.Signer != "" {
			require.NoError(t, dcrutil.VerifyMessage(e.Signer, e.ClientSignature, e.Request, r.chain.Params), e.Name)
			require.NoError(t, vspapi.VerifyRequest(e.Signer, []byte(e.Request), e.ClientSignature, r.chain.Params), e.Name)
		}
		if e.Status == http.StatusOK {
			granted[e.Path]++
		} else {
			refused[e.Path]++
		}
	}
	require.Len(t, granted, 6, "each endpoint grants something")
	require.Len(t, refused, 6, "each endpoint refuses something")
}

// One flipped bit in what is signed never verifies, whoever has signed it.
func TestGoldenFlipped(t *testing.T) {
	r := newRig(t)
	flipped := func(b []byte, try func(flipped []byte) error) {
		for bit := 0; bit < 8*len(b); bit += 61 {
			changed := append([]byte(nil), b...)
			changed[bit/8] ^= 1 << (bit % 8)
			require.Error(t, try(changed), "bit %d", bit)
		}
	}
	b64 := base64.StdEncoding
	for _, e := range goldenExchanges(t) {
		flipped([]byte(e.Answer), func(b []byte) error { return vspapi.Verify(r.publicKey(), b, e.ServerSignature) })
		signature, err := b64.DecodeString(e.ServerSignature)
		require.NoError(t, err)
		flipped(signature, func(b []byte) error { return vspapi.Verify(r.publicKey(), []byte(e.Answer), b64.EncodeToString(b)) })
		if e.Signer == "" {
			continue
		}
		verify := func(body []byte, signature string) error {
			return vspapi.VerifyRequest(e.Signer, body, signature, r.chain.Params)
		}
		flipped([]byte(e.Request), func(b []byte) error { return verify(b, e.ClientSignature) })
		signature, err = b64.DecodeString(e.ClientSignature)
		require.NoError(t, err)
		flipped(signature, func(b []byte) error { return verify([]byte(e.Request), b64.EncodeToString(b)) })
	}
}
