package alerts

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// File is a Store in one file, which one process at a time can have open.
type File struct{ db *bbolt.DB }

// lockWait is how long a process that is just ending is waited for.
const lockWait = 2 * time.Second

// The buckets of the file. The first holds "number"; the others hold JSON, by key, by the notice's ID, by address and by name.
var (
	metaBucket      = []byte("meta")
	conditionBucket = []byte("conditions")
	outboxBucket    = []byte("outbox")
	guestBucket     = []byte("guests")
	noteBucket      = []byte("notes")
	numberKey       = []byte("number")
)

// OpenFile opens the file at path, and makes it if it is not there, for its owner's eyes only.
func OpenFile(path string) (*File, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockWait, NoStatistics: true})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("open incidents %s: another process has it open", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open incidents %s: %w: move the file away to begin anew", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{metaBucket, conditionBucket, outboxBucket, guestBucket, noteBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare incidents %s: %w", path, err), db.Close())
	}
	return &File{db}, nil
}

// Close lets other processes open the file.
func (f *File) Close() error { return f.db.Close() }

// Load returns all that is kept.
func (f *File) Load() (State, error) {
	var s State
	err := f.db.View(func(tx *bbolt.Tx) error {
		s.Number = storedNumber(tx)
		s.Notes = map[string]json.RawMessage{}
		return errors.Join(decode(tx.Bucket(conditionBucket), &s.Conditions), decode(tx.Bucket(outboxBucket), &s.Outbox),
			decode(tx.Bucket(guestBucket), &s.Guests), tx.Bucket(noteBucket).ForEach(func(name, note []byte) error {
				s.Notes[string(name)] = bytes.Clone(note)
				return nil
			}))
	})
	if err != nil {
		return State{}, fmt.Errorf("read incidents: %w", err)
	}
	s.sort()
	return s, nil
}

func storedNumber(tx *bbolt.Tx) int {
	if raw := tx.Bucket(metaBucket).Get(numberKey); len(raw) == 8 {
		return int(binary.BigEndian.Uint64(raw))
	}
	return 0
}

// decode appends the values of a bucket.
func decode[T any](b *bbolt.Bucket, into *[]T) error {
	return b.ForEach(func(key, raw []byte) error {
		var value T
		if err := json.Unmarshal(raw, &value); err != nil {
			return fmt.Errorf("entry %q: %w", key, err)
		}
		*into = append(*into, value)
		return nil
	})
}

// Commit makes a change. It returns after the disk has it.
func (f *File) Commit(change Change) error {
	err := f.db.Update(func(tx *bbolt.Tx) error {
		if change.Number > storedNumber(tx) {
			number := binary.BigEndian.AppendUint64(nil, uint64(change.Number))
			if err := tx.Bucket(metaBucket).Put(numberKey, number); err != nil {
				return err
			}
		}
		return errors.Join(storeEach(tx.Bucket(conditionBucket), Key.bytes, change.Conditions),
			storeEach(tx.Bucket(guestBucket), func(to string) []byte { return []byte(to) }, change.Guests),
			storeOutbox(tx.Bucket(outboxBucket), change), storeNotes(tx.Bucket(noteBucket), change))
	})
	if err != nil {
		return fmt.Errorf("store incidents: %w", err)
	}
	return nil
}

// storeEach stores values under their keys, and forgets those that are nil.
func storeEach[K comparable, V any](b *bbolt.Bucket, key func(K) []byte, values map[K]*V) error {
	for k, value := range values {
		if value == nil {
			if err := b.Delete(key(k)); err != nil {
				return err
			}
			continue
		}
		if err := put(b, key(k), value); err != nil {
			return err
		}
	}
	return nil
}

func storeOutbox(b *bbolt.Bucket, change Change) error {
	for _, n := range change.Put {
		if err := put(b, n.ID().bytes(), n); err != nil {
			return err
		}
	}
	for _, id := range change.Done {
		if err := b.Delete(id.bytes()); err != nil {
			return err
		}
	}
	return nil
}

func storeNotes(b *bbolt.Bucket, change Change) error {
	for name, note := range change.Notes {
		if note == nil {
			if err := b.Delete([]byte(name)); err != nil {
				return err
			}
			continue
		}
		if err := b.Put([]byte(name), note); err != nil {
			return err
		}
	}
	return nil
}

func put(b *bbolt.Bucket, key []byte, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return b.Put(key, raw)
}

// bytes is the ID as a key of the file. An incident's ID has no slash.
func (a NoticeID) bytes() []byte { return fmt.Appendf(nil, "%s/%d/%s", a.Incident, a.Seq, a.To) }

// bytes is the Key as a key of the file, where none may be empty.
func (k Key) bytes() []byte { return []byte("/" + k) }
