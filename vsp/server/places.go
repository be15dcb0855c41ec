package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"scrutineer/vsp/vspapi"
)

// How many requests are worked on at once. One takes a millisecond or two of a processor and waits a few for the disk, so 128
// keep any machine busy; they stay longer only when something hangs: their own bodies, the node, the database. Each endpoint
// has places of its own, so that a node that hangs takes feeaddress away and not ticketstatus. What a request holds is about
// four times its body: what came, what is parsed of it, what is echoed. With every place taken by the largest body there, and
// a node that hangs, the process was seen to take 105 MB.
const (
	endpointPlaces = 128
	clientPlaces   = 32 // of one endpoint's, for one client if it is limited: it takes four to shut the others out
	largePlaces    = 16 // for bodies larger than smallBody, of all endpoints together
	smallBody      = 32 << 10
)

// turnedAway is who gets no answer now because of how much is asked. Wallets ask again.
type turnedAway struct {
	status int
	code   vspapi.Code
	after  time.Duration // when to ask again; 0: Retry-After is set already
	text   string
}

func (e *turnedAway) Error() string { return e.text }

var (
	errBusy = &turnedAway{http.StatusServiceUnavailable, vspapi.InternalError, 5 * time.Second,
		"too many requests are being worked on, try again soon"}
	errTooManyAtOnce = &turnedAway{http.StatusTooManyRequests, vspapi.BadRequest, time.Second,
		"too many requests at once"}
)

// turnAway answers in the way of who was asked: wallets read errors of the API only.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, e *turnedAway) {
	if isAPI(r) {
		s.reply(w, r, nil, e)
		return
	}
	entryOf(r).err = e
	e.setAfter(w)
	plain(w, e.status, e.text)
}

func (e *turnedAway) setAfter(w http.ResponseWriter) {
	if e.after > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(int(e.after.Seconds())))
	}
}

// places is who is at work. A client can hold some of them only.
type places struct {
	mu    sync.Mutex // guards all that follows
	taken int
	of    map[netip.Addr]int
}

// bounded keeps the requests to one endpoint within its places.
func (s *Server) bounded(next http.Handler) http.Handler {
	p := &places{of: make(map[netip.Addr]int)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := entryOf(r)
		if away := p.take(e); away != nil {
			s.turnAway(w, r, away)
			return
		}
		defer p.leave(e.client)
		next.ServeHTTP(w, r)
	})
}

func (p *places) take(e *entry) *turnedAway {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case e.limited && p.of[e.client] == clientPlaces:
		return errTooManyAtOnce
	case p.taken == endpointPlaces:
		return errBusy
	}
	p.taken++
	p.of[e.client]++
	return nil
}

func (p *places) leave(client netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.of[client]--; p.of[client] == 0 {
		delete(p.of, client)
	}
}
