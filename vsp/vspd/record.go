package vspd

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"scrutineer/vsp"
)

// Record is a ticket and what its holder asked for, as we hold them.
type Record struct {
	Ticket  vsp.Ticket
	Changes []vsp.Change // oldest first
}

// reading is how the reading of one record went.
type reading struct {
	Record
	notes    []Note
	requests Tally // of which some may have been refused
}

// read reads the record of the ticket in the bucket of a name. An error says why it cannot be taken.
func (d *Database) read(name string, decode *decoder) (r reading, err error) {
	bucket := d.tickets.Bucket([]byte(name))
	if bucket == nil {
		return r, errors.New("it is no bucket")
	}
	t, doubts, err := decode.ticket(name, func(key string) []byte { return bucket.Get([]byte(key)) })
	if err != nil {
		return r, err
	}
	r.Ticket = t
	r.note("ticket "+name, doubts)
	for _, stored := range d.storedChanges(name) {
		about := fmt.Sprintf("request %d of ticket %s", stored.number, name)
		r.requests.Read++
		c, e, doubts, err := decodeChange(stored.value)
		if err != nil {
			r.requests.Refused++
			r.notes = append(r.notes, Note{about, "cannot be read", err.Error(), true})
			continue
		}
		r.note(about, doubts)
		decode.apply(&r.Ticket, c, e)
		r.Changes = append(r.Changes, c)
	}
	return r, nil
}

func (r *reading) note(about string, doubts []doubt) {
	for _, d := range doubts {
		r.notes = append(r.notes, Note{About: about, What: d.what, Detail: d.detail})
	}
}

type storedChange struct {
	number uint32
	value  []byte
}

// storedChanges returns the records of a ticket's changes, oldest first: they are numbered, which is not how bbolt sorts
// them.
func (d *Database) storedChanges(name string) (all []storedChange) {
	bucket := d.changes.Bucket([]byte(name))
	if bucket == nil {
		return nil
	}
	_ = bucket.ForEach(func(key, value []byte) error {
		all = append(all, storedChange{number(key), value})
		return nil
	})
	slices.SortStableFunc(all, func(a, b storedChange) int { return cmp.Compare(a.number, b.number) })
	return all
}

// number reads a key as vspd does. One that is too short is nobody's: it comes first.
func number(key []byte) uint32 {
	if len(key) < 4 {
		return 0
	}
	return binary.LittleEndian.Uint32(key)
}

// signer decodes who else signs for the ticket in the bucket of a name (vspd database/altsignaddr.go).
func (d *decoder) signer(get fields) (vsp.AltSigner, []doubt, error) {
	address := string(get("altsig"))
	if err := d.checkAddress(address); err != nil {
		return vsp.AltSigner{}, nil, fmt.Errorf("address: %w", err)
	}
	change, _, doubts, err := readChange(string(get("req")), string(get("reqsig")), string(get("res")))
	if err != nil {
		return vsp.AltSigner{}, nil, err
	}
	return vsp.AltSigner{Address: address, Change: change}, doubts, nil
}

// names returns the names of all buckets in a bucket.
func names(in *bbolt.Bucket) (all []string) {
	if in == nil {
		return nil
	}
	_ = in.ForEach(func(name, _ []byte) error {
		all = append(all, string(name))
		return nil
	})
	return all
}
