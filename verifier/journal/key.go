package journal

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// maxOrigin bounds a journal's name: what others that read checkpoints take.
const maxOrigin = 255

// Origin returns the name of the journal that a vantage keeps of a trial. It stands in each checkpoint and in the key, so
// that no journal can pass for another one.
func Origin(trial, vantage string) (string, error) {
	escape := func(s string) string { return strings.ReplaceAll(url.PathEscape(s), "+", "%2B") }
	origin := escape(trial) + "/" + escape(vantage)
	if trial == "" || vantage == "" || len(origin) > maxOrigin {
		return "", fmt.Errorf("name the journal of trial %q at vantage %q: both must have a name, of at most %d bytes in all", trial, vantage, maxOrigin)
	}
	return origin, nil
}

// PublicKey is what a journal's checkpoints are verified with: the journal's origin and an Ed25519 key. Its text is a
// verifier key of signed notes (C2SP), such as vsp.example.org/local+c74f20a3+ARpc2QcU...
type PublicKey struct {
	text     string
	verifier note.Verifier
}

// ParsePublicKey reads a key's text.
func ParsePublicKey(text string) (PublicKey, error) {
	_, encoded, _ := strings.Cut(text, "+")
	_, encoded, _ = strings.Cut(encoded, "+")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	verifier, verifierErr := note.NewVerifier(text)
	if err != nil || verifierErr != nil {
		return PublicKey{}, errors.New("is no public key of a journal, ORIGIN+HASH+KEY")
	}
	key, err := newPublicKey(verifier.Name(), raw[1:])
	if err != nil || key.text != text {
		return PublicKey{}, errors.New("is no public key of a journal as it is written")
	}
	return key, nil
}

func newPublicKey(origin string, key ed25519.PublicKey) (PublicKey, error) {
	text, err := note.NewEd25519VerifierKey(origin, key)
	if err != nil {
		return PublicKey{}, err
	}
	verifier, err := note.NewVerifier(text)
	return PublicKey{text, verifier}, err
}

// Origin returns the name of the journal that the key is of.
func (k PublicKey) Origin() string { return k.verifier.Name() }

// String returns the key's text.
func (k PublicKey) String() string { return k.text }

// Key signs the checkpoints of one journal. It must not be used for a second one: two journals of one key look as if one
// of them were a forgery of the other. There is no way to print it.
type Key struct {
	signer note.Signer
	public PublicKey
}

// Public returns the half that may be known.
func (k Key) Public() PublicKey { return k.public }

// SignNote signs a text that is no checkpoint, as a signed note (C2SP). Its first line must have a space in it: no origin has one,
// so that what is signed here can never pass for a checkpoint.
func (k Key) SignNote(text string) (string, error) {
	if first, _, _ := strings.Cut(text, "\n"); !strings.Contains(first, " ") {
		return "", fmt.Errorf("sign note: its first line %q could be that of a checkpoint", first)
	}
	signed, err := note.Sign(&note.Note{Text: text}, k.signer)
	if err != nil {
		return "", fmt.Errorf("sign note: %w", err)
	}
	return string(signed), nil
}

// OpenNote returns the text of a note that SignNote signed. One that the key did not sign, or with anything added, is an error.
func (k PublicKey) OpenNote(signed string) (string, error) {
	text, err := k.open(signed)
	if err != nil {
		return "", fmt.Errorf("the note %w", err)
	}
	if first, _, _ := strings.Cut(text, "\n"); !strings.Contains(first, " ") {
		return "", errors.New("the note is a checkpoint, or could be one")
	}
	return text, nil
}

// A key file has one line, in the form of a signer key of notes: PRIVATE+KEY+ORIGIN+HASH+SEED. Unlike PKCS #8 it says
// which journal it is of, and its hash shows any damage to it.
const keyPrefix = "PRIVATE+KEY+"

// parseKey reads a key file. Its error never shows what is in it.
func parseKey(raw string) (Key, error) {
	bad := errors.New("is no key of a journal as it was written")
	text, ok := strings.CutSuffix(raw, "\n")
	fields := strings.SplitN(strings.TrimPrefix(text, keyPrefix), "+", 3)
	signer, err := note.NewSigner(text)
	if !ok || err != nil || len(fields) != 3 {
		return Key{}, bad
	}
	seed, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return Key{}, bad
	}
	private := ed25519.NewKeyFromSeed(seed[1:])
	public, err := newPublicKey(signer.Name(), private.Public().(ed25519.PublicKey))
	if err != nil || keyText(public, private) != text {
		return Key{}, bad
	}
	return Key{signer, public}, nil
}

func keyText(public PublicKey, private ed25519.PrivateKey) string {
	seed := append([]byte{1}, private.Seed()...) // 1 is Ed25519, as in the public key
	return fmt.Sprintf("%s%s+%08x+%s", keyPrefix, public.Origin(), public.verifier.KeyHash(), base64.StdEncoding.EncodeToString(seed))
}

// CreateKey makes a new key for the journal of that origin and writes it to path, which must not exist, readable by its
// owner alone. The public key goes to path with .pub behind it.
func CreateKey(path, origin string) (Key, error) {
	if unsafe := func(r rune) bool { return r <= ' ' || r > '~' }; len(origin) > maxOrigin || strings.ContainsFunc(origin, unsafe) {
		return Key{}, fmt.Errorf("make a journal's key: the origin %q must be of printable ASCII, at most %d bytes", origin, maxOrigin)
	}
	secret, _, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return Key{}, fmt.Errorf("make a journal's key: %w", err)
	}
	key, err := parseKey(secret + "\n")
	if err != nil {
		return Key{}, fmt.Errorf("make a journal's key: the origin %q must not be empty and have no + in it", origin)
	}
	if _, err := os.Lstat(path); err == nil {
		return Key{}, fmt.Errorf("make a journal's key: %w: %s", os.ErrExist, path)
	}
	// The public half goes first: without the other one it binds nobody, should this end here.
	err = errors.Join(
		place(path+".pub", key.public.text+"\n", 0o644, os.Rename),
		place(path, secret+"\n", 0o600, os.Link),
		syncFolder(filepath.Dir(path)))
	if err != nil {
		return Key{}, fmt.Errorf("make a journal's key: %w", err)
	}
	return key, nil
}

// place writes a file that is whole as soon as it has its name.
func place(path, text string, mode os.FileMode, name func(from, to string) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".key")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // of what still has that name
	_, err = file.WriteString(text)
	if err := errors.Join(err, file.Chmod(mode), file.Sync(), file.Close()); err != nil {
		return err
	}
	return name(file.Name(), path)
}

// ReadKey reads the key that CreateKey wrote. One that others may read is refused.
func ReadKey(path string) (Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Key{}, fmt.Errorf("read the journal's key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Key{}, fmt.Errorf("read the journal's key: %s may be read by others (mode %#o): chmod 600 %[1]s", path, mode)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("read the journal's key: %w", err)
	}
	key, err := parseKey(string(raw))
	if err != nil {
		return Key{}, fmt.Errorf("read the journal's key: %s %w", path, err)
	}
	return key, nil
}

// ReadPublicKey reads a file that holds a public key.
func ReadPublicKey(path string) (PublicKey, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return PublicKey{}, fmt.Errorf("read the journal's public key: %w", err)
	}
	key, err := ParsePublicKey(strings.TrimSuffix(string(raw), "\n"))
	if err != nil {
		return PublicKey{}, fmt.Errorf("read the journal's public key: %s %w", path, err)
	}
	return key, nil
}
