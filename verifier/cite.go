package verifier

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Cite names one entry of a journal. In JSON an entry of the trial's own journal is its number, such as 81233, and one of a
// vantage's a text, such as "paris:81233".
type Cite struct {
	Journal string // the vantage whose journal it is; empty: the trial's own
	Number  int64
}

// Own names an entry of the trial's own journal.
func Own(number int64) Cite { return Cite{Number: number} }

// String returns the cite as people read it.
func (c Cite) String() string {
	number := strconv.FormatInt(c.Number, 10)
	if c.Journal == "" {
		return number
	}
	return c.Journal + ":" + number
}

// Compare orders cites: the trial's own first, then by vantage; in a journal by number.
func (c Cite) Compare(other Cite) int {
	return cmp.Or(cmp.Compare(c.Journal, other.Journal), cmp.Compare(c.Number, other.Number))
}

// MarshalJSON writes the cite.
func (c Cite) MarshalJSON() ([]byte, error) {
	if c.Journal == "" {
		return []byte(c.String()), nil
	}
	return json.Marshal(c.String())
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *Cite) UnmarshalJSON(raw []byte) error {
	text, vantage := string(raw), ""
	if bytes.HasPrefix(raw, []byte{'"'}) {
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
		at := strings.LastIndexByte(text, ':')
		if at < 1 {
			return fmt.Errorf("%q cites no entry: it is no VANTAGE:NUMBER", text)
		}
		vantage, text = text[:at], text[at+1:]
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 1 || strconv.FormatInt(number, 10) != text {
		return fmt.Errorf("%s cites no entry of a journal", raw)
	}
	*c = Cite{vantage, number}
	return nil
}
