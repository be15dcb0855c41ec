package verifier

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// FileChange is what became otherwise in a file that somebody keeps beside the trial. All changes, one after the other, give
// the file byte for byte, so that what the VSP signed can be verified again.
type FileChange struct {
	File  string `json:"file"` // one of the names below
	Edits []Edit `json:"edits"`
	Hash  string `json:"sha256"` // of the whole file after it, hex; empty where more of the same change follows
}

// Files beside the trial.
const (
	FileTickets    = "tickets"
	FileDrills     = "drills"
	FileDeployment = "deployment"
)

// Edit is one place of a file that changed. Edits follow one another: each is on what the one before it has left.
type Edit struct {
	Line int      `json:"line"` // from 0
	Drop int      `json:"drop,omitempty"`
	Add  []string `json:"add,omitempty"` // lines, with their ends
}

// What a file may have. An entry of the journal holds no more, even where every byte is escaped.
const (
	maxFileLine   = 64 << 10
	maxFileChange = 128 << 10
)

// History is a file as it was followed.
type History struct{ lines []string }

// Text returns the whole file as it was last.
func (h *History) Text() string { return strings.Join(h.lines, "") }

// Changes returns what leads from the file as it was last to a text. It is nothing where they are the same.
func (h *History) Changes(file, text string) ([]FileChange, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("it is not text (UTF-8)")
	}
	lines := splitLines(text)
	if i := slices.IndexFunc(lines, func(line string) bool { return len(line) > maxFileLine }); i >= 0 {
		return nil, fmt.Errorf("line %d: is longer than %d bytes", i+1, maxFileLine)
	}
	edits := edit(h.lines, lines)
	if len(edits) == 0 {
		return nil, nil
	}
	changes := []FileChange{{File: file}}
	room := maxFileChange
	for _, e := range edits {
		for _, part := range e.parts() {
			last := &changes[len(changes)-1]
			if part.size() > room {
				changes, room = append(changes, FileChange{File: file}), maxFileChange
				last = &changes[len(changes)-1]
			}
			last.Edits = append(last.Edits, part)
			room -= part.size()
		}
	}
	changes[len(changes)-1].Hash = hashText(text)
	return changes, nil
}

// Apply takes in a change, and reports whether the file is whole after it.
func (h *History) Apply(c FileChange) (whole bool, err error) {
	for _, e := range c.Edits {
		if e.Line < 0 || e.Drop < 0 || e.Line+e.Drop > len(h.lines) {
			return false, fmt.Errorf("the file %q has %d lines, and of line %d on %d are to go", c.File, len(h.lines), e.Line, e.Drop)
		}
		h.lines = slices.Replace(h.lines, e.Line, e.Line+e.Drop, e.Add...)
	}
	if c.Hash == "" {
		return false, nil
	}
	if got := hashText(h.Text()); got != c.Hash {
		return false, fmt.Errorf("the file %q has the hash %s by its changes, and %s by the entry", c.File, got, c.Hash)
	}
	return true, nil
}

func hashText(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func splitLines(text string) []string {
	return slices.DeleteFunc(strings.SplitAfter(text, "\n"), func(line string) bool { return line == "" })
}

// edit leads from some lines to others. Lists of tickets are sorted and have no line twice, so that taking each line where it
// comes next is as good as looking for the shortest way.
func edit(from, to []string) []Edit {
	at := make(map[string][]int, len(from)) // where a line stands, ascending
	for i, line := range from {
		at[line] = append(at[line], i)
	}
	var edits []Edit
	change := func(begin, end, line int, add []string) {
		if begin < end || len(add) > 0 {
			edits = append(edits, Edit{Line: line, Drop: end - begin, Add: slices.Clone(add)})
		}
	}
	old, begun := 0, 0 // how much of both is done
	for i, line := range to {
		places := at[line]
		for len(places) > 0 && places[0] < old {
			places = places[1:]
		}
		at[line] = places
		if len(places) == 0 {
			continue
		}
		change(old, places[0], begun, to[begun:i])
		old, begun = places[0]+1, i+1
	}
	change(old, len(from), begun, to[begun:])
	return edits
}

func (e Edit) size() int {
	n := 32
	for _, line := range e.Add {
		n += len(line) + 4
	}
	return n
}

// parts cuts an edit that adds much.
func (e Edit) parts() []Edit {
	all := []Edit{{Line: e.Line, Drop: e.Drop}}
	for i, line := range e.Add {
		last := &all[len(all)-1]
		if last.size()+len(line)+4 > maxFileChange {
			all = append(all, Edit{Line: e.Line + i})
			last = &all[len(all)-1]
		}
		last.Add = append(last.Add, line)
	}
	return all
}
