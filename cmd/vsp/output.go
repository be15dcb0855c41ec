package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/decred/dcrd/dcrutil/v4"
	"golang.org/x/term"

	"scrutineer/cmd/output"
)

// What our commands print as those of the other programs do, by short names.
var (
	jsonFlag  = output.JSONFlag
	writeJSON = output.WriteJSON
	second    = output.Second
	known     = output.Known
	wrap      = output.Wrap
	plural    = output.Plural
	pluralOf  = output.PluralOf
	shortly   = output.Shortly
)

const columns = output.Columns

const dash = output.Dash

func orDash(text string) string {
	if text == "" {
		return dash
	}
	return text
}

// height prints a height of which 0 means that it is not known.
func height(h int64) string {
	if h == 0 {
		return dash
	}
	return strconv.FormatInt(h, 10)
}

func minute(t time.Time) string { return output.Moment(t, "2006-01-02 15:04") }

// given returns a map that JSON shows as {} where it is nil.
func given(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// coins prints an amount with all its eight decimals, without a unit.
func coins(a dcrutil.Amount) string {
	return fmt.Sprintf("%d.%08d", a/dcrutil.AtomsPerCoin, a%dcrutil.AtomsPerCoin)
}

func amount(atoms int64) dcrutil.Amount { return dcrutil.Amount(atoms) }

// progress is a line that is written again and again, on a terminal only.
type progress struct{ out io.Writer }

func newProgress(out io.Writer) progress {
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return progress{out}
	}
	return progress{io.Discard}
}

func (p progress) show(format string, args ...any) { fmt.Fprintf(p.out, "\r\033[K"+format, args...) }

func (p progress) end() { fmt.Fprint(p.out, "\r\033[K") }
