package server

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/go-chi/httprate"

	"scrutineer/vsp/vspapi"
)

// Limits is how much one client may ask for. A client is an IPv4 address, or the /64 of an IPv6 address.
type Limits struct {
	PerMinute      int            // requests; 0: as many as it likes, and at once
	TrustedProxies []netip.Prefix // who connects from there is believed whom it asks for, by X-Forwarded-For
}

// limits is Limits in force.
type limits struct {
	Limits
	rate *httprate.RateLimiter // nil: no limit
}

// SetLimits puts other limits in force. What clients have asked within the last minute still counts.
func (s *Server) SetLimits(l Limits) {
	next := &limits{Limits: l}
	if l.PerMinute > 0 {
		next.rate = newRate(l.PerMinute, time.Minute, s.counted)
	}
	s.limits.Store(next)
}

func newRate(requests int, window time.Duration, counted *counts) *httprate.RateLimiter {
	return httprate.NewRateLimiter(requests, window, httprate.WithLimitCounter(counted),
		httprate.WithResponseHeaders(httprate.ResponseHeaders{RetryAfter: "Retry-After"}))
}

// limit turns away who asks too often.
func (s *Server) limit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l := s.limits.Load()
		e := entryOf(r)
		client := clientOf(r, l.TrustedProxies)
		e.client, e.limited = network(client), l.rate != nil
		if e.limited {
			s.warnOfProxy(r, client)
			if l.rate.OnLimit(w, r, key(e.client)) {
				s.turnAway(w, r, errTooMany)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// warnOfProxy tells the operator once that a proxy may be missing from TrustedProxies: then all behind it count as one client.
// It does not tell the address, which may as well be that of a client who lies.
func (s *Server) warnOfProxy(r *http.Request, client netip.Addr) {
	if len(r.Header["X-Forwarded-For"]) == 0 {
		return
	}
	if sender, _ := parseAddress(r.RemoteAddr); sender == client {
		s.warned.Do(func() {
			s.log.WarnContext(r.Context(), "X-Forwarded-For not believed: its sender is no trusted proxy, or wrote no address. "+
				"If that is your proxy, all its clients are limited as one")
		})
	}
}

var errTooMany = &turnedAway{status: http.StatusTooManyRequests, code: vspapi.BadRequest, text: "too many requests, try again in a minute"}

// key is an address as httprate counts it.
func key(client netip.Addr) string {
	raw := client.As16()
	return string(raw[:])
}
