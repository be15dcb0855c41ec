package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"scrutineer/cmd/output"
	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/report"
)

// text is what came of a demonstration, in 80 columns: a line for each fault, and then the rows.
func (d *demonstration) text() string {
	drill := d.book.drill()
	var b strings.Builder
	b.WriteString("\n" + report.AlertTable(drill))
	for _, f := range verifier.AlertFindings([]verifier.AlertDrill{drill}) {
		label := fmt.Sprintf("%s  %-9s ", f.Row, f.Verdict)
		for i, line := range output.Wrap(strings.Join(f.Says, " "), output.Columns-len(label)) {
			if i > 0 {
				label = strings.Repeat(" ", len(label))
			}
			b.WriteString(label + line + "\n")
		}
	}
	return b.String() + "\n"
}

// visibleText is what a terminal may be shown of a text from outside.
func visibleText(text string) string { return strings.Map(visible, text) }

// alertStepText tells in short what a step of a demonstration says; nothing of a beat.
func alertStepText(e journal.Entry) string {
	var s verifier.AlertStep
	switch err := json.Unmarshal(e.Data, &s); {
	case err != nil:
		return string(e.Data)
	case s.Step == verifier.StepListened:
		return ""
	case s.Mail != nil:
		return fmt.Sprintf("mail from %s to %s, %d bytes", s.Mail.From, strings.Join(s.Mail.To, ", "), len(s.Mail.Raw))
	case s.Plan != nil:
		return fmt.Sprintf("planned, %d faults, mail to %s", len(s.Plan.Faults), s.Plan.To)
	}
	return strings.Join(slices.DeleteFunc([]string{s.Step, s.Fault, s.Note}, func(t string) bool { return t == "" }), " ")
}
