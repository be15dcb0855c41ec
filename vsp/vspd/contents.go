package vspd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
)

// Contents is what is in a Database.
type Contents struct {
	Tickets    Tally // Read and Refused are set
	Requests   Tally
	AltSigners Tally
	Counts     vsp.Counts // of tickets whose fee is confirmed, as vspd tells them in vspinfo
	Unpaid     int        // tickets whose fee is not confirmed
	Notes      []Note

	order   []entry           // the tickets that can be taken, as they were registered
	indexes map[string]uint32 // the last index of each extended public key
	open    []openTicket
}

// entry is where a ticket stands in the order in which they were registered.
type entry struct {
	name  string
	xpub  int // among Database.XPubs; -1 if it is not there
	index uint32
}

// openTicket is a ticket that was paid for and whose outcome is not known.
type openTicket struct {
	hash     chainhash.Hash
	purchase int64 // height; 0 if not known
}

// Report returns the report of an import that has taken nothing yet.
func (c *Contents) Report() Report {
	return Report{Tickets: c.Tickets, Requests: c.Requests, AltSigners: c.AltSigners, Notes: slices.Clone(c.Notes)}
}

// Progress is told before each ticket how many are done. The error it returns ends the act.
type Progress func(done, total int) error

// Look goes through the whole database. A file that is damaged is an error; records that are not as they should be are
// noted.
func (d *Database) Look(ctx context.Context, progress Progress) (c *Contents, err error) {
	err = guard(func() error {
		c, err = d.look(ctx, progress)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read vspd's database: %w", err)
	}
	return c, nil
}

func (d *Database) look(ctx context.Context, progress Progress) (*Contents, error) {
	c := &Contents{indexes: make(map[string]uint32)}
	for _, x := range d.XPubs {
		c.indexes[x.Key] = max(c.indexes[x.Key], x.Last)
	}
	decode := d.decoder()
	tickets := names(d.tickets)
	for i, name := range tickets {
		if err := errors.Join(ctx.Err(), progress(i, len(tickets))); err != nil {
			return nil, err
		}
		c.lookAt(name, d, decode)
	}
	for _, name := range names(d.changes) {
		c.lookForOwner(name, d)
	}
	for _, name := range names(d.signers) {
		_, notes, err := d.readSigner(name, decode)
		c.AltSigners.Read++
		if err != nil {
			c.AltSigners.Refused++
		}
		c.Notes = append(c.Notes, notes...)
	}
	slices.SortFunc(c.order, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.xpub, b.xpub), cmp.Compare(a.index, b.index), cmp.Compare(a.name, b.name))
	})
	return c, d.verify()
}

func (d *Database) decoder() *decoder {
	decode := &decoder{version: d.Version, network: d.Network, xpubs: make(map[uint32]string)}
	for _, x := range d.XPubs {
		decode.xpubs[x.ID] = x.Key
	}
	return decode
}

// lookAt takes one ticket into account.
func (c *Contents) lookAt(name string, d *Database, decode *decoder) {
	c.Tickets.Read++
	r, err := d.read(name, decode)
	if err != nil {
		c.Tickets.Refused++
		c.Notes = append(c.Notes, Note{"ticket " + name, "cannot be read", err.Error(), true})
		n := len(d.storedChanges(name))
		c.Requests.add(Tally{Read: n, Refused: n})
		return
	}
	c.Notes = append(c.Notes, r.notes...)
	c.Requests.add(r.requests)
	t := &r.Ticket
	c.count(t)
	xpub := slices.IndexFunc(d.XPubs, func(x XPub) bool { return x.Key == t.Fee.XPub })
	c.order = append(c.order, entry{name, xpub, t.Fee.Index})
	if xpub >= 0 {
		c.indexes[t.Fee.XPub] = max(c.indexes[t.Fee.XPub], t.Fee.Index)
	}
	if t.Outcome == vsp.NoOutcome && t.Fee.Status.Paid() {
		c.open = append(c.open, openTicket{t.Hash, t.PurchaseHeight})
	}
}

// count counts a ticket as vspd does, but for those whose outcome is not known here: see revoked.
func (c *Contents) count(t *vsp.Ticket) {
	into := map[vsp.Outcome]*int64{
		vsp.NoOutcome: &c.Counts.Voting, vsp.Voted: &c.Counts.Voted, vsp.Missed: &c.Counts.Missed, vsp.Expired: &c.Counts.Expired,
	}
	if t.Fee.Status == vsp.FeeConfirmed {
		*into[t.Outcome]++
	} else {
		c.Unpaid++
	}
}

// lookForOwner notes changes of a ticket that is not there: vspd before 1.5 forgot to delete them.
func (c *Contents) lookForOwner(name string, d *Database) {
	if d.tickets.Bucket([]byte(name)) != nil {
		return
	}
	n := len(d.storedChanges(name))
	c.Requests.add(Tally{Read: n, Refused: n})
	c.Notes = append(c.Notes, Note{"requests of ticket " + name, "are of a ticket that vspd has deleted", fmt.Sprintf("%d requests", n), true})
}

func (d *Database) readSigner(name string, decode *decoder) (hashed signerOf, notes []Note, err error) {
	about := "alternate signing address of ticket " + name
	hash, err := parseHash(name)
	if bucket := d.signers.Bucket([]byte(name)); err == nil && bucket != nil {
		var doubts []doubt
		hashed.AltSigner, doubts, err = decode.signer(func(key string) []byte { return bucket.Get([]byte(key)) })
		for _, d := range doubts {
			notes = append(notes, Note{About: about, What: d.what, Detail: d.detail})
		}
	} else if err == nil {
		err = errors.New("it is no bucket")
	}
	if err != nil {
		return signerOf{}, []Note{{about, "cannot be read", err.Error(), true}}, err
	}
	hashed.ticket = hash
	return hashed, notes, nil
}

// signerOf is who else signs for a ticket.
type signerOf struct {
	ticket chainhash.Hash
	vsp.AltSigner
}
