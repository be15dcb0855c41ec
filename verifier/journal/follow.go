package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Follower reads a journal as it grows, up to its last checkpoint, and verifies it as Read does. It holds no file open between
// two readings and takes no lock: who writes does not notice it.
type Follower struct {
	dir string
	key PublicKey

	entries extent
	marks   extent
	tree    edge
	prev    string // hash of the last line
	last    Checkpoint
	sum     Summary
}

// extent is how much of a file was read, and how much there was when it was last looked at, in bytes.
type extent struct{ read, size int64 }

// Follow returns a follower that has read nothing yet of the journal in a folder. There need not be one.
func Follow(dir string, key PublicKey) *Follower {
	return &Follower{dir: dir, key: key, last: Checkpoint{Size: -1}}
}

// Next gives every entry to take that was sealed since the last call, and returns what the whole journal was found to be so
// far. What no checkpoint covers yet is left for a later call. The errors are those of Read. After one, nothing that was given
// counts any more: a new Follower has to begin anew.
func (f *Follower) Next(take func(Entry) error) (Summary, error) {
	marks, err := open(f.dir, CheckpointsName, &f.marks)
	if err != nil {
		return f.sum, fmt.Errorf("follow journal: %w", err)
	}
	defer marks.Close()
	entries, err := open(f.dir, FileName, &f.entries)
	if err != nil {
		return f.sum, fmt.Errorf("follow journal: %w", err)
	}
	defer entries.Close()

	// A checkpoint that comes while the entries are read may be on entries that come too late to be seen.
	s := newScan(entries, io.LimitReader(marks, f.marks.size-f.marks.read), f.key)
	s.onlySealed = true // or else a later checkpoint could be on fewer entries than were read
	s.goOn(f)
	err = s.run(take)
	f.entries.read, f.marks.read = s.entries.whole, s.marks.whole
	f.tree, f.prev, f.last, f.sum = s.entries.tree, s.entries.prev, s.marks.last, s.sum
	return f.sum, err
}

// Bytes returns how many bytes the entries have that were read, and how many there were behind them.
func (f *Follower) Bytes() (read, behind int64) {
	return f.entries.read, f.entries.size - f.entries.read
}

// open opens a file of a journal where it was last read to. A file that has become shorter is not the one that was read.
func open(dir, name string, e *extent) (*os.File, error) {
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		if e.size = info.Size(); e.size < e.read {
			err = &Fault{File: name, Text: fmt.Sprintf("has become shorter: %d bytes of it were read, and it has %d", e.read, e.size)}
		}
	}
	if err == nil {
		_, err = file.Seek(e.read, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// goOn puts a scan where a follower is.
func (s *scan) goOn(f *Follower) {
	s.entries.tree, s.entries.prev = f.tree.clone(), f.prev
	s.entries.whole, s.entries.lines.at = f.entries.read, f.entries.read
	s.marks.whole, s.marks.lines.at = f.marks.read, f.marks.read
	s.marks.last, s.sum = f.last, f.sum
}
