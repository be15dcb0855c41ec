package server_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"testing"

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
	ClientSignature string
	Status          int
	Answer          string
	ServerSignature string
}

// The bytes of a ticket's registration do not change: neither what is answered nor what is signed.
func TestGolden(t *testing.T) {
	r := newRig(t)
	var got []exchange
	send := func(name, path string, s signed) {
		e := exchange{Name: name, Path: path, Request: string(s.body)}
		method := http.MethodGet
		if s.header != nil {
			method, e.ClientSignature = http.MethodPost, s.header[1]
		}
		answer := r.do(method, path, s.body, s.header...)
		e.Answer, e.Status = string(r.content(answer)), answer.StatusCode
		e.ServerSignature = answer.Header.Get(vspapi.ServerSignature)
		got = append(got, e)
	}
	ticket := r.unsent()
	status := func(name string) { send(name, vspapi.PathTicketStatus, r.ticketStatus(ticket).by(ticket.Holder)) }
	send("what the VSP is", vspapi.PathInfo, signed{})
	status("nobody knows the ticket")
	send("a fee address", vspapi.PathFeeAddress, r.feeAddress(ticket).by(ticket.Holder))
	status("no fee yet")
	fee := r.fee(r.offered(ticket))
	send("signed by somebody else", vspapi.PathPayFee, r.payFee(ticket, fee).by(r.holder(2)))
	r.chain.Mine(vsp.Confirmations + 1)
	send("the fee", vspapi.PathPayFee, r.payFee(ticket, fee).by(ticket.Holder))
	send("the fee again", vspapi.PathPayFee, r.payFee(ticket, fee).by(ticket.Holder))
	choices := r.setVoteChoices(ticket).with("votechoices", fields{"maxtreasuryspend": "no"}).with("tspendpolicy", fields{unseen: "yes"})
	send("choices", vspapi.PathSetVoteChoices, choices.by(ticket.Holder))
	send("choices again", vspapi.PathSetVoteChoices, choices.by(ticket.Holder))
	send("an agenda <that> is not & was not", vspapi.PathSetVoteChoices,
		choices.with("timestamp", r.now.Unix()+2).with("votechoices", fields{"<a>": "&"}).by(ticket.Holder))
	status("paid")

	if *update {
		data, err := json.MarshalIndent(got, "", "\t")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(goldenFile, append(data, '\n'), 0o644))
	}
	data, err := os.ReadFile(goldenFile)
	require.NoError(t, err)
	var want []exchange
	require.NoError(t, json.Unmarshal(data, &want))
	require.Equal(t, want, got)
	for _, e := range want {
		require.NoError(t, vspapi.Verify(r.publicKey(), []byte(e.Answer), e.ServerSignature))
	}
}

// One flipped bit in what is signed never verifies.
func TestGoldenFlipped(t *testing.T) {
	r := newRig(t)
	data, err := os.ReadFile(goldenFile)
	require.NoError(t, err)
	var exchanges []exchange
	require.NoError(t, json.Unmarshal(data, &exchanges))
	require.NotEmpty(t, exchanges)
	for _, e := range exchanges {
		for bit := 0; bit < 8*len(e.Answer); bit += 7 {
			body := []byte(e.Answer)
			body[bit/8] ^= 1 << (bit % 8)
			require.Error(t, vspapi.Verify(r.publicKey(), body, e.ServerSignature))
		}
	}
}
