package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"scrutineer/vsp"
)

// Private is for a listener that the public does not reach: /healthz, /readyz, and /metrics and /heartbeat if Config has any. Nothing there
// is limited or logged.
func (s *Server) Private() http.Handler {
	r := chi.NewRouter()
	s.routeHealth(r)
	if s.config.Metrics != nil {
		r.Method(http.MethodGet, "/metrics", s.config.Metrics)
	}
	if s.config.Heard != nil {
		r.Handle("/heartbeat/{name}", s.config.Heard)
	}
	return r
}

const (
	pathAlive = "/healthz"
	pathReady = "/readyz"
)

// routeHealth adds what load balancers ask. It costs next to nothing, so there is no limit: who is asked too often must not
// be taken out of service for that.
func (s *Server) routeHealth(r chi.Router) {
	for path, answer := range map[string]http.HandlerFunc{pathAlive: s.alive, pathReady: s.ready} {
		r.Get(path, answer)
		r.Head(path, answer)
	}
}

// alive answers /healthz: the process answers, and its database does.
func (s *Server) alive(w http.ResponseWriter, r *http.Request) {
	if err := s.pulse.beat(r.Context(), s.config.Service.Store); err != nil {
		if e := entryOf(r); e != nil {
			e.err = err
		}
		plain(w, http.StatusServiceUnavailable, "the database does not answer")
		return
	}
	plain(w, http.StatusOK, "ok")
}

// readiness is the answer to /readyz.
type readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []reason `json:"reasons"`
}

type reason struct {
	Code vsp.ReasonCode `json:"code"`
	Text string         `json:"text"`
}

// ready answers /readyz: new tickets can be taken. A VSP that its operator has closed is ready.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	answer, status := readiness{Ready: true, Reasons: []reason{}}, http.StatusOK
	for _, why := range s.config.Service.Health().Reasons {
		answer.Reasons = append(answer.Reasons, reason{why.Code, why.Text})
		answer.Ready, status = false, http.StatusServiceUnavailable
	}
	writeJSON(w, status, answer)
}

// Times of pulse. A database that takes longer than patience for one row serves nobody.
const (
	patience = 2 * time.Second
	freshFor = time.Second
)

var errNoPulse = errors.New("the database does not answer in time")

// pulse finds out whether the database answers, however many want to know, with one question at a time and not more than one
// a second. Its zero value is ready.
type pulse struct {
	mu   sync.Mutex // guards last
	last *beat
}

// beat is one question to the database. What follows done may be read once that is closed.
type beat struct {
	done chan struct{}
	at   time.Time
	err  error
}

func (p *pulse) beat(ctx context.Context, store vsp.Scan) error {
	b := p.current(store)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-b.done:
		return b.err
	case <-timer.C:
		return errNoPulse
	case <-ctx.Done():
		return ctx.Err()
	}
}

// current returns the question that is being asked, or was just answered, or else begins one. It belongs to no caller: who
// leaves must not spoil it for the others.
func (p *pulse) current(store vsp.Scan) *beat {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last != nil && !p.last.stale() {
		return p.last
	}
	b := &beat{done: make(chan struct{})}
	p.last = b
	go func() {
		defer close(b.done)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, b.err = store.Position(ctx)
		b.at = time.Now()
	}()
	return b
}

func (b *beat) stale() bool {
	select {
	case <-b.done:
		return time.Since(b.at) >= freshFor
	default:
		return false
	}
}
