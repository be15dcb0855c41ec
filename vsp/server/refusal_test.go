package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/storetest"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// ask is a request that is refused: what was sent where, and what comes back. An empty text means the code's own.
type ask struct {
	name string
	path string
	make func(r *rig) signed
	code vspapi.Code
	text string
}

func required(message, field string) string {
	return fmt.Sprintf("Key: '%s%s' Error:Field validation for '%s' failed on the 'required' tag", message, field, field)
}

func tooMany(message, field string) string {
	return strings.Replace(required(message, field), "'required'", "'max'", 1)
}

const (
	syntaxError = "invalid character 'o' in literal null (expecting 'u')"
	wrongKey    = "voting address does not match provided private key"
	unseen      = "00000000000000000000000000000000000000000000000000000000000000ff"
)

var errAway = errors.New("node is away")

func nodeAway(ops ...string) func(string) (bool, error) {
	return func(op string) (bool, error) {
		if len(ops) == 0 || strings.Contains(strings.Join(ops, " "), op) {
			return false, errAway
		}
		return false, nil
	}
}

func reply(err error, op string) func(string) (bool, error) {
	return func(o string) (bool, error) {
		if o == op {
			return false, err
		}
		return false, nil
	}
}

// tickets in the states that requests may find them in.
func (r *rig) fresh() vsptest.Ticket  { return r.chain.Buy(r.holder(1)) }
func (r *rig) unsent() vsptest.Ticket { return r.chain.Ticket(r.holder(1)) }

func (r *rig) known() (vsptest.Ticket, *wire.MsgTx) {
	t := r.fresh()
	return t, r.fee(r.offered(t))
}

func (r *rig) voted() vsptest.Ticket {
	t := r.paid(1)
	r.change(t.Hash(), func(t *vsp.Ticket) { t.Outcome = vsp.Voted })
	return t
}

// anyAct is what every endpoint refuses alike.
func anyAct(path string, make func(r *rig) (fields, vsptest.Holder)) []ask {
	spoil := func(name string, value any) func(r *rig) signed {
		return func(r *rig) signed { f, h := make(r); return f.with(name, value).by(h) }
	}
	return []ask{
		{"not JSON", path, func(r *rig) signed { return signed{body: []byte("nope")} }, vspapi.BadRequest, syntaxError},
		{"empty", path, func(r *rig) signed { return signed{} }, vspapi.BadRequest, "unexpected end of JSON input"},
		{"cut off", path, func(r *rig) signed { f, h := make(r); b := f.json(); return sign(h, b[:len(b)-2]) },
			vspapi.BadRequest, "unexpected end of JSON input"},
		{"bytes behind", path, func(r *rig) signed { f, h := make(r); return sign(h, append(f.json(), '{')) },
			vspapi.BadRequest, "invalid character '{' after top-level value"},
		{"too large", path, func(r *rig) signed { return signed{body: bytes.Repeat([]byte(" "), 2<<20)} },
			vspapi.BadRequest, "request body is larger than 1048576 bytes"},
		{"hash is a number", path, spoil("tickethash", 7), vspapi.BadRequest,
			"json: cannot unmarshal number into Go struct field .tickethash of type string"},
		{"no signature", path, func(r *rig) signed { f, _ := make(r); return signed{body: f.json()} },
			vspapi.BadRequest, "no VSP-Client-Signature header"},
		{"signature is no base64", path, func(r *rig) signed {
			f, _ := make(r)
			return signed{f.json(), []string{vspapi.ClientSignature, "!"}}
		}, vspapi.BadSignature, ""},
		{"signature of somebody else", path, func(r *rig) signed { f, _ := make(r); return f.by(r.holder(99)) },
			vspapi.BadSignature, ""},
		{"signature of another body", path, func(r *rig) signed {
			f, h := make(r)
			return signed{f.json(), []string{vspapi.ClientSignature, h.Signature([]byte("{}"))}}
		}, vspapi.BadSignature, ""},
		{"store is away", path, func(r *rig) signed {
			f, h := make(r)
			r.store.(*storetest.Memory).Fail = func(string) (bool, error) { return false, errors.New("store is away") }
			return f.by(h)
		}, vspapi.InternalError, ""},
	}
}

