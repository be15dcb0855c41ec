package server

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/go-chi/httprate"
)

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
