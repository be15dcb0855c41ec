package journal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrNotSealed says that an entry cannot be proven yet: no checkpoint covers it.
var ErrNotSealed = errors.New("is not sealed yet")

// ErrNoEntry says that a journal has no entry of that number.
var ErrNoEntry = errors.New("is not in the journal")

// Proof shows that a journal has an entry, to whoever has the journal's public key and nothing else. Its text is a tlog-proof
// (C2SP), with the entry's line as the extra data.
type Proof struct {
	Entry      Entry
	Path       tlog.RecordProof // from the entry's hash to the root
	Checkpoint Checkpoint
}

const proofHeader = "c2sp.org/tlog-proof@v1\n"

// Text returns the proof as a file.
func (p Proof) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%sextra %s\nindex %d\n", proofHeader, base64.StdEncoding.EncodeToString(p.Entry.Line()), p.Entry.Number-1)
	for _, hash := range p.Path {
		fmt.Fprintln(&b, hash)
	}
	b.WriteString("\n" + p.Checkpoint.Note)
	return b.String()
}

// VerifyProof reads a proof's text and verifies it with a journal's public key. The error is a *Fault where it proves
// nothing.
func VerifyProof(text string, key PublicKey) (Proof, error) {
	p, err := parseProof(text)
	if err == nil {
		err = key.verify(p.Checkpoint)
	}
	if err == nil {
		err = tlog.CheckRecord(p.Path, p.Checkpoint.Size, p.Checkpoint.Root, p.Entry.Number-1, p.Entry.Hash())
	}
	if err != nil {
		return Proof{}, &Fault{Text: "the proof " + err.Error()}
	}
	return p, nil
}

var errNoProof = errors.New("is no proof of a journal's entry")

// parseProof reads a proof, which must be just as Text writes it.
func parseProof(text string) (Proof, error) {
	head, signed, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || len(text) > 2*maxLine {
		return Proof{}, errNoProof
	}
	extra, isExtra := strings.CutPrefix(lines[1], "extra ")
	line, err := base64.StdEncoding.DecodeString(extra)
	if err != nil || !isExtra {
		return Proof{}, errNoProof
	}
	var p Proof
	if p.Entry, err = parseEntry(line); err != nil {
		return Proof{}, errNoProof
	}
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return Proof{}, errNoProof
		}
		p.Path = append(p.Path, hash)
	}
	if p.Checkpoint, err = parseCheckpoint(signed); err != nil || p.Text() != text {
		return Proof{}, errNoProof
	}
	return p, nil
}

// Prove returns the proof that the journal in a folder has an entry of that number, in its last checkpoint. The whole
// journal is verified. The error wraps ErrNotSealed or ErrNoEntry, or is one of Read's.
func Prove(dir string, key PublicKey, number int64) (Proof, error) {
	var p Proof
	found, err := Read(dir, key, func(e Entry) error {
		if e.Number == number {
			p.Entry = e
		}
		return nil
	})
	switch {
	case err != nil:
		return Proof{}, err
	case p.Entry.Number == 0:
		return Proof{}, fmt.Errorf("entry %d %w", number, ErrNoEntry)
	case number > found.Sealed.Size:
		return Proof{}, fmt.Errorf("entry %d %w: the last checkpoint is on %d entries", number, ErrNotSealed, found.Sealed.Size)
	}
	p.Checkpoint = found.Sealed
	hashes := storedHashes(func(leaf func(tlog.Hash)) error { return eachHash(dir, found.Sealed.Size, leaf) })
	if p.Path, err = tlog.ProveRecord(found.Sealed.Size, number-1, hashes); err != nil {
		return Proof{}, fmt.Errorf("prove entry %d: %w", number, err)
	}
	return VerifyProof(p.Text(), key)
}
