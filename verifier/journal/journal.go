// Package journal is the append-only log of everything seen: numbered, timed, each entry chained to the one before.
//
// An entry that Append has returned survives the death of the process. One that Sync has followed survives the loss of
// power; the owner calls it once a round, so that no more than a round can be lost. What a death tore off the end is cut
// when the journal is opened again, and an entry says so. Each entry carries the hash of the line before it: an edit
// anywhere but in the last line is found and named. What entries mean is left to others.
package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
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

// FileName is the journal's file in its folder.
const FileName = "journal.jsonl"

// KindGap is the kind of the entry that is added where the end of the journal was torn. Its data is a Gap.
const KindGap = "gap"

// Gap says what was cut off when a journal was opened.
type Gap struct {
	Cut int64 `json:"cut_bytes"`
}

// ErrInUse says that another process has the journal open for writing.
var ErrInUse = errors.New("journal is in use by another process")

// Entry is one line of a journal.
type Entry struct {
	Number int64           `json:"n"`    // from 1, without a gap
	At     time.Time       `json:"at"`   // when it was written, UTC
	Kind   string          `json:"kind"` // what Data is
	Prev   string          `json:"prev"` // SHA-256 of the line before, without its end, in hex; empty in the first
	Data   json.RawMessage `json:"data"`
}

// Journal is a journal open for writing. It is safe for concurrent use.
type Journal struct {
	now func() time.Time

	mu   sync.Mutex // owns what follows
	file *os.File
	next int64
	prev string
	err  error // the first write that went wrong; nothing is written after it
}

// Open opens the journal in a folder for writing, and makes it if there is none. Only one process can. What a death tore
// off the end is cut. An error wraps ErrInUse, or a *Fault where the journal was edited.
func Open(dir string, now func() time.Time) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	path := filepath.Join(dir, FileName)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{now: now, file: file, next: 1}
	if err := errors.Join(j.resume(), syncFolder(dir)); err != nil {
		file.Close()
		return nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	return j, nil
}

// resume locks the file, reads it to its end, and cuts what is torn.
func (j *Journal) resume() error {
	if err := syscall.Flock(int(j.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return ErrInUse
		}
		return fmt.Errorf("lock: %w", err)
	}
	r := NewReader(j.file)
	for {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	j.next, j.prev = r.next, r.prev
	if r.torn > 0 {
		if err := j.file.Truncate(r.whole); err != nil {
			return fmt.Errorf("cut torn end: %w", err)
		}
	}
	if _, err := j.file.Seek(r.whole, io.SeekStart); err != nil {
		return err
	}
	if r.torn > 0 {
		if _, err := j.Append(KindGap, Gap{Cut: r.torn}); err != nil {
			return err
		}
		return j.Sync()
	}
	return nil
}

// Append writes an entry and returns its number. After an error the journal takes nothing more: what follows a hole would
// be taken for the whole.
func (j *Journal) Append(kind string, data any) (int64, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return 0, fmt.Errorf("append to journal: encode %s: %w", kind, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return 0, j.err
	}
	entry := Entry{Number: j.next, At: j.now().UTC(), Kind: kind, Prev: j.prev, Data: raw}
	line, err := json.Marshal(entry)
	if err != nil {
		return 0, fmt.Errorf("append to journal: encode entry %d: %w", entry.Number, err)
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		j.err = fmt.Errorf("append to journal: %w", err)
		return 0, j.err
	}
	j.next++
	j.prev = hashOf(line)
	return entry.Number, nil
}

// Sync makes all that was appended survive a loss of power.
func (j *Journal) Sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	if err := j.file.Sync(); err != nil {
		j.err = fmt.Errorf("sync journal: %w", err)
	}
	return j.err
}

// Close ends writing and gives the journal free for others.
func (j *Journal) Close() error {
	return errors.Join(j.Sync(), j.file.Close())
}

// syncFolder makes a new file's name survive a loss of power.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func hashOf(line []byte) string {
	sum := sha256.Sum256(bytes.TrimSuffix(line, []byte{'\n'}))
	return hex.EncodeToString(sum[:])
}
