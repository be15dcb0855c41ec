package testnet

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
)

// witness stands between a wallet and a VSP and remembers every answer that it has passed on in full.
type witness struct {
	URL string

	mu      sync.Mutex
	answers []answer
}

// answer is what the VSP answered to a request about a ticket.
type answer struct {
	path   string
	ticket chainhash.Hash
	status int
	body   []byte
	at     time.Time
}

func newWitness(t *testing.T, v *VSP) *witness {
	target, err := url.Parse(v.URL)
	require.NoError(t, err)
	w := &witness{}
	proxy := httputil.NewSingleHostReverseProxy(target)
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

func (w *witness) note(path string, request []byte, answered *httptest.ResponseRecorder) {
	var about struct {
		TicketHash string `json:"tickethash"`
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
	w.answers = append(w.answers, answer{path, *ticket, answered.Code, answered.Body.Bytes(), time.Now()})
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