// byHash is what the endpoints refuse alike that find the ticket by its hash.
func byHash(path string, make func(r *rig) (fields, vsptest.Holder)) []ask {
	hash := func(value any) func(r *rig) signed {
		return func(r *rig) signed { f, h := make(r); return f.with("tickethash", value).by(h) }
	}
	return []ask{
		{"no hash", path, hash(nil), vspapi.BadRequest, required("", "TicketHash")},
		{"null", path, func(r *rig) signed { return signed{body: []byte("null")} }, vspapi.BadRequest, required("", "TicketHash")},
		{"short hash", path, hash(unseen[1:]), vspapi.BadRequest, "invalid ticket hash"},
		{"hash not hex", path, hash("x" + unseen[1:]), vspapi.BadRequest, "invalid ticket hash"},
		{"hash of nothing", path, hash(unseen), vspapi.UnknownTicket, ""},
		{"node is away", path, func(r *rig) signed {
			f, h := make(r)
			r.chain.Fail = nodeAway()
			return f.with("tickethash", unseen).by(h)
		}, vspapi.InternalError, ""},
		{"hash of no ticket", path, func(r *rig) signed {
			f, h := make(r)
			coin := r.chain.Coin(5)
			return f.with("tickethash", coin.Hash.String()).by(h)
		}, vspapi.InvalidTicket, ""},
		{"ticket is not here", path, func(r *rig) signed {
			f, h := make(r)
			return f.with("tickethash", r.chain.Buy(h).Hash().String()).by(h)
		}, vspapi.UnknownTicket, ""},
		{"ticket is not here, nor the signature good", path, func(r *rig) signed {
			f, h := make(r)
			return f.with("tickethash", r.chain.Buy(r.holder(77)).Hash().String()).by(h)
		}, vspapi.BadSignature, ""},
		{"hash in capitals", path, func(r *rig) signed {
			f, h := make(r)
			return f.with("tickethash", strings.ToUpper(f["tickethash"].(string))).by(h)
		}, vspapi.UnknownTicket, ""},
	}
}

func allAsks() []ask {
	var all []ask
	for _, asks := range [][]ask{feeAddressAsks(), payFeeAsks(), ticketStatusAsks(), setVoteChoicesAsks()} {
		all = append(all, asks...)
	}
	return all
}

func TestRefusals(t *testing.T) {
	asks := allAsks()
	require.Greater(t, len(asks), 100)
	for _, a := range asks {
		t.Run(strings.TrimPrefix(a.path, "/api/v3/")+": "+a.name, func(t *testing.T) {
			r := newRig(t)
			got := r.refusal(r.post(a.path, a.make(r)))
			require.Equal(t, a.code, got.Code, got.Message)
			switch a.text {
			case "":
				require.Equal(t, a.code.Message(), got.Message)
			case "*":
				require.True(t, strings.HasPrefix(got.Message, "feetx did not include any payments for fee address S"), got.Message)
			default:
				require.Equal(t, a.text, got.Message)
			}
			require.NotContains(t, r.log.String(), r.holder(1).VotingKey())
		})
	}
}

// Every code is covered but those that nothing can lead to yet.
func TestRefusalsCover(t *testing.T) {
	covered := map[vspapi.Code]bool{vspapi.VspClosed: true} // TestClosed
	for _, a := range allAsks() {
		covered[a.code] = true
	}
	for c := vspapi.BadRequest; c <= vspapi.InvalidTimestamp; c++ {
		require.True(t, covered[c], "code %d, %s", c, c.Message())
	}
}

// A closed VSP says so before it looks, and goes on with the tickets that it has.
func TestClosed(t *testing.T) {
	open := newRig(t)
	ticket := open.paid(1)
	closed := newRig(t, func(r *rig) {
		r.config.Terms.Closed, r.config.Terms.ClosedMessage = true, "Gone fishing."
		r.store, r.chain, r.config.Chain = open.store, open.chain, open.chain
	})
	for _, path := range []string{vspapi.PathFeeAddress, vspapi.PathPayFee} {
		for _, body := range [][]byte{nil, []byte("nope"), bytes.Repeat([]byte(" "), 2<<20)} {
			require.Equal(t, vspapi.VspClosed, closed.refusal(closed.post(path, signed{body: body})).Code)
		}
	}
	for path, s := range map[string]signed{
		vspapi.PathTicketStatus:   closed.ticketStatus(ticket).by(ticket.Holder),
		vspapi.PathSetVoteChoices: closed.setVoteChoices(ticket).by(ticket.Holder),
	} {
		require.Equal(t, http.StatusOK, closed.post(path, s).StatusCode)
	}
}
