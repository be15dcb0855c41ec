package vsp

import (
	"context"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// Store keeps tickets. What a method has returned without error is durable: it is there after a kill -9 of the process.
// An error other than those named leaves open whether the act was carried out; who needs to know reads back. A context
// that is done before the act begins ends it with nothing changed.
//
// An empty map or slice is the same as nil, and comes back as nil. Text
// is valid UTF-8. Every time comes back in UTC, cut to the second; the zero time comes back as it is.
type Store interface {
	Tickets
	Scan
	Touches
	Lease
	AltSigners

	// NextFeeIndex returns the next index of an extended public key's external branch, beginning with 1. No index is
	// returned twice, whatever happens to the caller.
	NextFeeIndex(ctx context.Context, xpub string) (uint32, error)
}

// Tickets is the tickets of a Store.
type Tickets interface {
	// Ticket returns a ticket, or ErrNoTicket.
	Ticket(ctx context.Context, hash chainhash.Hash) (Ticket, error)

	// Insert adds a ticket, or returns ErrTicketExists and leaves the one there as it is.
	Insert(ctx context.Context, t Ticket) error

	// Update reads a ticket, lets act change it, and stores it, and the Change that act may return, in one transaction:
	// nobody else's Update of the same ticket comes between. An error of act ends it with nothing changed and is
	// returned as it is. ErrNoTicket if there is none. Update returns the ticket as stored. Act may be called more
	// than once, and must not call the Store. An act that changes Hash is refused, with nothing changed.
	Update(ctx context.Context, hash chainhash.Hash, act func(*Ticket) (*Change, error)) (Ticket, error)

	// Remove deletes a ticket and its changes if its fee status is FeeNone, checked in the same transaction. Any other
	// ticket stays as it is: it may have been paid for meanwhile. Neither that nor a missing ticket is an error.
	Remove(ctx context.Context, hash chainhash.Hash) error

	// Select returns the tickets that a Filter asks for, oldest first.
	Select(ctx context.Context, filter Filter) ([]Ticket, error)

	// Changes returns what a ticket's holder asked for, oldest first: the first ever, and the newest of the rest up to
	// MaxChanges in all. A ticket that is not there has none.
	Changes(ctx context.Context, hash chainhash.Hash) ([]Change, error)
}

// MaxChanges is how many Changes are kept of one ticket.
const MaxChanges = 10

// Filter says which tickets are meant. Its fields are conditions that must all hold; an empty one means any.
type Filter struct {
	Confirmed *bool
	Fee       []FeeStatus
	Outcome   []Outcome
}

// Touches is how the processes that share a Store tell the one that leads which tickets it must look at: their holders may
// have changed what the wallets should know.
type Touches interface {
	// Touched returns notes, oldest first, at most limit of them. Every Update leaves one, in its own transaction; an Update
	// that is refused leaves none.
	Touched(ctx context.Context, limit int) ([]Touch, error)

	// Heard deletes notes that Touched has returned. A ticket's later notes stay.
	Heard(ctx context.Context, notes []Touch) error
}

// Touch is the note that a ticket was updated.
type Touch struct {
	ID     int64
	Ticket chainhash.Hash
}

// Lease says which of the processes that share a Store does the work on the chain.
type Lease interface {
	// Lead takes the lease for a holder, or renews it, until d from now by the Store's own clock. It reports whether the
	// holder has it now: nobody else may have it before it has run out or was given back.
	Lead(ctx context.Context, holder string, d time.Duration) (bool, error)

	// Resign gives the lease back if the holder has it.
	Resign(ctx context.Context, holder string) error
}

// AltSigners is the other addresses that may sign for tickets. A ticket need not be registered to have one.
type AltSigners interface {
	// AltSigner returns a ticket's, or ErrNoAltSigner.
	AltSigner(ctx context.Context, ticket chainhash.Hash) (AltSigner, error)

	// TicketAndSigner returns what Ticket does, and with it the address of the ticket's alternate signer, which is empty if it
	// has none.
	TicketAndSigner(ctx context.Context, ticket chainhash.Hash) (Ticket, string, error)

	// SetAltSigner adds a ticket's, or returns ErrAltSignerExists and leaves the one there as it is.
	SetAltSigner(ctx context.Context, ticket chainhash.Hash, signer AltSigner) error
}

// AltSigner is an address that signs a ticket's requests beside its commitment address, and the holder's request for it.
type AltSigner struct {
	Address string // P2PKH
	Change  Change
}

// Scan is what a Store knows of the chain: the block up to which outcomes were looked for, and what was found.
type Scan interface {
	// Position returns the last block that was scanned; the zero Position before the first.
	Position(ctx context.Context) (Position, error)

	// Settle stores the outcomes that were found in the blocks after from up to p, and p as the new Position, in one
	// transaction. It passes over a ticket that is not there. If from is not the Position any more it changes nothing and
	// returns ErrMoved: another process scans.
	Settle(ctx context.Context, from, p Position, found []Spend) error

	// Rewind makes p the Position and takes back every outcome found above its height, in one transaction. It returns
	// the tickets whose outcome it took back. ErrMoved as with Settle.
	Rewind(ctx context.Context, from, p Position) ([]chainhash.Hash, error)

	// Counts returns how many tickets whose fee is confirmed there are of each outcome.
	Counts(ctx context.Context) (Counts, error)
}

// Position is a block of the chain.
type Position struct {
	Height int64
	Hash   chainhash.Hash
}

// Spend is the end of one ticket in one block.
type Spend struct {
	Ticket  chainhash.Hash
	Outcome Outcome
	Height  int64
	By      chainhash.Hash // the vote or the revocation
}

// Counts is how many tickets with a confirmed fee there are of each outcome.
type Counts struct {
	Voting, Voted, Missed, Expired int64
}
