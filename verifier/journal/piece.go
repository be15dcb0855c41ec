package journal

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// maxPiece bounds a piece that is read.
const maxPiece = 32 << 20

// Piece is what a journal has after a size: how whoever has a copy up to there gets the rest. Its text is
//
//	scrutineer-journal-piece/1
//	after 120 BASE64  the size, and the root of the tree of the entries up to there
//	BASE64            a line for each hash of the consistency proof (RFC 6962) that leads
//	BASE64            from that tree to the one of the last checkpoint
//
// an empty line, the checkpoints of that size and more, each with an empty line behind it, another empty line, and the lines of
// the entries after that size, up to the last checkpoint.
type Piece struct {
	After       tlog.Tree
	Proof       tlog.TreeProof // none after 0
	Checkpoints []Checkpoint   // one or more
	Entries     string         // lines, each with its end
}

const pieceHeader = "scrutineer-journal-piece/1\n"

// Text returns the piece as it is sent.
func (p *Piece) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%safter %d %s\n", pieceHeader, p.After.N, p.After.Hash)
	for _, hash := range p.Proof {
		fmt.Fprintln(&b, hash)
	}
	b.WriteByte('\n')
	for _, c := range p.Checkpoints {
		b.WriteString(c.Note + "\n")
	}
	b.WriteString("\n" + p.Entries)
	return b.String()
}

// last returns the last checkpoint, which all else leads to.
func (p *Piece) last() Checkpoint { return p.Checkpoints[len(p.Checkpoints)-1] }

var errNoPiece = errors.New("is no piece of a journal")

// ReadPiece reads a piece. What is in it is not verified: Mirror.Append does.
func ReadPiece(r io.Reader) (*Piece, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxPiece+1))
	if err != nil {
		return nil, fmt.Errorf("read piece of a journal: %w", err)
	}
	p, err := parsePiece(string(raw))
	if err != nil {
		return nil, &Fault{Text: "what came " + err.Error()}
	}
	return p, nil
}

// parsePiece reads a piece, which must be just as Text writes it.
func parsePiece(text string) (*Piece, error) {
	head, rest, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || len(text) > maxPiece {
		return nil, errNoPiece
	}
	p := new(Piece)
	size, root, _ := strings.Cut(strings.TrimPrefix(lines[1], "after "), " ")
	var err, rootErr error
	p.After.N, err = strconv.ParseInt(size, 10, 64)
	p.After.Hash, rootErr = tlog.ParseHash(root)
	if err != nil || rootErr != nil || p.After.N < 0 {
		return nil, errNoPiece
	}
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, errNoPiece
		}
		p.Proof = append(p.Proof, hash)
	}
	for !strings.HasPrefix(rest, "\n") {
		note, after, found := cutBlock(rest)
		c, err := parseCheckpoint(note)
		if err != nil || !found {
			return nil, errNoPiece
		}
		p.Checkpoints, rest = append(p.Checkpoints, c), after
	}
	p.Entries = rest[1:]
	if len(p.Checkpoints) == 0 || p.Text() != text {
		return nil, errNoPiece
	}
	return p, nil
}

// cutBlock cuts a text after the second empty line, which it leaves out.
func cutBlock(text string) (block, rest string, found bool) {
	first := strings.Index(text, "\n\n")
	if first < 0 {
		return "", "", false
	}
	second := strings.Index(text[first+2:], "\n\n")
	if second < 0 {
		return "", "", false
	}
	end := first + 2 + second + 1
	return text[:end], text[end+1:], true
}
