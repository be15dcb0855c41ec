package verifier

import (
	"fmt"
	"strings"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier/votes"
	"scrutineer/vsp/vspapi"
)

// TicketFile is one state of the file that says which tickets are the VSP's.
type TicketFile struct {
	Tickets []chainhash.Hash // whose fee the VSP has confirmed
	Pending int              // others of a signed one, whose fee the VSP has and has not confirmed
	Signed  bool             // by the VSP, which so says that these are all
	Height  int64            // of a signed one: the block that it is of
}

// listSigned is in a list that the VSP signed (package vspapi), and a comment in any other.
const listSigned = "\n# signature: "

// ReadTicketFile reads a list of tickets: one hash a line, or a list that the VSP signed. One with a signature that does not
// verify, or of another network, is an error.
func ReadTicketFile(text string, target Target) (TicketFile, error) {
	if !strings.Contains(text, listSigned) {
		tickets, err := votes.ReadTickets(strings.NewReader(text))
		return TicketFile{Tickets: tickets}, err
	}
	list, err := vspapi.ReadTicketList([]byte(text), target.PubKey)
	if err != nil {
		return TicketFile{}, err
	}
	if list.Network != target.Network.Name {
		return TicketFile{}, fmt.Errorf("the list that the VSP signed is of %s, and the trial is on %s", list.Network, target.Network.Name)
	}
	file := TicketFile{Signed: true, Height: list.Height}
	for _, t := range list.Tickets {
		if t.FeeStatus != feeConfirmed {
			file.Pending++
			continue
		}
		file.Tickets = append(file.Tickets, t.Hash)
	}
	return file, nil
}

// feeConfirmed is the status of a fee from which on the VSP must vote (TicketStatusResponse of vspapi).
const feeConfirmed = "confirmed"

// Listing is which tickets were listed, from the first list to the last. One that was listed once counts to the end: what was
// missed cannot be made to vanish by taking it out.
type Listing struct {
	File    TicketFile       // the last one
	Entries []int64          // of the journal, that the file changed with
	Tickets []chainhash.Hash // every one that was ever listed, in the order in which they came

	known   map[chainhash.Hash]bool
	removed map[chainhash.Hash]int64 // the entry that took a ticket out
}

// Removal is a ticket that was taken out of the list and is not in the last one.
type Removal struct {
	Ticket chainhash.Hash
	Entry  int64 // of the journal, that took it out
}

// next takes in the file after a change.
func (l *Listing) next(entry int64, file TicketFile) {
	if l.known == nil {
		l.known, l.removed = make(map[chainhash.Hash]bool), make(map[chainhash.Hash]int64)
	}
	has := make(map[chainhash.Hash]bool, len(file.Tickets))
	for _, ticket := range file.Tickets {
		has[ticket] = true
		delete(l.removed, ticket)
		if !l.known[ticket] {
			l.known[ticket] = true
			l.Tickets = append(l.Tickets, ticket)
		}
	}
	for _, ticket := range l.File.Tickets {
		if !has[ticket] {
			l.removed[ticket] = entry
		}
	}
	l.File = file
}

// Removed returns the tickets that were taken out and are not in the last list, in the order in which they had come.
func (l Listing) Removed() []Removal {
	var all []Removal
	for _, ticket := range l.Tickets {
		if entry, ok := l.removed[ticket]; ok {
			all = append(all, Removal{ticket, entry})
		}
	}
	return all
}

// told adds to a finding that tickets were taken out of the list.
func (l Listing) told(f Finding) Finding {
	removed := l.Removed()
	if len(removed) == 0 {
		return f
	}
	last := int64(0)
	for _, r := range removed {
		last = max(last, r.Entry)
	}
	f.Says = append(f.Says, fmt.Sprintf("Tickets taken out of the list again: %d, last by entry %d; they count all the same.", len(removed), last))
	return f
}
