package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// maxBack is how far an entry's time may lie before that of the entry before it without being noted: clocks are kept right in
// small steps.
const maxBack = time.Second

// Summary is what a whole journal was found to be. What is not in order is no summary but a *Fault.
type Summary struct {
	Tree        tlog.Tree  // of every entry
	Sealed      Checkpoint // the last one; what its size does not cover is not sealed yet
	First, Last time.Time  // of the entries
	Repairs     []Repair   // ends that were torn and cut
	Steps       []Step     // the clock went back
	Torn        int64      // bytes of an entry that was not written to its end
	TornSeal    int64      // bytes of a checkpoint that was not written to its end
}

// Repair is an entry that says what was cut.
type Repair struct {
	Entry int64
	Gap   Gap
}

// Step is an entry whose time lies before that of the entry before it.
type Step struct {
	Entry int64
	Back  time.Duration
}

// Read reads the journal in a folder to its end, gives every entry to take, and verifies all of it: that each entry follows
// the one before, that every checkpoint is signed by the key, and that the entries are those that each one sealed. What take
// was given counts only if Read returns without an error. The journal may be written at the same time.
//
// The error is a *Fault where the journal is not as it was written, or take's own. It wraps os.ErrNotExist if there is no
// journal.
func Read(dir string, key PublicKey, take func(Entry) error) (Summary, error) {
	return read(dir, key, take, nil)
}

// ReadSealed is Read of the entries that a checkpoint covers: the one on just size entries, or the last one if size is 0. All
// of the journal is verified, but take is given these entries alone, and the summary is of them. Where there is no such
// checkpoint the error wraps ErrNotSealed.
func ReadSealed(dir string, key PublicKey, size int64, take func(Entry) error) (Summary, error) {
	var sum Summary
	var pending []Entry
	hold := func(e Entry) error {
		if size == 0 || e.Number <= size {
			pending = append(pending, e)
		}
		return nil
	}
	_, err := read(dir, key, hold, func(c Checkpoint) error {
		if size != 0 && c.Size > size {
			return nil
		}
		for _, e := range pending {
			if err := errors.Join(sum.observe(e), take(e)); err != nil {
				return err
			}
		}
		pending = pending[:0]
		sum.Sealed, sum.Tree = c, tlog.Tree{N: c.Size, Hash: c.Root}
		return nil
	})
	if err == nil && (sum.Sealed.Number == 0 || size != 0 && sum.Sealed.Size != size) {
		err = fmt.Errorf("that there were %d entries %w: no checkpoint says so", size, ErrNotSealed)
	}
	return sum, err
}

// read gives entries to take and checkpoints to sealed, in the order in which they were written.
func read(dir string, key PublicKey, take func(Entry) error, sealed func(Checkpoint) error) (Summary, error) {
	marks, err := os.Open(filepath.Join(dir, CheckpointsName))
	if errors.Is(err, os.ErrNotExist) {
		if _, statErr := os.Stat(filepath.Join(dir, FileName)); statErr == nil {
			return Summary{}, checkpointFault(1, "is gone, and all others with it: there is no such file")
		}
	}
	if err != nil {
		return Summary{}, fmt.Errorf("read journal: %w", err)
	}
	defer marks.Close()
	info, err := marks.Stat()
	if err != nil {
		return Summary{}, fmt.Errorf("read journal: %w", err)
	}
	entries, err := os.Open(filepath.Join(dir, FileName))
	if err != nil {
		return Summary{}, fmt.Errorf("read journal: %w", err)
	}
	defer entries.Close()
	// A checkpoint that comes while the entries are read may be on entries that come too late to be seen.
	s := newScan(entries, io.LimitReader(marks, info.Size()), key)
	s.sealed = sealed
	err = s.run(take)
	return s.sum, err
}

// scan goes over the two files of a journal side by side.
type scan struct {
	key     PublicKey
	entries *Reader
	marks   *checkpointReader
	next    *Checkpoint // the first one whose entries are not all read; nil if there is none
	sum     Summary

	onlySealed bool                   // stop at the last checkpoint
	sealed     func(Checkpoint) error // is given each checkpoint that was found to be in order; may be nil
}

func newScan(entries, marks io.Reader, key PublicKey) *scan {
	s := &scan{key: key, entries: NewReader(entries), marks: newCheckpointReader(marks, key)}
	s.entries.sealed = func(tree tlog.Tree) (known, same bool) {
		known = s.next != nil && s.next.Size == tree.N
		return known, known && s.next.Root == tree.Hash
	}
	return s
}

func (s *scan) run(take func(Entry) error) error {
	if err := s.advance(); err != nil {
		return err
	}
	for {
		if err := s.compare(); err != nil {
			return err
		}
		if s.onlySealed && s.next == nil {
			return s.finish()
		}
		entry, err := s.entries.Next()
		if errors.Is(err, io.EOF) {
			return s.finish()
		}
		if err == nil {
			err = s.sum.observe(entry)
		}
		if err == nil && take != nil {
			err = take(entry)
		}
		if err != nil {
			return err
		}
	}
}

// advance reads the next checkpoint and verifies its signature.
func (s *scan) advance() error {
	next, err := s.marks.next()
	if errors.Is(err, io.EOF) {
		s.next = nil
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.key.verify(next); err != nil {
		return checkpointFault(next.Number, "%v", err)
	}
	s.next = &next
	return nil
}

// compare holds what was read against the checkpoint on just as many entries. Had an entry before the last one been changed
// alone, the entry after it would have shown it.
func (s *scan) compare() error {
	tree := s.entries.tree.size
	if s.next == nil || s.next.Size != tree {
		return nil
	}
	if s.entries.Tree().Hash != s.next.Root {
		fault := entryFault(tree, "was changed, or all from entry %d to it were: they are not what was sealed", s.sum.Sealed.Size+1)
		fault.Checkpoint = s.next.Number
		return fault
	}
	s.sum.Sealed = *s.next
	if s.sealed != nil {
		if err := s.sealed(*s.next); err != nil {
			return err
		}
	}
	return s.advance()
}

// observe notes what a summary tells of single entries.
func (s *Summary) observe(entry Entry) error {
	back := s.Last.Sub(entry.At)
	if entry.Number == 1 {
		s.First = entry.At
	} else if back > maxBack {
		s.Steps = append(s.Steps, Step{entry.Number, back})
	}
	s.Last = entry.At
	if entry.Kind != KindGap {
		return nil
	}
	repair := Repair{Entry: entry.Number}
	if err := json.Unmarshal(entry.Data, &repair.Gap); err != nil {
		return entryFault(entry.Number, "is a gap without a size: %v", err)
	}
	s.Repairs = append(s.Repairs, repair)
	return nil
}

// finish makes sure that nothing is missing at the end.
func (s *scan) finish() error {
	s.sum.Tree, s.sum.Torn, s.sum.TornSeal = s.entries.Tree(), s.entries.torn, s.marks.torn
	switch {
	case s.next != nil:
		fault := entryFault(s.sum.Tree.N+1, "is gone: the checkpoint sealed %d entries, which were safe on the disk", s.next.Size)
		fault.Checkpoint = s.next.Number
		return fault
	case s.marks.last.Number == 0 && s.sum.Tree.N+s.sum.Torn > 0:
		return checkpointFault(1, "is gone, and all others with it: there are %d entries", s.sum.Tree.N)
	default:
		return nil
	}
}
