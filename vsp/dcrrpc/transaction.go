package dcrrpc

import (
	"encoding/hex"
	"fmt"

	"github.com/decred/dcrd/wire"
)

// EncodeTx returns a transaction as daemons take it: serialized, in hex.
func EncodeTx(tx *wire.MsgTx) (string, error) {
	raw, err := tx.Bytes()
	if err != nil {
		return "", fmt.Errorf("serialize transaction: %w", err)
	}
	return hex.EncodeToString(raw), nil
}

// DecodeTx reads a transaction as daemons give it. Bytes behind it are passed over.
func DecodeTx(text string) (*wire.MsgTx, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("decode transaction: %w", err)
	}
	tx := new(wire.MsgTx)
	if err := tx.FromBytes(raw); err != nil {
		return nil, fmt.Errorf("decode transaction: %w", err)
	}
	return tx, nil
}
