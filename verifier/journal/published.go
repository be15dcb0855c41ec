package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrRewritten says that a journal is not what it was shown to be: entries that one of its checkpoints covers were changed or
// taken out. The checkpoint that was shown and the one it has now prove it, to anybody who has the public key.
var ErrRewritten = errors.New("the journal was written anew behind our back")

// ErrBehind says that a journal has less than it has shown before: it was cut back, or an old answer came.
var ErrBehind = errors.New("the journal has less than it has shown before")

// Open reads a checkpoint that was published and verifies its signature. The error is a *Fault.
func (k PublicKey) Open(signed string) (Checkpoint, error) {
	c, err := parseCheckpoint(signed)
	if err == nil {
		err = k.verify(c)
	}
	if err != nil {
		return Checkpoint{}, &Fault{Text: "the checkpoint " + err.Error()}
	}
	return c, nil
}

// Upholds makes sure that the journal in a folder begins with a tree that was published: a checkpoint's size and root, or a
// report's. The error wraps ErrBehind or ErrRewritten, or is what went wrong with reading. The journal itself is left to Read.
func Upholds(dir string, published tlog.Tree) error {
	hashes := storedHashes(func(leaf func(tlog.Hash)) error { return eachHash(dir, published.N, leaf) })
	root, err := tlog.TreeHash(published.N, hashes)
	switch {
	case errors.Is(err, errShort):
		return fmt.Errorf("%w: %d entries were published", ErrBehind, published.N)
	case err != nil:
		return fmt.Errorf("hold journal against what was published: %w", err)
	case root != published.Hash:
		return fmt.Errorf("%w: its first %d entries are not those that were published", ErrRewritten, published.N)
	}
	return nil
}

var errShort = errors.New("there are fewer entries")

// eachHash gives the hash of each of a journal's first lines, in order, without looking at what is in them.
func eachHash(dir string, count int64, leaf func(tlog.Hash)) error {
	entries, err := os.Open(filepath.Join(dir, FileName))
	if err != nil {
		return err
	}
	defer entries.Close()
	in := newLines(entries)
	for n := range count {
		line, err := in.next()
		if errors.Is(err, io.EOF) {
			err = errShort
		}
		if err != nil {
			return fmt.Errorf("read entry %d: %w", n+1, err)
		}
		leaf(tlog.RecordHash(line))
	}
	return nil
}
