package journal

import (
	"fmt"
	"strings"
)

// Fault says where a journal is not as it was written. It is evidence against the copy that was read, and not a failure to
// read it.
type Fault struct {
	File       string // FileName or CheckpointsName; empty of what is no file of a journal: a piece, a proof
	Entry      int64  // the entry that is at fault; 0 if none is named
	Checkpoint int64  // the checkpoint that is at fault or that shows it; 0 if none is named
	Text       string
}

func (f *Fault) Error() string {
	var where []string
	if f.File != "" {
		where = append(where, f.File)
	}
	if f.Entry > 0 {
		where = append(where, fmt.Sprintf("entry %d", f.Entry))
	}
	if f.Checkpoint > 0 {
		where = append(where, fmt.Sprintf("checkpoint %d", f.Checkpoint))
	}
	return strings.Join(append(where, f.Text), ": ")
}

func entryFault(number int64, format string, args ...any) *Fault {
	return &Fault{File: FileName, Entry: number, Text: fmt.Sprintf(format, args...)}
}

func checkpointFault(number int64, format string, args ...any) *Fault {
	return &Fault{File: CheckpointsName, Checkpoint: number, Text: fmt.Sprintf(format, args...)}
}
