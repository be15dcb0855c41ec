package server_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/network"
	"scrutineer/vsp/server"
	"scrutineer/vsp/storetest"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// height is where the chain of a rig begins.
const height = 200

// now is what time it is in every test.
var now = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// key signs every test's answers.
var key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize))

// rig is a Server with all that it stands on.
type rig struct {
	testing.TB
	*server.Server
	config  vsp.Config
	front   server.Config
	store   vsp.Store
	chain   *vsptest.Chain
	voters  *vsptest.Voters
	node    *vsptest.Node // nil: there is none
	service *vsp.Service
	watched *watched
	log     bytes.Buffer
	now     time.Time
	first   uint32 // the number of its first holder
}

// watched is a Store of which is known how often something was stored of a ticket, and that can be away.
type watched struct {
	vsp.Store
	stored atomic.Int64
	fail   error // set it while nobody asks
}

func (w *watched) Ticket(ctx context.Context, hash chainhash.Hash) (vsp.Ticket, error) {
	if w.fail != nil {
		return vsp.Ticket{}, w.fail
	}
	return w.Store.Ticket(ctx, hash)
}

func (w *watched) TicketAndSigner(ctx context.Context, hash chainhash.Hash) (vsp.Ticket, string, error) {
	if w.fail != nil {
		return vsp.Ticket{}, "", w.fail
	}
	return w.Store.TicketAndSigner(ctx, hash)
}

func (w *watched) Insert(ctx context.Context, t vsp.Ticket) error {
	w.stored.Add(1)
	return w.Store.Insert(ctx, t)
}

func (w *watched) Update(ctx context.Context, hash chainhash.Hash, act func(*vsp.Ticket) (*vsp.Change, error)) (vsp.Ticket, error) {
	t, err := w.Store.Update(ctx, hash, act)
	if err == nil {
		w.stored.Add(1)
	}
	return t, err
}

func (w *watched) SetAltSigner(ctx context.Context, hash chainhash.Hash, signer vsp.AltSigner) error {
	w.stored.Add(1)
	return w.Store.SetAltSigner(ctx, hash, signer)
}

func newRig(t testing.TB, change ...func(*rig)) *rig {
	profile, err := network.Lookup("simnet")
	require.NoError(t, err)
	r := &rig{
		TB:     t,
		store:  new(storetest.Memory),
		chain:  vsptest.NewChain(profile.Params, height),
		voters: &vsptest.Voters{Wallets: []vsp.VoterState{{Name: "one"}, {Name: "two", Problem: vsp.Locked}}},
		now:    now,
	}
	r.config = vsp.Config{
		Profile: profile, Chain: r.chain, Voters: r.voters,
		Terms: vsp.Terms{FeePercent: 2, XPub: vsptest.XPub(profile.Params)}, Version: "1.5.0+test",
		Now: func() time.Time { return r.now },
	}
	r.front = server.Config{
		Key: key, Designation: "Test & Sons", SupportEmail: "help@example.org",
		Log: slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(r)
	}
	r.watched = &watched{Store: r.store}
	r.config.Store = r.watched
	r.service, err = vsp.New(r.config)
	require.NoError(t, err)
	r.front.Service = r.service
	r.Server = server.New(r.front)
	return r
}

// do sends a request and returns the answer.
func (r *rig) do(method, path string, body []byte, header ...string) *http.Response {
	return r.from("192.0.2.1:1234", method, path, bytes.NewReader(body), header...)
}

// from sends a request as if somebody had connected from an address.
func (r *rig) from(remote, method, path string, body io.Reader, header ...string) *http.Response {
	req := httptest.NewRequest(method, path, body)
	req.RemoteAddr = remote
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Result()
}

// signed is a body and who signs it.
type signed struct {
	body   []byte
	header []string
}

func sign(h vsptest.Holder, body []byte) signed {
	return signed{body, []string{vspapi.ClientSignature, h.Signature(body)}}
}

func (r *rig) post(path string, s signed) *http.Response {
	return r.do(http.MethodPost, path, s.body, s.header...)
}

