package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"scrutineer/cmd/program"

	"scrutineer/cmd/configfile"
	"scrutineer/vsp/server"
	"scrutineer/vsp/sqlstore"
)

// The signing key is what wallets know the VSP by: it must outlive every machine. It is kept as PKCS#8 in PEM, so that
// openssl can show it.
const signingKeyBlock = "PRIVATE KEY"

func (s *settings) checkKeys(file *configfile.File) {
	s.sealingKey = file.Resolve(s.SealingKeyFile)
	if file.Contents("sealing_key_file", s.SealingKeyFile) != nil {
		if _, err := sqlstore.ReadKeyFile(s.sealingKey); err != nil {
			file.Wrong("sealing_key_file", "%v", err)
		}
	}
	if s.AdminPasswordFile != "" {
		s.checkAdminPassword(file)
	}
	if file.Secret("signing_key_file", s.SigningKeyFile) == "" {
		return
	}
	var err error
	if s.signingKey, err = parseSigningKey(file.Contents("signing_key_file", s.SigningKeyFile)); err != nil {
		file.Wrong("signing_key_file", "%s %v", file.Resolve(s.SigningKeyFile), err)
	}
}

func (s *settings) checkAdminPassword(file *configfile.File) {
	const key = "admin_password_file"
	hash := file.Secret(key, s.AdminPasswordFile)
	if hash == "" {
		return
	}
	var err error
	if s.adminPassword, err = server.ParsePassword(hash); err != nil {
		file.Wrong(key, "%s: %v: vsp password makes one", file.Resolve(s.AdminPasswordFile), err)
	}
}

// writeSigningKey makes a new key and stores it in a file that must not be there yet.
func writeSigningKey(path string) (ed25519.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("encode signing key: %w", err)
	}
	return public, program.WriteNew(path, pem.EncodeToMemory(&pem.Block{Type: signingKeyBlock, Bytes: der}))
}

// parseSigningKey reads what a signing key's file holds. Errors complete a sentence that begins with the file's name.
func parseSigningKey(data []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != signingKeyBlock {
		return nil, errors.New("holds no PEM private key: vsp init makes one")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("holds no PKCS#8 private key: vsp init makes one")
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("holds another kind of key than Ed25519: vsp init makes one")
	}
	return private, nil
}
