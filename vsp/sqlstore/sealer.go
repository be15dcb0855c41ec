package sqlstore

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"golang.org/x/crypto/chacha20poly1305"

	"scrutineer/vsp"
)

// Sealer keeps secrets unreadable at rest, with XChaCha20-Poly1305. Its nonces are random, which 24 bytes allow for any
// number of messages. What is sealed is bound to what it is about: moved to another row it does not open.
type Sealer struct {
	aead cipher.AEAD
}

// NewSealer returns the Sealer of a key of 32 bytes.
func NewSealer(key []byte) (*Sealer, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("sealing key of %d bytes: %w", len(key), err)
	}
	return &Sealer{aead: aead}, nil
}

// seal returns the nonce and the ciphertext.
func (s *Sealer) seal(plain []byte, about string) []byte {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	_, _ = rand.Read(nonce) // it never fails: see crypto/rand
	return s.aead.Seal(nonce, nonce, plain, []byte(about))
}

// open returns what was sealed about this with this key.
func (s *Sealer) open(sealed []byte, about string) ([]byte, error) {
	if len(sealed) < s.aead.NonceSize() {
		return nil, errors.New("sealed text is cut short")
	}
	nonce, text := sealed[:s.aead.NonceSize()], sealed[s.aead.NonceSize():]
	plain, err := s.aead.Open(nil, nonce, text, []byte(about))
	if err != nil {
		return nil, fmt.Errorf("open what is sealed about %s: %w", about, err)
	}
	return plain, nil
}

// What secrets are sealed about.
func aboutKey(ticket chainhash.Hash) string     { return "the voting key of " + ticket.String() }
func aboutRequest(ticket chainhash.Hash) string { return "a request for " + ticket.String() }

// proofAbout is what the proof of a database's key is sealed about.
const proofAbout = "this database"

// sealKey returns a ticket's voting key sealed, or nil if it has none.
func (s *Sealer) sealKey(ticket chainhash.Hash, key vsp.Secret) []byte {
	if key == "" {
		return nil
	}
	return s.seal([]byte(string(key)), aboutKey(ticket))
}

func (s *Sealer) openKey(ticket chainhash.Hash, sealed []byte) (vsp.Secret, error) {
	if sealed == nil {
		return "", nil
	}
	plain, err := s.open(sealed, aboutKey(ticket))
	return vsp.Secret(plain), err
}

// sealRequest returns a holder's request sealed: the one that pays the fee carries the voting key.
func (s *Sealer) sealRequest(ticket chainhash.Hash, request []byte) []byte {
	return s.seal(request, aboutRequest(ticket))
}

func (s *Sealer) openRequest(ticket chainhash.Hash, sealed []byte) ([]byte, error) {
	return s.open(sealed, aboutRequest(ticket))
}
