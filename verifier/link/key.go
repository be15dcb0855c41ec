// Package link is the connection between a trial and its vantages: TLS 1.3, where each side knows the other's public key
// beforehand and believes nobody else.
//
// It promises that no byte passes before both sides have proven that they hold the keys that were told. There is no
// authority and no expiry: certificates are made anew at each start and only carry the key. What is said over the link, and
// whether that is true, is left to others.
package link

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// Key is what one side proves itself with. There is no way to print it.
type Key struct{ private ed25519.PrivateKey }

// PublicKey is what the other side knows of it: an Ed25519 key. Its text is base64.
type PublicKey struct{ key ed25519.PublicKey }

// Public returns the half that may be known.
func (k Key) Public() PublicKey { return PublicKey{k.private.Public().(ed25519.PublicKey)} }

// String returns the key's text.
func (k PublicKey) String() string { return base64.StdEncoding.EncodeToString(k.key) }

// ParsePublicKey reads a key's text.
func ParsePublicKey(text string) (PublicKey, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != ed25519.PublicKeySize || (PublicKey{raw}).String() != text {
		return PublicKey{}, fmt.Errorf("is no key of a link, %d bytes in base64", ed25519.PublicKeySize)
	}
	return PublicKey{raw}, nil
}

const pemType = "PRIVATE KEY"

// CreateKey makes a new key and writes it to path, which must not exist, readable by its owner alone (PKCS #8, PEM).
func CreateKey(path string) (Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("make a link's key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Key{}, fmt.Errorf("make a link's key: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Key{}, fmt.Errorf("make a link's key: %w", err)
	}
	err = pem.Encode(file, &pem.Block{Type: pemType, Bytes: der})
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return Key{}, errors.Join(fmt.Errorf("make a link's key: %w", err), os.Remove(path))
	}
	return Key{private}, nil
}

// ReadKey reads the key that CreateKey wrote. One that others may read is refused. The error wraps os.ErrNotExist if there is
// none, and never shows what is in the file.
func ReadKey(path string) (Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, fmt.Errorf("read the link's key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Key{}, fmt.Errorf("read the link's key: %s may be read by others (mode %#o): chmod 600 %[1]s", path, mode)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("read the link's key: %w", err)
	}
	block, _ := pem.Decode(raw)
	if block == nil || block.Type != pemType {
		return Key{}, fmt.Errorf("read the link's key: %s holds no private key in PEM", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return Key{}, fmt.Errorf("read the link's key: %s holds no Ed25519 key", path)
	}
	return Key{private}, nil
}
