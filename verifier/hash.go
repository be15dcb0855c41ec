package verifier

import "github.com/decred/dcrd/chaincfg/chainhash"

// Hash is a chainhash.Hash that is text in JSON, in the order in which everybody writes hashes.
type Hash chainhash.Hash

func (h Hash) String() string { return chainhash.Hash(h).String() }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	return chainhash.Decode((*chainhash.Hash)(h), string(text))
}
