package votes

import (
	"bytes"
	"iter"
	"slices"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// pool is the set of live tickets in the order of their hashes' bytes, which is the order that the lottery counts in.
//
// It is kept in one sorted list per first byte. Hashes spread evenly, so that with the 41,000 tickets of Decred's mainnet
// a change moves 160 hashes at most, and finding the nth ticket passes 256 lengths.
type pool struct {
	shelves [256][]chainhash.Hash
	size    int
}

func newPool(tickets []chainhash.Hash) *pool {
	p := new(pool)
	for _, ticket := range tickets {
		p.add(ticket)
	}
	return p
}

func (p *pool) find(ticket chainhash.Hash) (shelf *[]chainhash.Hash, at int, found bool) {
	shelf = &p.shelves[ticket[0]]
	at, found = slices.BinarySearchFunc(*shelf, ticket, func(a, b chainhash.Hash) int { return bytes.Compare(a[:], b[:]) })
	return shelf, at, found
}

// add reports false if the ticket is there already.
func (p *pool) add(ticket chainhash.Hash) bool {
	shelf, at, found := p.find(ticket)
	if found {
		return false
	}
	*shelf = slices.Insert(*shelf, at, ticket)
	p.size++
	return true
}

// remove reports false if the ticket is not there.
func (p *pool) remove(ticket chainhash.Hash) bool {
	shelf, at, found := p.find(ticket)
	if !found {
		return false
	}
	*shelf = slices.Delete(*shelf, at, at+1)
	p.size--
	return true
}

// all yields every ticket, in order.
func (p *pool) all() iter.Seq[chainhash.Hash] {
	return func(yield func(chainhash.Hash) bool) {
		for _, shelf := range p.shelves {
			for _, ticket := range shelf {
				if !yield(ticket) {
					return
				}
			}
		}
	}
}

// at returns the nth ticket, counted from 0. There must be one.
func (p *pool) at(n int) chainhash.Hash {
	for i := range p.shelves {
		if n < len(p.shelves[i]) {
			return p.shelves[i][n]
		}
		n -= len(p.shelves[i])
	}
	panic("votes: ticket number outside the pool")
}
