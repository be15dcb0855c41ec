package vspd

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp"
	"scrutineer/vsp/network"
)

// fields returns the value that a ticket's bucket has under a key, nil if none (vspd database/ticket.go).
type fields func(key string) []byte

// outcomes is every outcome that vspd stores. Its releases before 1.3 did not tell missed from expired.
var outcomes = map[string]vsp.Outcome{
	"": vsp.NoOutcome, "voted": vsp.Voted, "missed": vsp.Missed, "expired": vsp.Expired, revoked: vsp.NoOutcome,
}

const revoked = "revoked"

var feeStatuses = map[string]vsp.FeeStatus{
	"none": vsp.FeeNone, "received": vsp.FeeReceived, "broadcast": vsp.FeeBroadcast, "confirmed": vsp.FeeConfirmed,
	"error": vsp.FeeError,
}

// decoder turns what one database holds of tickets into what we hold of them.
type decoder struct {
	version uint32
	network network.Profile
	xpubs   map[uint32]string // by ID
}

// ticket decodes the ticket in the bucket of a name, and says what it took otherwise than it is there. An error says why it
// cannot be taken.
func (d *decoder) ticket(name string, get fields) (t vsp.Ticket, doubts []doubt, err error) {
	hash, err := parseHash(name)
	switch {
	case err != nil:
		return t, nil, fmt.Errorf("its name is no hash: %w", err)
	case string(get("Hash")) != name:
		return t, nil, errors.New("it holds another hash than its name")
	}
	t.Hash = hash
	t.Commitment = string(get("CommitmentAddress"))
	if err := d.checkAddress(t.Commitment); err != nil {
		return t, nil, fmt.Errorf("commitment address: %w", err)
	}
	if t.VotingKey, err = d.votingKey(get("VotingWIF")); err != nil {
		return t, nil, err
	}
	outcome, known := outcomes[string(get("Outcome"))]
	if !known {
		return t, nil, errors.New("it has an outcome that vspd does not know")
	}
	t.Outcome = outcome
	for _, decode := range []func(*vsp.Ticket, fields) ([]doubt, error){d.purchase, d.fee, d.payment, d.choices} {
		more, err := decode(&t, get)
		if err != nil {
			return t, nil, err
		}
		doubts = append(doubts, more...)
	}
	if string(get("Outcome")) == revoked {
		doubts = append(doubts, doubt{what: "was revoked: the scan will tell whether it was missed or expired"})
	}
	return t, doubts, nil
}

func parseHash(text string) (chainhash.Hash, error) {
	hash, err := chainhash.NewHashFromStr(text)
	if err != nil {
		return chainhash.Hash{}, err
	}
	if hash.String() != text {
		return chainhash.Hash{}, errors.New("it is not spelt as vspd spells hashes")
	}
	return *hash, nil
}

func (d *decoder) checkAddress(text string) error {
	_, err := stdaddr.DecodeAddress(text, d.network.Params)
	return err
}

// votingKey never says what it has read.
func (d *decoder) votingKey(wif []byte) (vsp.Secret, error) {
	if len(wif) == 0 {
		return "", nil
	}
	key, err := dcrutil.DecodeWIF(string(wif), d.network.Params.PrivateKeyID)
	if err != nil {
		return "", errors.New("its voting key cannot be read")
	}
	return vsp.Secret(key.String()), nil
}

func (d *decoder) purchase(t *vsp.Ticket, get fields) ([]doubt, error) {
	height, err := integer(get, "PurchaseHeight", 8)
	if err != nil {
		return nil, err
	}
	confirmed := get("Confirmed")
	if len(confirmed) == 0 {
		return nil, errors.New("its field Confirmed has no byte")
	}
	switch t.Confirmed = confirmed[0] == 1; {
	case t.Confirmed && height <= 0: // an old fault of vspd (internal/vspd/databaseintegrity.go)
		t.Confirmed = false
		return []doubt{{what: "has no purchase height: the service will ask the node"}}, nil
	case t.Confirmed:
		t.PurchaseHeight = height
	}
	return nil, nil
}

