package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"scrutineer/cmd/program"
)

// replacedSuffix is what the name of a signing key gets that vspd's has taken the place of.
const replacedSuffix = ".replaced"

// checkImportedKey refuses to import beside a signing key that is not vspd's, unless that may be put aside, and there is room
// for it.
func checkImportedKey(s *settings, imported ed25519.PrivateKey, replace bool) error {
	if s.signingKey == nil || s.signingKey.Equal(imported) {
		return nil
	}
	path := s.file.Resolve(s.SigningKeyFile)
	if !replace {
		return program.AnswerNo(fmt.Errorf("%s holds another key than vspd's, which is %s. Wallets know the VSP by vspd's. "+
			"If none knows the one that is there, as after vsp init, say --replace-signing-key: it is kept as %s", path,
			base64.StdEncoding.EncodeToString(imported.Public().(ed25519.PublicKey)), path+replacedSuffix))
	}
	if _, err := os.Lstat(path + replacedSuffix); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replace signing key: %s is in the way", path+replacedSuffix)
	}
	return nil
}

// placeSigningKey has a file hold vspd's key. Another key that is there is put aside: checkImportedKey has seen that it may
// be. Cut short, it leaves no key in the file, or the right one.
func placeSigningKey(path string, key ed25519.PrivateKey) error {
	data, err := os.ReadFile(path)
	if err == nil {
		have, err := parseSigningKey(data)
		if err == nil && have.Equal(key) {
			return nil
		}
		if err := os.Rename(path, path+replacedSuffix); err != nil {
			return fmt.Errorf("put signing key aside: %w", err)
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode signing key: %w", err)
	}
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("write signing key: %w", err)
	}
	if err := program.WriteNew(temp, pem.EncodeToMemory(&pem.Block{Type: signingKeyBlock, Bytes: der})); err != nil {
		return fmt.Errorf("write signing key: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("write signing key: %w", err)
	}
	return nil
}
