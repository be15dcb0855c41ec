package dcrrpc

import "github.com/decred/dcrd/chaincfg/chainhash"

// hashText is a chainhash.Hash in JSON: text in the daemons' byte order. chainhash.Hash itself would be an array of numbers.
type hashText chainhash.Hash

func (h hashText) MarshalText() ([]byte, error) { return []byte(chainhash.Hash(h).String()), nil }

func (h *hashText) UnmarshalText(text []byte) error {
	return chainhash.Decode((*chainhash.Hash)(h), string(text))
}
