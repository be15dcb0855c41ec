package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
)

// mirrorFolder is where the copy of a vantage's journal is: in the trial's own journal's folder, so that they go together.
func mirrorFolder(folder, vantage string) string { return filepath.Join(folder, "vantages", vantage) }

// readMirrors adds what the vantages saw, as far as the trial's own journal says that it was pulled.
func readMirrors(folder string, record *verifier.Record) error {
	for _, w := range record.Witnesses {
		held, root := w.Held()
		if held == 0 {
			continue
		}
		err := readMirror(mirrorFolder(folder, w.Name), record, w, tlog.Tree{N: held}, root)
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w\nvspverify run copies it anew while the vantage still has it", err)
		}
		if err != nil {
			return fmt.Errorf("read the copy of vantage %s's journal, of which %d entries were noted: %w", w.Name, held, err)
		}
	}
	return nil
}

// readMirror takes in a copy of a vantage's journal, which must be, entry for entry, what was noted when it was pulled.
func readMirror(folder string, record *verifier.Record, w verifier.Witness, noted tlog.Tree, root string) error {
	key, err := journal.ParsePublicKey(w.Key)
	if err != nil {
		return fmt.Errorf("its key %w", err)
	}
	if noted.Hash, err = tlog.ParseHash(root); err != nil {
		return fmt.Errorf("the root that was noted: %w", err)
	}
	// First of all: what is in an entry counts only if it is what was noted.
	if err := journal.Upholds(folder, noted); err != nil {
		return err
	}
	timely := record.Timely(w)
	_, err = journal.Read(folder, key, func(e journal.Entry) error {
		if e.Number > noted.N {
			return nil // it came after the last note, and when that was is not known
		}
		return record.TakeSeen(w.Name, e.Number, e.Kind, e.Data, timely(e.Number))
	})
	return err
}
