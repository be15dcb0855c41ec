package server

import (
	"hash/maphash"
	"net/http"
	"net/netip"
	"sync"
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

// counts is how many requests came of each client in this window and the one before. It is a sketch of fixed size (count-min,
// Cormode and Muthukrishnan 2005), because clients are as many as an attacker likes: who has an IPv6 /32 has four thousand
// million /64s. A client shares each of its two counters with others, and the smaller one counts. That is never too little.
// It is too much by all requests divided by slots: at 5,000 requests a second, by 5 of the 1,200 that are usual.
type counts struct {
	seed maphash.Seed // not known outside, so that nobody can aim at another's counters

	mu      sync.Mutex // guards all that follows
	window  time.Time
	length  time.Duration
	current *[2][slots]uint32
	before  *[2][slots]uint32
}

// slots is how many counters a row has. All of counts takes 1 MiB.
const slots = 1 << 16

var _ httprate.LimitCounter = (*counts)(nil)

func newCounts() *counts {
	return &counts{seed: maphash.MakeSeed(), current: new([2][slots]uint32), before: new([2][slots]uint32)}
}

// Config implements httprate.LimitCounter.
func (c *counts) Config(_ int, length time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.length = length
}

// Increment implements httprate.LimitCounter.
func (c *counts) Increment(client string, window time.Time) error {
	return c.IncrementBy(client, window, 1)
}

// IncrementBy implements httprate.LimitCounter.
func (c *counts) IncrementBy(client string, window time.Time, amount int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(window)
	i, j := c.slots(client)
	c.current[0][i] += uint32(amount)
	c.current[1][j] += uint32(amount)
	return nil
}

// Get implements httprate.LimitCounter.
func (c *counts) Get(client string, window, _ time.Time) (current, before int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(window)
	i, j := c.slots(client)
	return int(min(c.current[0][i], c.current[1][j])), int(min(c.before[0][i], c.before[1][j])), nil
}

// turn begins a new window. Who comes late with the one before is counted in this one, but a clock that was set back must
// not keep a window for ever. The lock must be held.
func (c *counts) turn(window time.Time) {
	later := window.Sub(c.window)
	if later <= 0 && later >= -c.length {
		return
	}
	c.current, c.before = c.before, c.current
	*c.current = [2][slots]uint32{}
	if later != c.length {
		*c.before = [2][slots]uint32{}
	}
	c.window = window
}

// slots returns a client's counter in either row.
func (c *counts) slots(client string) (i, j uint64) {
	sum := maphash.String(c.seed, client)
	return sum % slots, sum >> 32 % slots
}
