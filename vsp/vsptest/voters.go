package vsptest

import (
	"slices"
	"sync"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
)

// Voters is voting wallets that hold what they are asked to, at once. Its zero value has none.
type Voters struct {
	Wallets []vsp.VoterState // set it while nobody asks, or by Set

	mu   sync.Mutex // guards all
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

// Set says how the wallets are from now on.
func (v *Voters) Set(wallets ...vsp.VoterState) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Wallets = wallets
}

// Holders implements vsp.Voters.
func (v *Voters) Holders(ticket chainhash.Hash) int {
	n := 0
	if _, ok := v.Held(ticket); ok {
		for _, w := range v.States() {
			if w.Online() {
				n++
			}
		}
	}
	return n
}

// States implements vsp.Voters.
func (v *Voters) States() []vsp.VoterState {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.Wallets)
}

// Wanted returns how many tickets the wallets are to hold.
func (v *Voters) Wanted() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.held)
}

// Held returns what the wallets are to hold of a ticket.
func (v *Voters) Held(ticket chainhash.Hash) (vsp.Held, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	h, ok := v.held[ticket]
	return h, ok
}
