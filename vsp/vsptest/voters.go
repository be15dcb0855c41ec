package vsptest

import (
	"sync"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
)

// Voters is voting wallets that hold what they are asked to, at once. Its zero value has none.
type Voters struct {
	Wallets []vsp.VoterState // set it while nobody asks

	mu   sync.Mutex // guards held
	held map[chainhash.Hash]vsp.Held
}

var _ vsp.Voters = (*Voters)(nil)

// Hold implements vsp.Voters.
func (v *Voters) Hold(t vsp.Held) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.held == nil {
		v.held = make(map[chainhash.Hash]vsp.Held)
	}
	v.held[t.Ticket] = t
}

// Release implements vsp.Voters.
func (v *Voters) Release(ticket chainhash.Hash) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.held, ticket)
}

// Drop implements vsp.Voters.
func (v *Voters) Drop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.held)
}

// Holders implements vsp.Voters.
func (v *Voters) Holders(ticket chainhash.Hash) int {
	n := 0
	if _, ok := v.Held(ticket); ok {
		for _, w := range v.Wallets {
			if w.Online() {
				n++
			}
		}
	}
	return n
}

// States implements vsp.Voters.
func (v *Voters) States() []vsp.VoterState { return v.Wallets }

// Held returns what the wallets are to hold of a ticket.
func (v *Voters) Held(ticket chainhash.Hash) (vsp.Held, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	h, ok := v.held[ticket]
	return h, ok
}
