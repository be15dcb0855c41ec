package sqlstore

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/crypto/chacha20poly1305"
)

// ReadKeyFile returns the key of 32 bytes in a file: as they are, or as 64 hexadecimal digits. A file that others than
// its owner may read or write is refused.
func ReadKeyFile(path string) ([]byte, error) {
	key, err := readKeyFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key file %s: %w", path, err)
	}
	return key, nil
}

func readKeyFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, pathless(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, pathless(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return nil, fmt.Errorf("its mode %04o lets others than its owner at it: chmod 600", info.Mode().Perm())
	}
	// Far more than a key, so that what is too long is seen to be.
	text, err := io.ReadAll(io.LimitReader(file, 1024))
	if err != nil {
		return nil, pathless(err)
	}
	return parseKey(text)
}

// parseKey never says what it has read.
func parseKey(text []byte) ([]byte, error) {
	const size = chacha20poly1305.KeySize
	if len(text) == size {
		return text, nil
	}
	digits := bytes.TrimSpace(text)
	key := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(key, digits); err != nil || len(key) != size {
		return nil, fmt.Errorf("it is neither %d bytes nor %d hexadecimal digits", size, 2*size)
	}
	return key, nil
}

// WriteKeyFile creates a file with a fresh key, readable by its owner only. A file that is there is left as it is, and
// is an error. The key is on the disk when it returns.
func WriteKeyFile(path string) error {
	if err := writeKeyFile(path); err != nil {
		return fmt.Errorf("write key file %s: %w", path, pathless(err))
	}
	return nil
}

func writeKeyFile(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	key := make([]byte, chacha20poly1305.KeySize)
	_, _ = rand.Read(key) // it never fails: see crypto/rand
	_, err = fmt.Fprintf(file, "%x\n", key)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// pathless returns the cause of an error that names its file, where the caller names it.
func pathless(err error) error {
	var of *os.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
