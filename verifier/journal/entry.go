package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// maxLine bounds one entry: the largest thing seen is kept cut (verifier.MaxRaw), and a block has few votes.
const maxLine = 1 << 20

// Entry is one line of a journal. A line has exactly one layout, without a space between its parts:
//
//	{"n":42,"at":"2026-11-22T10:00:00.25Z","kind":"beat","prev":"BASE64","data":{...}}
type Entry struct {
	Number int64           // from 1, without a gap
	At     time.Time       // when it was written, UTC
	Kind   string          // what Data is: small letters, digits and hyphens
	Prev   string          // hash of the line before, as the tree has it, in base64; empty in the first
	Data   json.RawMessage // any JSON
}

// Line returns the entry's line without its end: what is hashed.
func (e Entry) Line() []byte {
	line := e.appendEnvelope(make([]byte, 0, maxEnvelope+len(e.Data)+1))
	line = append(line, e.Data...)
	return append(line, '}')
}

// Hash returns the hash of the entry's line as a record of the tree (RFC 6962).
func (e Entry) Hash() tlog.Hash { return tlog.RecordHash(e.Line()) }

// maxEnvelope is room enough for most envelopes.
const maxEnvelope = 192

// appendEnvelope appends the part of the line before its data.
func (e Entry) appendEnvelope(line []byte) []byte {
	line = append(line, `{"n":`...)
	line = strconv.AppendInt(line, e.Number, 10)
	line = append(line, `,"at":"`...)
	line = e.At.UTC().AppendFormat(line, time.RFC3339Nano)
	line = append(line, `","kind":"`...)
	line = append(line, e.Kind...)
	line = append(line, `","prev":"`...)
	line = append(line, e.Prev...)
	return append(line, `","data":`...)
}

var (
	errLayout = errors.New("is not laid out as an entry")
	errData   = errors.New("has data that are no JSON")
)

// parseEntry reads a line, which must be just as Line writes it.
func parseEntry(line []byte) (Entry, error) {
	var parts [4]string
	rest, ok := bytes.CutPrefix(line, []byte(`{"n":`))
	for i, end := range [...]string{`,"at":"`, `","kind":"`, `","prev":"`, `","data":`} {
		part, after, found := bytes.Cut(rest, []byte(end))
		parts[i], rest, ok = string(part), after, ok && found
	}
	data, whole := bytes.CutSuffix(rest, []byte("}"))
	number, err := strconv.ParseInt(parts[0], 10, 64)
	at, timeErr := time.Parse(time.RFC3339Nano, parts[1])
	if !ok || !whole || err != nil || timeErr != nil || !validKind(parts[2]) {
		return Entry{}, errLayout
	}
	e := Entry{Number: number, At: at.UTC(), Kind: parts[2], Prev: parts[3], Data: bytes.Clone(data)}
	var room [maxEnvelope]byte
	if !bytes.HasPrefix(line, e.appendEnvelope(room[:0])) {
		return Entry{}, errLayout
	}
	if !json.Valid(data) {
		return Entry{}, errData
	}
	return e, nil
}

func validKind(kind string) bool {
	for _, c := range []byte(kind) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return kind != ""
}
