package vspapi

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
)

// Headers that carry signatures, in standard base64.
const (
	ClientSignature = "VSP-Client-Signature" // by the ticket's commitment address, over the request's exact body
	ServerSignature = "VSP-Server-Signature" // by the VSP's key, over the answer's exact body
)

// ErrSignature says that a signature is missing, malformed or not by the key it should be by.
var ErrSignature = errors.New("invalid signature")

// Sign returns the ServerSignature of an answer's body.
func Sign(key ed25519.PrivateKey, body []byte) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(key, body))
}

// Verify checks the ServerSignature of an answer's body.
func Verify(key ed25519.PublicKey, body []byte, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	switch {
	case signature == "":
		return fmt.Errorf("%w: no %s header", ErrSignature, ServerSignature)
	case err != nil:
		return fmt.Errorf("%w: %s header is not base64", ErrSignature, ServerSignature)
	case len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, body, raw):
		return fmt.Errorf("%w: answer is not signed by the expected key", ErrSignature)
	}
	return nil
}

// VerifyRequest checks the ClientSignature of a request's body: a signed message (BLAKE-256 over "Decred Signed
// Message:\n" and the body, compact recoverable secp256k1) by the P2PKH address given.
func VerifyRequest(address string, body []byte, signature string, params stdaddr.AddressParams) error {
	if err := dcrutil.VerifyMessage(address, signature, string(body), params); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}
