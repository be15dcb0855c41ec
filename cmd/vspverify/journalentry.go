package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/location"
)

func showCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "show N",
		Short: "Show one entry whole",
		Long: `show prints all that entry N has, and whether a checkpoint covers it. --json prints the
line of the journal itself.`,
		Args: cobra.ExactArgs(1),
	}
	flags := newJournalFlags(c)
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		number, err := entryNumber(args[0])
		if err != nil {
			return program.Misuse(err)
		}
		folder, key, err := flags.open()
		if err != nil {
			return err
		}
		var found journal.Entry
		sum, err := journal.Read(folder, key, func(e journal.Entry) error {
			if e.Number == number {
				found = e
			}
			return nil
		})
		switch {
		case err != nil:
			return answer(err)
		case found.Number == 0:
			return program.AnswerNo(fmt.Errorf("entry %d %w: it has %d", number, journal.ErrNoEntry, sum.Tree.N))
		case *asJSON:
			return writeText(c.OutOrStdout(), string(found.Line())+"\n")
		}
		state := "sealed"
		if number > sum.Sealed.Size {
			state = "not sealed yet"
		}
		return writeText(c.OutOrStdout(), fmt.Sprintf("entry %d of %d, %s\n%s", number, sum.Tree.N, state, entryText(found)))
	}
	return c
}

// entryText writes an entry for people.
func entryText(e journal.Entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "at       %s UTC\n", e.At.Format("2006-01-02 15:04:05.999999999"))
	fmt.Fprintf(&b, "kind     %s\n", e.Kind)
	fmt.Fprintf(&b, "hash     %s\n", e.Hash())
	if e.Prev != "" {
		fmt.Fprintf(&b, "follows  %s\n", e.Prev)
	}
	var data bytes.Buffer
	if err := json.Indent(&data, e.Data, "", "  "); err != nil {
		data.Write(e.Data) // it was JSON when it was read
	}
	fmt.Fprintln(&b, escape(data.String()))
	return b.String()
}

// escape writes what a terminal would obey, or not show, as JSON escapes it. What it is given is JSON, so it can only stand in
// a string.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || visible(r) == r {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, "\\u%04x", unit)
		}
	}
	return b.String()
}

// visible returns what is shown of a character: a question mark, if a terminal would obey it or not show it.
func visible(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '?'
}

// glanced is an entry in short.
type glanced struct{ kind, vantage, says string }

// glance tells in short what an entry says. What it does not know it shows as it is.
func glance(e journal.Entry) glanced {
	switch e.Kind {
	case verifier.EntryObservation:
		var o verifier.Observation
		if json.Unmarshal(e.Data, &o) == nil {
			return glanced{o.Kind, o.Vantage, observed(o)}
		}
	case verifier.EntryBeat:
		var b verifier.Beat
		if json.Unmarshal(e.Data, &b) == nil {
			return glanced{e.Kind, b.Vantage, "whole round of " + b.At.Format("15:04:05.000")}
		}
	case verifier.EntryStart, verifier.EntryPlan:
		var p struct{ URL string } // what is no plan of today's may be listed, too
		if json.Unmarshal(e.Data, &p) == nil {
			return glanced{e.Kind, "", p.URL}
		}
	case verifier.EntryFile:
		var c verifier.FileChange
		if json.Unmarshal(e.Data, &c) == nil {
			return glanced{e.Kind, "", changeText(c)}
		}
	case verifier.EntryAlertDrill:
		if says := alertStepText(e); says != "" {
			return glanced{e.Kind, "", says}
		}
		return glanced{e.Kind, "", "our own mailbox is open"}
	case verifier.EntrySight:
		var s location.Sight
		if json.Unmarshal(e.Data, &s) == nil {
			return glanced{e.Kind, s.Vantage, measured(s)}
		}
	case journal.KindGap:
		var g journal.Gap
		if json.Unmarshal(e.Data, &g) == nil {
			return glanced{e.Kind, "", cutText(g)}
		}
	}
	return glanced{e.Kind, "", string(e.Data)}
}

// measured tells in short how far away a host is.
func measured(s location.Sight) string {
	says := s.Host
	if s.Via != "" {
		says += " through " + s.Via
	}
	if trip, ok := s.RoundTrip(); ok {
		return fmt.Sprintf("%s: %s ms", says, milliseconds(trip))
	}
	return fmt.Sprintf("%s: %s: %s", says, s.Trouble, s.Detail)
}

// observed tells in short what was seen.
func observed(o verifier.Observation) string {
	says := string(o.Code)
	switch {
	case o.Tip != nil:
		says += fmt.Sprintf(", block %d: %d votes", o.Tip.Height, len(o.Tip.Votes))
	case o.Node != nil && o.Kind == verifier.KindNode:
		says += fmt.Sprintf(", block %d", o.Node.Height)
	}
	if o.Detail != "" {
		says += ": " + o.Detail
	}
	return says
}

// changeText tells what changed in a file beside the trial.
func changeText(c verifier.FileChange) string {
	added, dropped := 0, 0
	for _, e := range c.Edits {
		added, dropped = added+len(e.Add), dropped+e.Drop
	}
	return fmt.Sprintf("%s: %d lines came, %d went", c.File, added, dropped)
}

// cutText tells what was cut when the journal was opened.
func cutText(g journal.Gap) string {
	var cut []string
	if g.Cut > 0 {
		cut = append(cut, fmt.Sprintf("%d bytes of an entry", g.Cut))
	}
	if g.CutSeal > 0 {
		cut = append(cut, fmt.Sprintf("%d bytes of a checkpoint", g.CutSeal))
	}
	return "cut " + strings.Join(cut, " and ")
}
