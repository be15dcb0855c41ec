package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"strings"
)

// table is one that is copied, as both databases have it.
type table struct {
	name    string
	columns []column // the first is the key, which orders the rows
}

type column struct {
	name string
	kind kind
}

// kind is what a column holds. Only blobs may be NULL.
type kind byte

const (
	integer kind = 'i'
	text    kind = 't'
	blob    kind = 'b'
)

// tables are all that are copied from one database to another. Each database has a lease, and a proof of the key, of its
// own.
var tables = []table{
	{"tickets", []column{
		{"id", integer}, {"hash", blob}, {"commitment", text}, {"confirmed", integer}, {"purchase_height", integer},
		{"fee_xpub", text}, {"fee_index", integer}, {"fee_address", text}, {"fee_amount", integer},
		{"fee_expires", integer}, {"fee_status", text}, {"fee_tx_hash", blob}, {"fee_tx", blob}, {"voting_key", blob},
		{"agendas", text}, {"tspends", text}, {"treasury", text}, {"choices_set_at", integer}, {"outcome", text},
		{"spent_height", integer}, {"spent_by", blob}, {"registered", integer}, {"fee_received", integer},
		{"fee_paid", integer}, {"fee_height", integer},
	}},
	{"changes", []column{
		{"id", integer}, {"ticket", integer}, {"request", blob}, {"signature", text}, {"answered", integer},
	}},
	{"alt_signers", []column{
		{"ticket", blob}, {"address", text}, {"request", blob}, {"signature", text}, {"answered", integer},
	}},
	{"fee_indexes", []column{{"xpub", text}, {"last", integer}}},
	{"scan", []column{{"id", integer}, {"height", integer}, {"hash", blob}}},
	{"touches", []column{{"id", integer}, {"ticket", blob}}},
}

// contents is what a table holds.
type contents struct {
	rows   int64
	digest [sha256.Size]byte // of every value of every row
}

// read gives each row's values to f, in the order of the columns, and returns what the table holds.
func (t table) read(ctx context.Context, q querier, f func(values []any) error) (c contents, err error) {
	rows, err := q.QueryContext(ctx, "SELECT "+strings.Join(t.list(), ", ")+" FROM "+t.name+" ORDER BY "+t.columns[0].name)
	if err != nil {
		return contents{}, err
	}
	defer func() { _ = rows.Close() }()
	digest := sha256.New()
	for rows.Next() {
		values, err := t.scan(rows)
		if err != nil {
			return contents{}, err
		}
		for _, value := range values {
			add(digest, value)
		}
		if err := f(values); err != nil {
			return contents{}, err
		}
		c.rows++
	}
	digest.Sum(c.digest[:0])
	return c, rows.Err()
}

// list returns the columns' names.
func (t table) list() (names []string) {
	for _, c := range t.columns {
		names = append(names, c.name)
	}
	return names
}

// scan returns the values of a row, each of its column's type, which the databases' drivers do not agree about.
func (t table) scan(row scanner) ([]any, error) {
	values := make([]any, len(t.columns))
	for i, c := range t.columns {
		switch c.kind {
		case integer:
			values[i] = new(int64)
		case text:
			values[i] = new(string)
		case blob:
			values[i] = new([]byte)
		}
	}
	if err := row.Scan(values...); err != nil {
		return nil, err
	}
	for i, value := range values {
		switch v := value.(type) {
		case *int64:
			values[i] = *v
		case *string:
			values[i] = *v
		case *[]byte:
			values[i] = *v
		}
	}
	return values, nil
}

// add adds a value to a digest, so that no other values give the same.
func add(digest hash.Hash, value any) {
	var b []byte
	switch v := value.(type) {
	case int64:
		b = binary.BigEndian.AppendUint64(nil, uint64(v))
	case string:
		b = []byte(v)
	case []byte:
		b = v
	}
	length := int64(len(b))
	if b == nil {
		length = -1 // NULL is not the same as nothing
	}
	digest.Write(binary.BigEndian.AppendUint64(nil, uint64(length)))
	digest.Write(b)
}

// copyAll replaces what the tables hold by what they hold in another database, and returns what that is.
func copyAll(ctx context.Context, from querier, into transaction) ([]contents, error) {
	for _, t := range tables {
		if err := into.exec(ctx, "DELETE FROM "+t.name); err != nil {
			return nil, fmt.Errorf("empty table %s: %w", t.name, err)
		}
	}
	var all []contents
	for _, t := range tables {
		insert := "INSERT INTO " + t.name + " (" + strings.Join(t.list(), ", ") + ") VALUES " + list(len(t.columns))
		c, err := t.read(ctx, from, func(values []any) error {
			return into.exec(ctx, insert, values...)
		})
		if err != nil {
			return nil, fmt.Errorf("copy table %s: %w", t.name, err)
		}
		all = append(all, c)
	}
	return all, nil
}

// compare returns an error if the tables hold anything else than these.
func compare(ctx context.Context, q querier, want []contents) error {
	for i, t := range tables {
		got, err := t.read(ctx, q, func([]any) error { return nil })
		if err != nil {
			return fmt.Errorf("read table %s again: %w", t.name, err)
		}
		if got.rows != want[i].rows {
			return fmt.Errorf("table %s has %d rows in the place of %d: try again, and check the disk", t.name, got.rows, want[i].rows)
		}
		if got != want[i] {
			return fmt.Errorf("table %s reads other than it was written: check the disk, and try again", t.name)
		}
	}
	return nil
}
