package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"scrutineer/cmd/program"
	"scrutineer/verifier/votes"
)

// writeLedger writes a ledger for people, the answer first, in 80 columns.
func writeLedger(w io.Writer, l *votes.Ledger) error {
	var b strings.Builder
	b.WriteString(summary(l))
	width := prefixLength(l)
	fmt.Fprintf(&b, "\n%-*s  %-9s %8s %8s %8s %8s %6s\n", width, "ticket", "outcome", "bought", "live", "won", "decided", "voters")
	for _, e := range l.Entries {
		outcome := string(e.Outcome)
		if e.Decided != 0 && !e.Final {
			outcome += "*"
		}
		fmt.Fprintf(&b, "%s  %-9s %8s %8s %8s %8s %6s\n", e.Ticket.String()[:width], outcome,
			known(e.Bought), known(e.Live), known(e.Won), known(e.Decided), known(int64(e.Voters)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func summary(l *votes.Ledger) string {
	var counts []string
	for _, outcome := range votes.Outcomes {
		n := l.Count(outcome)
		if n > 0 || outcome == votes.Voted || outcome == votes.Missed {
			counts = append(counts, fmt.Sprintf("%d %s", n, outcome))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Of %s: %s.\n", number(len(l.Entries), "ticket"), strings.Join(counts, ", "))
	if m := l.Mismatch; m == nil {
		fmt.Fprintf(&b, "Every final state matched: yes, %d checked in blocks %d to %d.\n", l.Checked, l.From, l.To)
	} else {
		fmt.Fprintf(&b, "Every final state matched: NO. %d matched, then the header of block %d has\n", l.Checked, m.Height)
		fmt.Fprintf(&b, "%x over %d live tickets, our account %x over %d.\n",
			m.Header.FinalState, m.Header.PoolSize, m.Account.FinalState, m.Account.PoolSize)
		fmt.Fprintf(&b, "The account ends before it: nothing is said of later blocks.\n")
	}
	fmt.Fprintf(&b, "The tip is block %d.", l.Tip)
	if n := l.Provisional(); n > 0 {
		fmt.Fprintf(&b, " Not final yet, marked *: %d.", n)
	}
	return b.String() + "\n"
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func known(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// prefixLength returns how much of the hashes to show, so that no two tickets look the same.
func prefixLength(l *votes.Ledger) int {
	for length := 12; ; length++ {
		seen := make(map[string]bool, len(l.Entries))
		for _, e := range l.Entries {
			seen[e.Ticket.String()[:length]] = true
		}
		if len(seen) == len(l.Entries) {
			return length
		}
	}
}

// verdict returns the answer "no" if something is amiss.
func verdict(l *votes.Ledger) error {
	missed := l.Count(votes.Missed)
	switch {
	case l.Mismatch != nil:
		return program.AnswerNo(fmt.Errorf("block %d contradicts the account", l.Mismatch.Height))
	case missed > 0:
		return program.AnswerNo(errors.New(number(missed, "ticket") + " missed"))
	}
	return nil
}

// meterEvery is how often a meter writes.
const meterEvery = 200 * time.Millisecond

// meter shows progress on one line of a terminal, and nothing anywhere else.
type meter struct {
	terminal *os.File // nil if there is none
	shown    time.Time
}

func newMeter(w io.Writer) *meter {
	file, ok := w.(*os.File)
	if !ok {
		return &meter{}
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &meter{}
	}
	return &meter{terminal: file}
}

func (m *meter) show(done, total int64) {
	if m.terminal == nil || time.Since(m.shown) < meterEvery && done < total {
		return
	}
	m.shown = time.Now()
	fmt.Fprintf(m.terminal, "\r\033[Kread %d of %d blocks", done, total)
}

func (m *meter) clear() {
	if m.terminal != nil && !m.shown.IsZero() {
		fmt.Fprint(m.terminal, "\r\033[K")
	}
}