func (d *decoder) fee(t *vsp.Ticket, get fields) (doubts []doubt, err error) {
	var id, index, amount, expires int64
	for key, field := range map[string]struct {
		into *int64
		size int
	}{"FeeAddressXPubID": {&id, 4}, "FeeAddressIndex": {&index, 4}, "FeeAmount": {&amount, 8}, "FeeExpiration": {&expires, 8}} {
		if field.into == &id && d.version < xpubsVersion {
			continue // there was one only
		}
		if *field.into, err = integer(get, key, field.size); err != nil {
			return nil, err
		}
	}
	t.Fee.Address = string(get("FeeAddress"))
	if err := d.checkAddress(t.Fee.Address); err != nil {
		return nil, fmt.Errorf("fee address: %w", err)
	}
	if amount < 0 {
		return nil, errors.New("its fee is negative")
	}
	t.Fee.Index, t.Fee.Amount, t.Fee.Expires = uint32(index), dcrutil.Amount(amount), time.Unix(expires, 0).UTC()
	xpub, known := d.xpubs[uint32(id)]
	if !known {
		doubts = append(doubts, doubt{"names an extended public key that is not there", fmt.Sprintf("id %d", id)})
	}
	t.Fee.XPub = xpub
	return doubts, nil
}

// payment decodes how far the fee is.
func (d *decoder) payment(t *vsp.Ticket, get fields) ([]doubt, error) {
	status, known := feeStatuses[string(get("FeeTxStatus"))]
	if !known {
		return nil, errors.New("it has a fee status that vspd does not know")
	}
	t.Fee.Status = status
	if status == vsp.FeeNone {
		return nil, nil
	}
	hash, err := parseHash(string(get("FeeTxHash")))
	if err != nil {
		return nil, fmt.Errorf("FeeTxHash: %w", err)
	}
	t.Fee.TxHash = hash
	if status == vsp.FeeConfirmed {
		return nil, nil // a transaction may be left here from version 1, to no use
	}
	tx, err := decodeTransaction(string(get("FeeTxHex")))
	if err == nil && tx.TxHash() != hash {
		err = errors.New("it has another hash")
	}
	if err == nil {
		t.Fee.Tx, err = tx.Bytes()
	}
	switch {
	case err != nil && status == vsp.FeeError:
		return []doubt{{"has a failed fee transaction that cannot be read", err.Error()}}, nil
	case err != nil:
		t.Fee.Status = vsp.FeeError
		return []doubt{{"has a fee under way whose transaction cannot be read: it counts as failed", err.Error()}}, nil
	}
	t.Fee.Paid = d.paid(tx, t.Fee.Address)
	return nil, nil
}

// paid returns what a transaction pays to an address. Its first output there counts alone, in vspd as here.
func (d *decoder) paid(tx *wire.MsgTx, to string) dcrutil.Amount {
	address, err := stdaddr.DecodeAddress(to, d.network.Params)
	if err != nil {
		return 0
	}
	version, script := address.PaymentScript()
	for _, out := range tx.TxOut {
		if out.Version == version && bytes.Equal(out.PkScript, script) {
			return dcrutil.Amount(out.Value)
		}
	}
	return 0
}

// decodeTransaction reads a transaction in hex, and passes over bytes behind it, as vspd did when it took it.
func decodeTransaction(text string) (*wire.MsgTx, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, err
	}
	tx := new(wire.MsgTx)
	return tx, tx.FromBytes(raw)
}

// integer decodes a number of 4 or 8 bytes: vspd's are in little endian, the short ones without a sign.
func integer(get fields, key string, size int) (int64, error) {
	value := get(key)
	if len(value) != size {
		return 0, fmt.Errorf("its field %s has %d bytes: want %d", key, len(value), size)
	}
	if size == 4 {
		return int64(binary.LittleEndian.Uint32(value)), nil
	}
	return int64(binary.LittleEndian.Uint64(value)), nil
}
