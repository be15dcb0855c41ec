package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// checkpointReader reads a file of checkpoints, each with an empty line behind it, and makes sure that they are in order.
// It leaves their signatures to the caller.
type checkpointReader struct {
	lines *lines
	key   PublicKey
	last  Checkpoint // before the first one its number is 0 and its size -1
	whole int64      // bytes of the checkpoints read
	torn  int64      // bytes after the last one, known at the end
	many  bool       // more than one may have been written at a time
}

func newCheckpointReader(r io.Reader, key PublicKey) *checkpointReader {
	return &checkpointReader{lines: newLines(r), key: key, last: Checkpoint{Size: -1}}
}

// next returns the next checkpoint. The end is io.EOF; what a writer did not write to its end is not part of the file. Any
// other error is a *Fault, or what went wrong with reading.
func (c *checkpointReader) next() (Checkpoint, error) {
	number := c.last.Number + 1
	block, err := c.block()
	if len(block) == 0 && errors.Is(err, io.EOF) {
		return Checkpoint{}, io.EOF
	}
	var next Checkpoint
	if err == nil {
		next, err = parseCheckpoint(string(block[:len(block)-1]))
	}
	switch {
	case err != nil:
		return Checkpoint{}, c.unreadable(block, err)
	case next.Number != number:
		return Checkpoint{}, checkpointFault(number, "has the number %d: checkpoints were taken out, moved or repeated", next.Number)
	case next.Size <= c.last.Size:
		return Checkpoint{}, checkpointFault(number, "seals %d entries, and the one before it %d", next.Size, c.last.Size)
	}
	c.last, c.whole = next, c.lines.at
	return next, nil
}

// block returns what there is up to the second empty line: a signed note and an empty line. If the stream ends before,
// it returns io.EOF, too.
func (c *checkpointReader) block() ([]byte, error) {
	var block []byte
	for blanks := 0; blanks < 2; {
		line, err := c.lines.next()
		block = append(block, line...)
		if err != nil {
			return block, err
		}
		block = append(block, '\n')
		if len(line) == 0 {
			blanks++
		}
		if len(block) > maxCheckpoint {
			return block, errNoCheckpoint
		}
	}
	return block, nil
}

// unreadable returns what stands where a checkpoint should be: io.EOF where a death explains it.
func (c *checkpointReader) unreadable(block []byte, err error) error {
	number := c.last.Number + 1
	atEnd := errors.Is(err, io.EOF)
	if !atEnd && !errors.Is(err, errNoCheckpoint) && !errors.Is(err, errLong) {
		return fmt.Errorf("read checkpoint %d: %w", number, err)
	}
	rest, readErr := io.ReadAll(io.LimitReader(c.lines.in, maxPiece))
	if readErr != nil {
		return fmt.Errorf("read checkpoint %d: %w", number, readErr)
	}
	tail := append(block, rest...)
	if c.lost(tail) || c.tornOff(string(tail)) {
		c.torn = int64(len(tail))
		return io.EOF
	}
	if atEnd {
		return checkpointFault(number, "is cut off, and not as a death would leave it")
	}
	return checkpointFault(number, "%v", err)
}

// lost reports whether a loss of power took the last checkpoint. Unless many are written at a time it can take one only:
// before another is written, the one before has reached the disk.
func (c *checkpointReader) lost(tail []byte) bool {
	another := fmt.Appendf(nil, "\ncheckpoint %d\n", c.last.Number+2)
	one := len(tail) <= maxCheckpoint && !bytes.Contains(tail, another)
	return (one || c.many) && hole(tail, c.whole, true)
}

// tornOff reports whether the end of a file, which is no whole checkpoint, is the beginning of one.
func (c *checkpointReader) tornOff(tail string) bool {
	whole := strings.Split(tail, "\n")
	part := whole[len(whole)-1]
	whole = whole[:len(whole)-1]
	end := slices.Index(whole, "") // of the text
	if end < 0 {
		return c.beginsText(whole, part)
	}
	switch signatures := whole[end+1:]; {
	case !c.beginsText(whole[:end], "") || end < 4:
		return false
	case len(signatures) == 0:
		mark := "— " + c.key.Origin() + " "
		return strings.HasPrefix(mark, part) || strings.HasPrefix(part, mark)
	default: // only the empty line behind it is missing
		last, err := parseCheckpoint(tail)
		return err == nil && c.key.verify(last) == nil
	}
}

// maxPart is longer than any line of a checkpoint's text but the first.
const maxPart = 100

// beginsText reports whether lines, and a part of one more, are the beginning of the next checkpoint's text.
func (c *checkpointReader) beginsText(lines []string, part string) bool {
	next := Checkpoint{Origin: c.key.Origin(), Number: c.last.Number + 1}
	if len(lines) == 0 {
		return strings.HasPrefix(next.Origin, part)
	}
	text := strings.Split(strings.TrimSuffix(next.text(), "\n"), "\n")
	text = append(slices.Clone(lines), text[min(len(lines), len(text)):]...)
	parsed, err := parseCheckpoint(strings.Join(text, "\n") + "\n\n")
	printable := !strings.ContainsFunc(part, func(r rune) bool { return r < ' ' })
	return err == nil && parsed.Origin == next.Origin && parsed.Number == next.Number && printable && len(part) < maxPart
}
