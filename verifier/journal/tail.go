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

// PieceSize is a good size of pieces: some thousand entries.
const PieceSize = 4 << 20

// Tail returns what the journal in a folder has after a number of entries, up to the first checkpoint behind limit bytes of
// them, or to the last one. A journal that has nothing more, or less than that, gives its last checkpoint and no entries.
// Tail does not verify the journal: who gets the piece does. The journal may be written at the same time.
func Tail(dir string, key PublicKey, after int64, limit int) (*Piece, error) {
	all, err := readCheckpoints(dir, key)
	if err == nil && (after < 0 || len(all) == 0) {
		err = fmt.Errorf("there are %d checkpoints, and nothing is after %d entries", len(all), after)
	}
	if err != nil {
		return nil, fmt.Errorf("read the tail of a journal: %w", err)
	}
	p := &Piece{After: tlog.Tree{N: after}, Checkpoints: all[len(all)-1:]}
	if p.last().Size < after {
		return p, nil
	}
	for all[0].Size < after {
		all = all[1:]
	}
	if err := p.fill(dir, all, limit); err != nil {
		return nil, fmt.Errorf("read the tail of a journal: %w", err)
	}
	if after == 0 {
		return p, nil
	}
	size := p.last().Size
	hashes := storedHashes(func(leaf func(tlog.Hash)) error { return eachHash(dir, size, leaf) })
	if p.Proof, err = tlog.ProveTree(size, after, hashes); err != nil {
		return nil, fmt.Errorf("prove that %d entries lead to %d: %w", after, size, err)
	}
	return p, nil
}

// readCheckpoints reads a journal's checkpoints without verifying them.
func readCheckpoints(dir string, key PublicKey) ([]Checkpoint, error) {
	marks, err := os.Open(filepath.Join(dir, CheckpointsName))
	if err != nil {
		return nil, err
	}
	defer marks.Close()
	var all []Checkpoint
	for in := newCheckpointReader(marks, key); ; {
		next, err := in.next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, next)
	}
}

// fill puts checkpoints into a piece, and the lines that they cover: as many as limit bytes take, but up to one checkpoint at
// least that is on more than there was. What comes before becomes the root that the piece leads on from.
func (p *Piece) fill(dir string, all []Checkpoint, limit int) error {
	entries, err := os.Open(filepath.Join(dir, FileName))
	if err != nil {
		return err
	}
	defer entries.Close()
	in := newLines(entries)
	var b strings.Builder
	var before edge
	n := int64(0)
	for i, c := range all {
		for ; n < c.Size; n++ {
			line, err := in.next()
			if err != nil {
				return fmt.Errorf("read entry %d: %w", n+1, err)
			}
			if n < p.After.N {
				before.add(tlog.RecordHash(line), nil)
				continue
			}
			b.Write(line)
			b.WriteByte('\n')
		}
		p.Checkpoints = all[:i+1]
		if b.Len() >= limit && c.Size > p.After.N {
			break
		}
	}
	p.After.Hash, p.Entries = before.tree().Hash, b.String()
	return nil
}
