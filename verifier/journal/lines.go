package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lines reads a stream line by line and knows how far it is.
type lines struct {
	in   *bufio.Reader
	at   int64  // where the next line begins
	line []byte // the last one
}

func newLines(r io.Reader) *lines { return &lines{in: bufio.NewReaderSize(r, 64<<10)} }

var errLong = fmt.Errorf("is longer than %d bytes", maxLine)

// next returns the next line without its end; it is good until the call after. At the end of the stream it returns what
// stands there without an end, and io.EOF.
func (l *lines) next() ([]byte, error) {
	l.line = l.line[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		l.line = append(l.line, part...)
		switch {
		case len(l.line) > maxLine:
			return l.line, errLong
		case err == nil:
			l.at += int64(len(l.line))
			return l.line[:len(l.line)-1], nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return l.line, err
		}
	}
}

// rest reads to the end of the stream and returns how many bytes there were from the beginning of the last line on.
func (l *lines) rest() (int64, error) {
	n, err := io.Copy(io.Discard, l.in)
	return n + int64(len(l.line)), err
}

// sector is the least that disks write at once.
const sector = 512

// hole reports whether a loss of power left zeros where data were to be written: what did not reach the disk reads as zeros,
// from the last byte that did to the end of a sector, or in whole sectors. Data begins at a line's beginning, which is at
// that place in its file. No flipped bit looks like that.
func hole(data []byte, at int64, toEnd bool) bool {
	from := bytes.IndexByte(data, 0)
	if from < 0 {
		return false
	}
	to := from + len(data[from:]) - len(bytes.TrimLeft(data[from:], "\x00"))
	begins := from == 0 || (at+int64(from))%sector == 0
	ends := toEnd && to == len(data) || (at+int64(to))%sector == 0
	return begins && ends
}
