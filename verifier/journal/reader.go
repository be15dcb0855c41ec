package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"
)

// Reader reads entries, one after the other, and makes sure that each follows the one before. It knows nothing of
// checkpoints: Read does.
type Reader struct {
	lines *lines
	tree  edge
	prev  string // hash of the last line; empty before the first
	whole int64  // bytes of the entries read
	torn  int64  // bytes after the last entry, known at the end

	// sealed says whether there is a checkpoint on a tree of that size, and whether it has that root. May be nil.
	sealed func(tlog.Tree) (known, same bool)
}

// NewReader returns a reader of the journal in r, from its first entry on.
func NewReader(r io.Reader) *Reader { return newReaderAfter(r, edge{}, "") }

// newReaderAfter returns a reader of what follows on a tree, whose last record has the hash prev.
func newReaderAfter(r io.Reader, tree edge, prev string) *Reader {
	return &Reader{lines: newLines(r), tree: tree.clone(), prev: prev}
}

// Next returns the next entry. The end is io.EOF; what a writer did not write to its end is not part of the journal. Any
// other error is a *Fault, or what went wrong with reading.
func (r *Reader) Next() (Entry, error) {
	var entry Entry
	line, err := r.lines.next()
	if err == nil {
		entry, err = parseEntry(line)
	}
	if err != nil {
		return Entry{}, r.unreadable(line, err)
	}
	leaf := tlog.RecordHash(line)
	if err := r.misfit(entry, leaf); err != nil {
		return Entry{}, err
	}
	r.tree.add(leaf, nil)
	r.prev = leaf.String()
	r.whole = r.lines.at
	return entry, nil
}

// Tree returns how many entries were read and the root of the tree that they make.
func (r *Reader) Tree() tlog.Tree { return r.tree.tree() }

// unreadable returns what a line is that is no entry: io.EOF where a death explains it.
func (r *Reader) unreadable(line []byte, err error) error {
	number := r.tree.size + 1
	atEnd := errors.Is(err, io.EOF)
	switch {
	case atEnd && len(line) == 0:
		return io.EOF
	case hole(line, r.whole, atEnd), atEnd && tornEntry(line, number):
		if r.torn, err = r.lines.rest(); err != nil {
			return fmt.Errorf("read entry %d: %w", number, err)
		}
		return io.EOF
	case atEnd:
		return entryFault(number, "is cut off, and not as a death would leave it")
	case errors.Is(err, errLong), errors.Is(err, errLayout), errors.Is(err, errData):
		return entryFault(number, "%v", err)
	default:
		return fmt.Errorf("read entry %d: %w", number, err)
	}
}

// tornEntry reports whether a line without an end is the beginning of an entry.
func tornEntry(line []byte, number int64) bool {
	begins := fmt.Appendf(nil, `{"n":%d,"at":"`, number)
	if n := min(len(begins), len(line)); !bytes.Equal(begins[:n], line[:n]) {
		return false
	}
	if _, err := parseEntry(line); err == nil {
		return true // only its end is missing
	}
	var value json.RawMessage
	return errors.Is(json.NewDecoder(bytes.NewReader(line)).Decode(&value), io.ErrUnexpectedEOF)
}

// misfit returns a fault if an entry does not follow on what was read.
func (r *Reader) misfit(entry Entry, leaf tlog.Hash) error {
	switch number := r.tree.size + 1; {
	case entry.Number == number+1:
		return entryFault(number, "is missing: entry %d stands in its place", entry.Number)
	case entry.Number != number:
		return entryFault(number, "has the number %d", entry.Number)
	case entry.Prev != r.prev:
		return r.blame(entry, leaf)
	default:
		return nil
	}
}

// blame says which of two entries that do not fit was changed: the one before, if the one after vouches for the second, or
// a checkpoint vouches for it but for the hash of the one before.
func (r *Reader) blame(entry Entry, leaf tlog.Hash) error {
	before := entryFault(entry.Number-1, "was changed: entry %d has another hash of it", entry.Number)
	this := entryFault(entry.Number, "was changed: it does not follow the entry before it")
	if entry.Number == 1 {
		return this
	}
	if line, err := r.lines.next(); err == nil {
		if next, err := parseEntry(line); err == nil && next.Number == entry.Number+1 && next.Prev == leaf.String() {
			return before
		}
		return this
	}
	if r.sealed != nil {
		mended, tree := entry, r.tree.clone()
		mended.Prev = r.prev
		tree.add(mended.Hash(), nil)
		if known, same := r.sealed(tree.tree()); same {
			return this
		} else if known {
			return before
		}
	}
	this.Text = fmt.Sprintf("does not follow entry %d: one of the two was changed", entry.Number-1)
	return this
}
