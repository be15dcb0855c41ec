package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// resume verifies what is there, cuts what is torn, and goes on where it ends. A new journal gets its first checkpoint, on
// nothing, before it has an entry: so that entries without a checkpoint are never what a death has left.
func (j *Journal) resume(dir string, entries, marks *os.File) error {
	s := newScan(entries, marks, j.key.public)
	if err := s.run(nil); err != nil {
		return err
	}
	j.tree, j.prev = s.entries.tree, s.entries.prev
	j.last, j.block = s.marks.last, s.marks.last.Block
	j.synced = -1 // what the last writer left may not have reached the disk
	if err := errors.Join(cut(entries, s.entries.whole), cut(marks, s.marks.whole)); err != nil {
		return fmt.Errorf("cut torn end: %w", err)
	}
	if j.last.Number == 0 {
		if err := j.seal(); err != nil {
			return err
		}
	}
	if gap := (Gap{Cut: s.entries.torn, CutSeal: s.marks.torn}); gap != (Gap{}) {
		if _, err := j.Append(KindGap, gap); err != nil {
			return err
		}
	}
	return errors.Join(j.sync(), marks.Sync(), syncFolder(dir), syncFolder(filepath.Dir(dir)))
}

// cut cuts a file to a size, and goes to its end.
func cut(f *os.File, size int64) error {
	if err := f.Truncate(size); err != nil {
		return err
	}
	_, err := f.Seek(size, io.SeekStart)
	return err
}

// syncFolder makes a new file's name survive a loss of power.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
