// Package journal is the append-only, signed log of everything seen.
//
// A journal is a folder of two files. FileName has one entry a line: numbered, timed, each with the hash of the line before
// it, so that a changed entry is named. Each line is also a record of a Merkle tree (RFC 6962), and CheckpointsName has the
// statements on that tree that the journal's key signed, one after the other: how many entries, the tree's root, and a block
// that was known (C2SP tlog-checkpoint, signed-note). Package note and tlog of golang.org/x/mod, and whatever else reads
// these formats, verify them just as well.
//
// # What is promised
//
// An entry that Append has returned survives the death of the process, and one that Sync or Seal has followed the loss of
// power. A checkpoint is written only after its entries have reached the disk: one that covers more than there is was never
// left by a death. What a death tore off the end of either file is cut when the journal is opened again, and an entry says
// so; whatever else is not as it was written is refused, and named. After the first write that goes wrong nothing more is
// written.
//
// # What an attacker can do
//
// Who can write the files but holds no key cannot change, add, move or take out anything that a checkpoint covers: Read finds
// it with nothing but the public key. He can cut both files back to an earlier checkpoint, and write what he likes behind the
// last one that he leaves; entries behind the last checkpoint are shown as not sealed. A writer that is started again takes
// them for its own and seals them: whoever can write on the machine of the writer is trusted as the writer is.
//
// Who holds the key can write the whole journal anew. He cannot make a checkpoint seem older than the block in it.
//
// Both are ended by publishing a checkpoint: by giving it, or a report with its size and root, to anybody else. From then on
// every journal that does not begin with just these entries is exposed by that checkpoint, and two that contradict each other
// under one key prove that its holder wrote two histories. A Mirror holds all that it was shown against what follows. What
// came before the first publication rests on the word of the key's holder, and nothing shows that what was never written
// is missing.
//
// What entries mean is left to others.
package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// FileName is the file of a journal's entries in its folder.
const FileName = "journal.jsonl"

// KindGap is the kind of the entry that is added where the end of the journal was torn. Its data is a Gap.
const KindGap = "gap"

// Gap says what was cut off when a journal was opened.
type Gap struct {
	Cut     int64 `json:"cut_bytes"`      // of the entries
	CutSeal int64 `json:"cut_seal_bytes"` // of the checkpoints
}

// ErrInUse says that another process has the journal open for writing.
var ErrInUse = errors.New("journal is in use by another process")

// file is what a journal writes to.
type file interface {
	io.WriteCloser
	Sync() error
}

// Journal is a journal open for writing. It is safe for concurrent use.
type Journal struct {
	key Key
	now func() time.Time

	mu      sync.Mutex // owns what follows
	entries file
	marks   file
	tree    edge
	prev    string     // hash of the last line
	last    Checkpoint // the last one that has reached the disk
	block   Block      // the newest that is known
	synced  int64      // entries that have reached the disk; -1 if that is not known
	err     error      // the first write that went wrong; nothing is written after it
}

// Open opens the journal in a folder for writing, and makes it if there is none. Only one process can. The whole journal is
// verified; what a death tore off its end is cut. An error wraps ErrInUse, or a *Fault where the journal is not as this key's
// holder wrote it.
func Open(dir string, key Key, now func() time.Time) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	marks, err := openFile(dir, CheckpointsName)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if err := lock(marks); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", dir, err), marks.Close())
	}
	entries, err := openFile(dir, FileName)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open journal: %w", err), marks.Close())
	}
	j := &Journal{key: key, now: now, entries: entries, marks: marks}
	if err := j.resume(dir, entries, marks); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", dir, err), entries.Close(), marks.Close())
	}
	return j, nil
}

func openFile(dir, name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o600)
}

// lock keeps other writers out until the file is closed, be it by a death.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	return err
}

// Append writes an entry and returns its number. After an error the journal takes nothing more: what follows a hole would
// be taken for the whole.
func (j *Journal) Append(kind string, data any) (int64, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return 0, fmt.Errorf("append to journal: encode %s: %w", kind, err)
	}
	if !validKind(kind) {
		return 0, fmt.Errorf("append to journal: %q is no kind of entry", kind)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return 0, j.err
	}
	entry := Entry{Number: j.tree.size + 1, At: j.now().UTC(), Kind: kind, Prev: j.prev, Data: raw}
	line := entry.Line()
	if len(line) >= maxLine {
		return 0, fmt.Errorf("append to journal: %s of %d bytes: at most %d fit", kind, len(line), maxLine)
	}
	if _, err := j.entries.Write(append(line, '\n')); err != nil {
		j.err = fmt.Errorf("append to journal: %w", err)
		return 0, j.err
	}
	leaf := entry.Hash()
	j.tree.add(leaf, nil)
	j.prev = leaf.String()
	return entry.Number, nil
}

// Sync makes all that was appended survive a loss of power.
func (j *Journal) Sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.sync()
}

func (j *Journal) sync() error {
	if j.err != nil || j.synced == j.tree.size {
		return j.err
	}
	if err := j.entries.Sync(); err != nil {
		j.err = fmt.Errorf("sync journal: %w", err) // what did reach the disk cannot be known any more
		return j.err
	}
	j.synced = j.tree.size
	return nil
}

// Seal makes all that was appended survive a loss of power, and then signs a checkpoint on it, with the newest block that is
// known; a zero Block leaves the last one standing. It returns the last checkpoint, a new one only if entries were added.
func (j *Journal) Seal(newest Block) (Checkpoint, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if newest != (Block{}) {
		j.block = newest
	}
	err := j.seal()
	return j.last, err
}

// seal writes a checkpoint only when its entries have reached the disk: what a death leaves is never a checkpoint without
// them. The caller holds the lock.
func (j *Journal) seal() error {
	if err := j.sync(); err != nil || j.last.Size == j.tree.size {
		return err
	}
	tree := j.tree.tree()
	next, err := j.key.sign(Checkpoint{Number: j.last.Number + 1, Size: tree.N, Root: tree.Hash, Block: j.block})
	if err == nil {
		_, err = io.WriteString(j.marks, next.Note+"\n")
	}
	if err == nil {
		err = j.marks.Sync()
	}
	if err != nil {
		j.err = fmt.Errorf("write checkpoint %d: %w", j.last.Number+1, err)
		return j.err
	}
	j.last = next
	return nil
}

// Close seals what was appended, ends writing and gives the journal free for others.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.seal()
	j.err = errors.New("journal is closed")
	return errors.Join(err, j.entries.Close(), j.marks.Close())
}
