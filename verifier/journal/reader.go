package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds one entry: the largest thing seen is kept cut (verifier.MaxRaw), and a block has few votes.
const maxLine = 1 << 20

// Fault says where a journal is not as it was written.
type Fault struct {
	Number int64 // of the entry that should have been there
	Text   string
}

func (f *Fault) Error() string { return fmt.Sprintf("entry %d: %s", f.Number, f.Text) }

// Reader reads a journal from its beginning, entry by entry, and checks the chain.
type Reader struct {
	lines *bufio.Reader
	next  int64  // number of the entry to come
	prev  string // hash of the last line
	whole int64  // bytes of whole lines read
	torn  int64  // bytes after the last whole line, known at the end
}

// NewReader returns a reader of the journal in r.
func NewReader(r io.Reader) *Reader {
	return &Reader{lines: bufio.NewReaderSize(r, 64<<10), next: 1}
}

// Next returns the next entry. The end is io.EOF; a line that its writer has not ended yet is not part of the journal. Any
// other error is a *Fault, or what went wrong with reading.
func (r *Reader) Next() (Entry, error) {
	line, err := r.line()
	if err != nil {
		return Entry{}, err
	}
	entry, err := parse(line)
	if err != nil {
		return Entry{}, &Fault{r.next, "is no entry: " + err.Error()}
	}
	switch {
	case entry.Number != r.next:
		return Entry{}, &Fault{r.next, fmt.Sprintf("has the number %d", entry.Number)}
	case entry.Prev != r.prev:
		return Entry{}, &Fault{r.next, "does not follow the entry before it: one of them was changed"}
	}
	r.next++
	r.prev = hashOf(line)
	r.whole += int64(len(line)) + 1
	return entry, nil
}

// parse decodes a line, which must be one entry and nothing more.
func parse(line []byte) (Entry, error) {
	var entry Entry
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&entry); err != nil {
		return Entry{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Entry{}, errors.New("something follows it on its line")
	}
	return entry, nil
}

// line returns the next line without its end.
func (r *Reader) line() ([]byte, error) {
	var line []byte
	for {
		part, err := r.lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, &Fault{r.next, fmt.Sprintf("is longer than %d bytes", maxLine)}
		case errors.Is(err, io.EOF):
			r.torn = int64(len(line))
			return nil, io.EOF
		case err == nil:
			return line[:len(line)-1], nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("read entry %d: %w", r.next, err)
		}
	}
}

// Head returns how many entries were read and the hash of the last one's line.
func (r *Reader) Head() (entries int64, hash string) { return r.next - 1, r.prev }
