// Package output is what commands print: text of at most 80 columns, or JSON. Times are UTC.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Columns is how wide text is at most.
const Columns = 80

// Dash is written for what is not there.
const Dash = "-"

// JSONFlag adds the flag of the commands that programs read.
func JSONFlag(c *cobra.Command) *bool {
	return c.Flags().Bool("json", false, "print JSON, for programs")
}

// WriteJSON writes a value with indentation.
func WriteJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// Second writes a time to the second; Dash for the zero time.
func Second(t time.Time) string { return Moment(t, time.DateTime) }

// Moment writes a time in a layout; Dash for the zero time.
func Moment(t time.Time, layout string) string {
	if t.IsZero() {
		return Dash
	}
	return t.UTC().Format(layout)
}

// Known returns nil for the zero time, which JSON would show as the year 1.
func Known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Wrap breaks text between words so that no line is wider than width, unless a word is.
func Wrap(text string, width int) []string {
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

// Plural writes a number of things whose plural is in -s.
func Plural(n int, noun string) string { return PluralOf(n, noun, noun+"s") }

// PluralOf writes a number of things.
func PluralOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Shortly says how long something is, without the parts that are zero at its end.
func Shortly(d time.Duration) string {
	text := d.Round(time.Second).String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}
