package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Mirror is a copy of a journal that is kept elsewhere. It only ever grows, and it holds what its checkpoints cover, nothing
// more: its files are the beginnings of the journal's own. One process may have it open. It is not for concurrent use.
type Mirror struct {
	key            PublicKey
	entries, marks *os.File
	tree           edge
	prev           string     // hash of the last line
	last           Checkpoint // before the first one its number is 0 and its size -1
	err            error      // the first write that went wrong; the mirror must be opened anew
}

// OpenMirror opens the copy in a folder, and makes an empty one if there is none. All of it is verified. What a death left
// behind the last checkpoint is cut: the journal still has it.
func OpenMirror(dir string, key PublicKey) (*Mirror, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	marks, err := openFile(dir, CheckpointsName)
	if err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	if err := lock(marks); err != nil {
		return nil, errors.Join(fmt.Errorf("open mirror %s: %w", dir, err), marks.Close())
	}
	entries, err := openFile(dir, FileName)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open mirror: %w", err), marks.Close())
	}
	m := &Mirror{key: key, entries: entries, marks: marks}
	if err := errors.Join(m.resume(), syncFolder(dir), syncFolder(filepath.Dir(dir))); err != nil {
		return nil, errors.Join(fmt.Errorf("open mirror %s: %w", dir, err), m.Close())
	}
	return m, nil
}

// resume verifies what is there, and cuts it behind the last checkpoint.
func (m *Mirror) resume() error {
	s := newScan(m.entries, m.marks, m.key)
	s.onlySealed, s.marks.many = true, true
	if err := s.run(nil); err != nil {
		return err
	}
	m.tree, m.prev, m.last = s.entries.tree, s.entries.prev, s.marks.last
	if err := errors.Join(cut(m.entries, s.entries.whole), cut(m.marks, s.marks.whole)); err != nil {
		return fmt.Errorf("cut torn end: %w", err)
	}
	return errors.Join(m.entries.Sync(), m.marks.Sync())
}

// Size returns how many entries the mirror has: what to ask the tail after.
func (m *Mirror) Size() int64 { return m.tree.size }

// Last returns the last checkpoint; its number is 0 if there is none.
func (m *Mirror) Last() Checkpoint { return m.last }

// Append adds a piece, if all of it leads on from what the mirror has; if not, nothing of it is written. The error wraps
// ErrRewritten, ErrBehind, or a *Fault where the piece is not in order and proves nothing.
func (m *Mirror) Append(p *Piece) error {
	if m.err != nil {
		return m.err
	}
	added, err := m.lead(p)
	if err != nil || len(added) == 0 {
		return err
	}
	read, err := m.check(p, added)
	if err != nil {
		return err
	}
	// As in a journal: no checkpoint before its entries are on the disk.
	_, err = m.entries.WriteString(p.Entries)
	if err == nil {
		err = m.entries.Sync()
	}
	for _, c := range added {
		if err == nil {
			_, err = m.marks.WriteString(c.Note + "\n")
		}
	}
	if err == nil {
		err = m.marks.Sync()
	}
	if err != nil {
		m.err = fmt.Errorf("write mirror: %w", err)
		return m.err
	}
	m.tree, m.prev, m.last = read.tree, read.prev, p.last()
	return nil
}

// lead returns a piece's checkpoints that the mirror does not have, after making sure that they are signed and lead on from
// the last one that it has.
func (m *Mirror) lead(p *Piece) ([]Checkpoint, error) {
	for _, c := range p.Checkpoints {
		if err := m.key.verify(c); err != nil {
			return nil, &Fault{Checkpoint: c.Number, Text: err.Error()}
		}
	}
	newest, added := p.last(), p.Checkpoints
	if newest.Size < m.last.Size {
		return nil, fmt.Errorf("%w: %d entries, and it was %d", ErrBehind, newest.Size, m.last.Size)
	}
	if p.After.N != m.tree.size {
		return nil, &Fault{Text: fmt.Sprintf("the piece is what comes after %d entries, and there are %d", p.After.N, m.tree.size)}
	}
	if first := added[0]; first.Size == m.last.Size {
		if first.Note != m.last.Note {
			return nil, fmt.Errorf("%w: it has signed two checkpoints on %d entries", ErrRewritten, first.Size)
		}
		added = added[1:]
	}
	if err := m.consistent(p); err != nil {
		return nil, err
	}
	return added, inOrder(m.last, added)
}

// consistent makes sure that the mirror's tree is the beginning of the one that a piece leads to.
func (m *Mirror) consistent(p *Piece) error {
	newest, ours := p.last(), m.tree.tree()
	unproven := len(p.Proof) > 0 || p.After.Hash != ours.Hash
	if ours.N > 0 {
		unproven = tlog.CheckTree(p.Proof, newest.Size, newest.Root, p.After.N, p.After.Hash) != nil
	}
	if unproven {
		return &Fault{Checkpoint: newest.Number, Text: "the piece does not prove what leads to it"}
	}
	if p.After.Hash != ours.Hash {
		return fmt.Errorf("%w: checkpoint %d is on other entries up to %d than it has shown", ErrRewritten, newest.Number, ours.N)
	}
	return nil
}

// inOrder makes sure that checkpoints follow each other.
func inOrder(before Checkpoint, all []Checkpoint) error {
	for _, c := range all {
		if c.Number != before.Number+1 || c.Size <= before.Size {
			return &Fault{Checkpoint: c.Number, Text: fmt.Sprintf("does not follow checkpoint %d", before.Number)}
		}
		before = c
	}
	return nil
}

// check reads a piece's entries and holds them against its checkpoints.
func (m *Mirror) check(p *Piece, added []Checkpoint) (*Reader, error) {
	r := newReaderAfter(strings.NewReader(p.Entries), m.tree, m.prev)
	for _, c := range added {
		for r.tree.size < c.Size {
			if _, err := r.Next(); errors.Is(err, io.EOF) {
				return nil, &Fault{Entry: r.tree.size + 1, Checkpoint: c.Number, Text: "is missing in the piece"}
			} else if err != nil {
				return nil, err
			}
		}
		if r.Tree().Hash != c.Root {
			return nil, &Fault{Entry: c.Size, Checkpoint: c.Number, Text: "was changed, or one before it: they are not what was sealed"}
		}
	}
	if r.whole != int64(len(p.Entries)) {
		return nil, &Fault{Entry: r.tree.size + 1, Text: "is in the piece, and no checkpoint covers it"}
	}
	return r, nil
}

// Close gives the mirror free for others.
func (m *Mirror) Close() error {
	m.err = errors.New("mirror is closed")
	return errors.Join(m.entries.Close(), m.marks.Close())
}
