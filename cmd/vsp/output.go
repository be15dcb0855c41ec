package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// What commands print: text of at most 80 columns, or JSON. Times are UTC.

func jsonFlag(c *cobra.Command) *bool {
	return c.Flags().Bool("json", false, "print JSON, for programs")
}

func writeJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

const dash = "-"

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

func minute(t time.Time) string { return moment(t, "2006-01-02 15:04") }

func second(t time.Time) string { return moment(t, time.DateTime) }

func moment(t time.Time, layout string) string {
	if t.IsZero() {
		return dash
	}
	return t.UTC().Format(layout)
}

// known returns nil for the zero time, which JSON would show as the year 1.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

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

// columns is how wide text is at most.
const columns = 80

// wrap breaks text between words so that no line is wider than width, unless a word is.
func wrap(text string, width int) []string {
	var lines []string
	for _, word := range strings.Fields(text) {
		last := len(lines) - 1
		if last < 0 || len(lines[last])+1+len(word) > width {
			lines = append(lines, word)
			continue
		}
		lines[last] += " " + word
	}
	return lines
}

func amount(atoms int64) dcrutil.Amount { return dcrutil.Amount(atoms) }

func plural(n int, noun string) string { return pluralOf(n, noun, noun+"s") }

func pluralOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

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

// shortly says how long something is, without the parts that are zero at its end.
func shortly(d time.Duration) string {
	text := d.Round(time.Second).String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}
