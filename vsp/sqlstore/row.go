package sqlstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
)

// columns are those of a ticket in the order of values and of scan: all but the id.
var columns, insertTicket = func() (string, string) {
	all := tables[0].list()[1:]
	names := strings.Join(all, ", ")
	return names, "INSERT INTO tickets (" + names + ") VALUES " + list(len(all))
}()

// values returns what a ticket's columns hold.
func (s *Store) values(t vsp.Ticket) ([]any, error) {
	var choices [3]string
	for i, of := range []map[string]string{t.Choices.Agendas, t.Choices.TSpends, t.Choices.Treasury} {
		var err error
		if choices[i], err = encodeChoices(of); err != nil {
			return nil, err
		}
	}
	return []any{
		t.Hash[:], t.Commitment, t.Confirmed, t.PurchaseHeight,
		t.Fee.XPub, t.Fee.Index, t.Fee.Address, int64(t.Fee.Amount), t.Fee.Expires.Unix(), string(t.Fee.Status),
		t.Fee.TxHash[:], nullable(t.Fee.Tx),
		nullable(s.sealer.sealKey(t.Hash, t.VotingKey)), choices[0], choices[1], choices[2], t.ChoicesSetAt,
		string(t.Outcome), t.SpentHeight, t.SpentBy[:],
		t.Registered.Unix(), t.Fee.Received.Unix(), int64(t.Fee.Paid), t.Fee.Height,
	}, nil
}

// updateTicket returns the statement that makes before into after in the row with an id, or none if they are the same. It
// sets only what differs: each column of an index that is set, even to what it was, costs an update of that index.
func (s *Store) updateTicket(id int64, before, after vsp.Ticket) (statement string, args []any, err error) {
	was, err := s.values(before)
	if err != nil {
		return "", nil, err
	}
	is, err := s.values(after)
	if err != nil {
		return "", nil, err
	}
	var set []string
	for i, name := range tables[0].list()[1:] {
		same := reflect.DeepEqual(was[i], is[i])
		if name == "voting_key" { // sealed in another way each time
			same = before.VotingKey == after.VotingKey
		}
		if !same {
			set, args = append(set, name+" = ?"), append(args, is[i])
		}
	}
	if set == nil {
		return "", nil, nil
	}
	return "UPDATE tickets SET " + strings.Join(set, ", ") + " WHERE id = ?", append(args, id), nil
}

// stored returns t as it is read back.
func stored(t vsp.Ticket) vsp.Ticket {
	for _, at := range []*time.Time{&t.Registered, &t.Fee.Expires, &t.Fee.Received} {
		*at = time.Unix(at.Unix(), 0).UTC()
	}
	if len(t.Fee.Tx) == 0 {
		t.Fee.Tx = nil
	}
	for _, choices := range []*map[string]string{&t.Choices.Agendas, &t.Choices.TSpends, &t.Choices.Treasury} {
		if len(*choices) == 0 {
			*choices = nil
		}
	}
	return t
}

// copied returns a ticket that shares nothing with t.
func copied(t vsp.Ticket) vsp.Ticket {
	t.Fee.Tx = bytes.Clone(t.Fee.Tx)
	t.Choices.Agendas = maps.Clone(t.Choices.Agendas)
	t.Choices.TSpends = maps.Clone(t.Choices.TSpends)
	t.Choices.Treasury = maps.Clone(t.Choices.Treasury)
	return t
}

// scan reads the id and the columns of one row.
func (s *Store) scan(row scanner) (id int64, t vsp.Ticket, err error) {
	var (
		hash, feeTxHash, spentBy   hashColumn
		agendas, tspends, treasury choicesColumn
		expires, registered        int64
		received                   int64
		votingKey                  []byte
	)
	err = row.Scan(&id, &hash, &t.Commitment, &t.Confirmed, &t.PurchaseHeight,
		&t.Fee.XPub, &t.Fee.Index, &t.Fee.Address, &t.Fee.Amount, &expires, &t.Fee.Status, &feeTxHash, &t.Fee.Tx,
		&votingKey, &agendas, &tspends, &treasury, &t.ChoicesSetAt, &t.Outcome, &t.SpentHeight, &spentBy,
		&registered, &received, &t.Fee.Paid, &t.Fee.Height)
	if err != nil {
		return 0, vsp.Ticket{}, err
	}
	t.Hash, t.Fee.TxHash, t.SpentBy = chainhash.Hash(hash), chainhash.Hash(feeTxHash), chainhash.Hash(spentBy)
	t.Choices = vsp.Choices{Agendas: agendas, TSpends: tspends, Treasury: treasury}
	t.Fee.Expires, t.Fee.Received = time.Unix(expires, 0).UTC(), time.Unix(received, 0).UTC()
	t.Registered = time.Unix(registered, 0).UTC()
	t.VotingKey, err = s.sealer.openKey(t.Hash, votingKey)
	if err != nil {
		return 0, vsp.Ticket{}, err
	}
	return id, t, nil
}

// hashColumn is a hash as a column holds it.
type hashColumn chainhash.Hash

// Scan implements sql.Scanner.
func (h *hashColumn) Scan(value any) error {
	b, ok := value.([]byte)
	if !ok || len(b) != len(h) {
		return fmt.Errorf("%T of %d bytes where a hash should be", value, len(b))
	}
	copy(h[:], b)
	return nil
}

// choicesColumn is choices as a column holds them.
type choicesColumn map[string]string

// Scan implements sql.Scanner.
func (c *choicesColumn) Scan(value any) error {
	var text []byte
	switch v := value.(type) {
	case string: // of SQLite
		text = []byte(v)
	case []byte: // of MySQL
		text = v
	default:
		return fmt.Errorf("%T where choices should be", value)
	}
	if string(text) == "{}" {
		return nil
	}
	return json.Unmarshal(text, (*map[string]string)(c))
}

func encodeChoices(of map[string]string) (string, error) {
	if len(of) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(of)
	return string(text), err
}

// nullable returns NULL for no bytes.
func nullable(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}
