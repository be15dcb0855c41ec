package sqlstore

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
)

// columns are those of a ticket in the order of values and of scan.
const columns = `hash, commitment, confirmed, purchase_height,
	fee_xpub, fee_index, fee_address, fee_amount, fee_expires, fee_status, fee_tx_hash, fee_tx,
	voting_key, agendas, tspends, treasury, choices_set_at, outcome, spent_height, spent_by,
	registered, fee_received, fee_paid, fee_height`

const (
	insertTicket = `INSERT INTO tickets (` + columns + `)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateTicket = `UPDATE tickets SET hash = ?, commitment = ?, confirmed = ?, purchase_height = ?,
		fee_xpub = ?, fee_index = ?, fee_address = ?, fee_amount = ?, fee_expires = ?, fee_status = ?,
		fee_tx_hash = ?, fee_tx = ?, voting_key = ?, agendas = ?, tspends = ?, treasury = ?, choices_set_at = ?,
		outcome = ?, spent_height = ?, spent_by = ?,
		registered = ?, fee_received = ?, fee_paid = ?, fee_height = ? WHERE id = ?`
)

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

// scan reads the id and the columns of one row.
func (s *Store) scan(row interface{ Scan(...any) error }) (id int64, t vsp.Ticket, err error) {
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
