package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/verifier/journal"
)

func listCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list [N | FROM-TO]...",
		Short: "List entries, a line each",
		Long: `list prints a line for each entry: its number, when it was written (UTC), what it is, the
vantage it comes from, and what it says in short. vspverify journal show has all of it.

N and FROM-TO choose entries by number; every filter that is given must fit. TIME is
written like 2026-11-22, 2026-11-22T10:00 or 2026-11-22T10:00:00Z, and is UTC.

The journal is verified on the way: exit code 1 says that it is not as it was written,
and then what was listed proves nothing. --json prints the lines of the journal itself.`,
	}
	flags := newJournalFlags(c)
	asJSON := jsonFlag(c)
	kinds := c.Flags().StringSlice("kind", nil, "only entries of this `KIND`: start, plan, file, beat, stop, gap, observation, or a kind of observation")
	vantage := c.Flags().String("vantage", "", "only entries of this `VANTAGE`")
	from := c.Flags().String("from", "", "only entries from this `TIME` on")
	to := c.Flags().String("to", "", "only entries before this `TIME`")
	c.RunE = func(c *cobra.Command, args []string) error {
		chosen := selection{kinds: *kinds, vantage: *vantage}
		if err := errors.Join(chosen.setNumbers(args), setTime("--from", *from, &chosen.from), setTime("--to", *to, &chosen.to)); err != nil {
			return program.Misuse(err)
		}
		folder, key, err := flags.open()
		if err != nil {
			return err
		}
		return answer(list(c.OutOrStdout(), folder, key, chosen, *asJSON))
	}
	return c
}

// list writes the chosen entries as they are read.
func list(out io.Writer, folder string, key journal.PublicKey, chosen selection, asJSON bool) error {
	w := bufio.NewWriter(out)
	if !asJSON {
		fmt.Fprintln(w, row("n", "at, UTC", "kind", "vantage", "says"))
	}
	_, err := journal.Read(folder, key, func(e journal.Entry) error {
		g := glance(e)
		switch {
		case !chosen.has(e, g):
			return nil
		case asJSON:
			_, err := fmt.Fprintf(w, "%s\n", e.Line())
			return err
		}
		_, err := fmt.Fprintln(w, row(strconv.FormatInt(e.Number, 10), e.At.Format("02 Jan 15:04:05"), g.kind, g.vantage, g.says))
		return err
	})
	return errors.Join(w.Flush(), err)
}

// columns is how wide text is at most.
const columns = 80

// row fits the parts of an entry into 80 columns.
func row(n, at, kind, vantage, says string) string {
	line := fmt.Sprintf("%7s  %-15s  %-9s  %-8s  ", n, at, cut(kind, 9), cut(vantage, 8))
	return strings.TrimRight(line+cut(says, columns-len([]rune(line))), " ")
}

// cut shortens a text that is too wide, and takes out what a terminal would obey.
func cut(text string, width int) string {
	runes := []rune(strings.Map(visible, text))
	if len(runes) > width {
		runes = append(runes[:width-1], '…')
	}
	return string(runes)
}

// selection is what list was asked for; what is zero asks for nothing.
type selection struct {
	numbers  [][2]int64 // first and last
	kinds    []string
	vantage  string
	from, to time.Time
}

func (s selection) has(e journal.Entry, g glanced) bool {
	within := func(r [2]int64) bool { return e.Number >= r[0] && e.Number <= r[1] }
	return (len(s.numbers) == 0 || slices.ContainsFunc(s.numbers, within)) &&
		(len(s.kinds) == 0 || slices.Contains(s.kinds, e.Kind) || slices.Contains(s.kinds, g.kind)) &&
		(s.vantage == "" || s.vantage == g.vantage) &&
		(s.from.IsZero() || !e.At.Before(s.from)) &&
		(s.to.IsZero() || e.At.Before(s.to))
}

func (s *selection) setNumbers(args []string) error {
	for _, arg := range args {
		first, last, isRange := strings.Cut(arg, "-")
		if !isRange {
			last = first
		}
		from, err := entryNumber(first)
		to, toErr := entryNumber(last)
		if err != nil || toErr != nil || from > to {
			return fmt.Errorf("%q is neither the number of an entry nor two of them, FROM-TO", arg)
		}
		s.numbers = append(s.numbers, [2]int64{from, to})
	}
	return nil
}

func entryNumber(text string) (int64, error) {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 1 {
		return 0, fmt.Errorf("%q is not the number of an entry", text)
	}
	return number, nil
}

// setTime reads a time that a flag was given, if it was.
func setTime(flag, text string, into *time.Time) error {
	if text == "" {
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			*into = at
			return nil
		}
	}
	return fmt.Errorf("%s: %q is no time such as 2026-11-22T10:00", flag, text)
}
