package testnet

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp/vspapi"
)

// witness stands between holders and a VSP, as a balancer before its front ends would, and remembers every answer that it
// has passed on in full. It tries the front ends in turn, and another if one takes no connection; a request that was sent
// is never sent again.
type witness struct {
	URL    string
	Height atomic.Int64 // of the chain, as far as its owner has told

	addresses []string // of the front ends
	next      atomic.Uint64

	mu       sync.Mutex // owns what follows
	answers  []answer
	promises map[chainhash.Hash]*promise
	refusals map[vspapi.Code]int
}

// answer is what the VSP answered to a request about a ticket.
type answer struct {
	path   string
	ticket chainhash.Hash
	status int
	body   []byte
	at     time.Time
}

// promise is what the holder of a ticket was told.
type promise struct {
	addresses map[string]dcrutil.Amount // to pay the fee to, with the newest amount of each
	paid      bool                      // the VSP has said that it has the fee
	chosen    []chosen                  // what it has said it will vote, oldest first
	lost      []byte                    // the newest request for choices that was not answered
}

// chosen is how a ticket is to vote from some block on.
type chosen struct {
	from    int64
	choices choices
}

// choices is the part of a request that says how to vote.
type choices struct {
	Agendas  map[string]string `json:"votechoices"`
	TSpends  map[string]string `json:"tspendpolicy"`
	Treasury map[string]string `json:"treasurypolicy"`
}

func (c choices) merge(later choices) choices {
	over := func(m, later map[string]string) map[string]string {
		merged := make(map[string]string)
		maps.Copy(merged, m)
		maps.Copy(merged, later)
		return merged
	}
	return choices{over(c.Agendas, later.Agendas), over(c.TSpends, later.TSpends), over(c.Treasury, later.Treasury)}
}

func newWitness(t testing.TB, v *VSP) *witness {
	w := &witness{promises: make(map[chainhash.Hash]*promise), refusals: make(map[vspapi.Code]int)}
	for _, front := range v.FrontEnds {
		w.addresses = append(w.addresses, front.address(vspPort))
	}
	target, err := url.Parse(v.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{DialContext: w.dial, DisableKeepAlives: true}
	proxy.ErrorHandler = func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) }
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		recorder := httptest.NewRecorder()
		proxy.ServeHTTP(recorder, r)
		for name, values := range recorder.Header() {
			rw.Header()[name] = values
		}
		rw.WriteHeader(recorder.Code)
		_, _ = rw.Write(recorder.Body.Bytes())
		w.note(r.URL.Path, body, recorder)
	}))
	t.Cleanup(server.Close)
	w.URL = server.URL
	return w
}

// dial connects to the first front end that takes the connection, another one each time.
func (w *witness) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	first := int(w.next.Add(1))
	var conn net.Conn
	var err error
	for i := range w.addresses {
		conn, err = new(net.Dialer).DialContext(ctx, network, w.addresses[(first+i)%len(w.addresses)])
		if err == nil {
			break
		}
	}
	return conn, err
}

func (w *witness) note(path string, request []byte, answered *httptest.ResponseRecorder) {
	var about struct {
		TicketHash string `json:"tickethash"`
		choices
	}
	if json.Unmarshal(request, &about) != nil {
		return
	}
	ticket, err := chainhash.NewHashFromStr(about.TicketHash)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	body := answered.Body.Bytes()
	w.answers = append(w.answers, answer{path, *ticket, answered.Code, body, time.Now()})
	p := w.promises[*ticket]
	if p == nil {
		p = &promise{addresses: make(map[string]dcrutil.Amount)}
		w.promises[*ticket] = p
	}
	var refusal vspapi.Error
	height := w.Height.Load()
	switch {
	case answered.Code == http.StatusOK:
		p.note(path, body, height, about.choices)
	case answered.Header().Get(vspapi.ServerSignature) == "" || json.Unmarshal(body, &refusal) != nil:
		if path == vspapi.PathSetVoteChoices {
			p.lost = request
		}
	default:
		w.refusals[refusal.Code]++
		p.noteRefusal(path, refusal.Code, request, height, about.choices)
	}
}

// noteRefusal takes up a refusal. Who has sent the same before, and was not answered, learns from some that it was carried
// out.
func (p *promise) noteRefusal(path string, code vspapi.Code, request []byte, height int64, c choices) {
	switch {
	case path == vspapi.PathPayFee && code == vspapi.FeeAlreadyReceived && !p.paid:
		p.paid, p.chosen = true, []chosen{{height, c}}
	case path == vspapi.PathSetVoteChoices && code == vspapi.InvalidTimestamp && bytes.Equal(request, p.lost):
		p.chosen = append(p.chosen, chosen{height, p.choices().merge(c)})
	}
}

// note takes up a success.
func (p *promise) note(path string, body []byte, height int64, c choices) {
	switch path {
	case vspapi.PathFeeAddress:
		var fee vspapi.FeeAddressResponse
		if json.Unmarshal(body, &fee) == nil {
			p.addresses[fee.FeeAddress] = dcrutil.Amount(fee.FeeAmount)
		}
	case vspapi.PathPayFee:
		p.paid = true
		p.chosen = append(p.chosen, chosen{height, c})
	case vspapi.PathSetVoteChoices:
		p.chosen = append(p.chosen, chosen{height, p.choices().merge(c)})
	}
}

// choices returns what was said last.
func (p *promise) choices() choices {
	if len(p.chosen) == 0 {
		return choices{}
	}
	return p.chosen[len(p.chosen)-1].choices
}

// to returns the answers to one endpoint that were successes, by ticket, the newest of each.
func (w *witness) to(path string) map[chainhash.Hash]answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := make(map[chainhash.Hash]answer)
	for _, a := range w.answers {
		if a.path == path && a.status == http.StatusOK {
			found[a.ticket] = a
		}
	}
	return found
}

// given returns what the holders were promised.
func (w *witness) given() map[chainhash.Hash]promise {
	w.mu.Lock()
	defer w.mu.Unlock()
	given := make(map[chainhash.Hash]promise)
	for ticket, p := range w.promises {
		given[ticket] = promise{addresses: maps.Clone(p.addresses), paid: p.paid, chosen: slices.Clone(p.chosen)}
	}
	return given
}

// refused returns how often the VSP has refused with each code since the last time.
func (w *witness) refused() map[vspapi.Code]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.refusals
	w.refusals = make(map[vspapi.Code]int)
	return seen
}