func (r *rig) publicKey() ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// content reads a signed answer.
func (r *rig) content(answer *http.Response) []byte {
	body, err := io.ReadAll(answer.Body)
	require.NoError(r, err)
	require.Equal(r, "application/json; charset=utf-8", answer.Header.Get("Content-Type"))
	require.NoError(r, vspapi.Verify(r.publicKey(), body, answer.Header.Get(vspapi.ServerSignature)))
	return body
}

// refusal reads a signed refusal as strictly as wallets do.
func (r *rig) refusal(answer *http.Response) vspapi.Error {
	var e vspapi.Error
	d := json.NewDecoder(bytes.NewReader(r.content(answer)))
	d.DisallowUnknownFields()
	require.NoError(r, d.Decode(&e))
	require.Equal(r, e.Code.Status(), answer.StatusCode)
	return e
}

// fields is a message that a test can spoil.
type fields map[string]any

func (f fields) with(name string, value any) fields {
	changed := fields{}
	for k, v := range f {
		changed[k] = v
	}
	if value == nil {
		delete(changed, name)
	} else {
		changed[name] = value
	}
	return changed
}

func (f fields) json() []byte {
	body, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	return body
}

func (f fields) by(h vsptest.Holder) signed { return sign(h, f.json()) }

func (r *rig) holder(number uint32) vsptest.Holder {
	return vsptest.NewHolder(r.chain.Params, r.first+number)
}

func (r *rig) feeAddress(t vsptest.Ticket) fields {
	return fields{
		"timestamp": r.now.Unix(), "tickethash": t.Hash().String(),
		"tickethex": vsptest.Hex(t.Tx), "parenthex": vsptest.Hex(t.Parent),
	}
}

func (r *rig) payFee(t vsptest.Ticket, fee *wire.MsgTx) fields {
	return fields{
		"timestamp": r.now.Unix(), "tickethash": t.Hash().String(), "feetx": vsptest.Hex(fee), "votingkey": t.VotingKey(),
		"votechoices": fields{}, "tspendpolicy": fields{}, "treasurypolicy": fields{},
	}
}

func (r *rig) setVoteChoices(t vsptest.Ticket) fields {
	return fields{
		"timestamp": r.now.Unix() + 1, "tickethash": t.Hash().String(),
		"votechoices": fields{}, "tspendpolicy": fields{}, "treasurypolicy": fields{},
	}
}

func (r *rig) setAltSignAddr(t vsptest.Ticket) fields {
	return r.feeAddress(t).with("altsignaddress", r.holder(5).Commitment().String())
}

func (r *rig) ticketStatus(t vsptest.Ticket) fields { return fields{"tickethash": t.Hash().String()} }

// offered asks for a ticket's fee address.
func (r *rig) offered(t vsptest.Ticket) (offer vspapi.FeeAddressResponse) {
	body := r.granted(vspapi.PathFeeAddress, r.feeAddress(t).by(t.Holder))
	require.NoError(r, json.Unmarshal(body, &offer))
	return offer
}

// fee returns a transaction that pays an offer.
func (r *rig) fee(offer vspapi.FeeAddressResponse) *wire.MsgTx {
	return r.chain.Pay(offer.FeeAddress, dcrutil.Amount(offer.FeeAmount))
}

// paid returns a ticket whose fee was paid.
func (r *rig) paid(number uint32) vsptest.Ticket {
	t := r.chain.Buy(r.holder(number))
	r.granted(vspapi.PathPayFee, r.payFee(t, r.fee(r.offered(t))).by(t.Holder))
	return t
}

// granted sends a request that must be granted, and returns the answer's body.
func (r *rig) granted(path string, s signed) []byte {
	answer := r.post(path, s)
	body := r.content(answer)
	require.Equal(r, http.StatusOK, answer.StatusCode, "%s", body)
	return body
}

// change alters a ticket behind the Service's back.
func (r *rig) change(hash chainhash.Hash, act func(*vsp.Ticket)) {
	_, err := r.store.Update(r.Context(), hash, func(t *vsp.Ticket) (*vsp.Change, error) {
		act(t)
		return nil, nil
	})
	require.NoError(r, err)
}
