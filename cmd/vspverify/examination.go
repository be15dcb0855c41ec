package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/report"
)

// objection is one thing in which a report is not as the evidence has it.
type objection struct {
	Where    string `json:"where"` // a path in report.json, or a file
	Says     string `json:"report,omitempty"`
	Evidence string `json:"evidence"`
}

// examination holds a report against the evidence. Its parts need more and more: files, then the journal, then a chain.
type examination struct {
	files      map[string][]byte // of the report, by their names
	given      report.Report
	source     source
	pinned     bool // the key was not taken from the report itself
	record     *verifier.Record
	extent     report.Evidence
	objections []objection
}

func (x *examination) object(where, format string, args ...any) {
	x.objections = append(x.objections, objection{Where: where, Evidence: fmt.Sprintf(format, args...)})
}

// readFiles looks at the report's files alone: what they are, and that they were signed. It reports whether there is a report to
// go on with.
func (x *examination) readFiles(key *journal.PublicKey) bool {
	given, err := report.Read(x.files[report.JSONFile])
	if err != nil {
		x.object(report.JSONFile, "%v", err)
		return false
	}
	x.given = given
	if key != nil {
		x.source.key, x.pinned = *key, true
	} else if x.source.key, err = journal.ParsePublicKey(given.Evidence.Key); err != nil {
		x.object("evidence.journal_key", "%v", err)
		return false
	}
	signature, ok := x.files[report.SignatureFile]
	if !ok {
		x.object(report.SignatureFile, "is not there: the report is not signed")
		return true
	}
	statement, err := x.source.key.OpenNote(string(signature))
	if err != nil {
		x.object(report.SignatureFile, "%v", err)
		return true
	}
	for _, wrong := range given.Unstated(statement, x.files) {
		x.object(report.SignatureFile, "%s", wrong)
	}
	return true
}

// readJournal verifies the journal, and takes in the entries that the report rests on. It reports whether there is evidence to go
// on with; an error says that we could not look.
func (x *examination) readJournal() (bool, error) {
	e := x.given.Evidence
	root, err := tlog.ParseHash(e.Root)
	if err != nil || e.Entries < 1 {
		x.object("evidence", "a report rests on one entry at least, and on the root of their tree")
		return false, nil
	}
	x.record, x.extent, err = x.source.read(e.Entries)
	if fault := new(journal.Fault); !errors.As(err, &fault) { // which names the entry
		if rewritten := journal.Upholds(x.source.folder, tlog.Tree{N: e.Entries, Hash: root}); rewritten != nil {
			err = rewritten
		}
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, os.ErrNotExist):
		return false, err
	case refuted(err):
		x.object("journal", "%v", err)
		return false, nil
	}
	return false, err
}

// derivation is a report as the evidence has it, with all that is shown of it.
type derivation struct {
	report report.Report
	files  map[string][]byte
}

func newDerivation(r report.Report) (derivation, error) {
	files, err := render(r)
	return derivation{r, files}, err
}

// compare holds what the report says against what the evidence says.
func (x *examination) compare(fresh derivation) error {
	for _, name := range report.Renderings {
		got, ok := x.files[name]
		switch want := fresh.files[name]; {
		case !ok || bytes.Equal(got, want):
		case name != report.JSONFile:
			x.objections = append(x.objections, lineApart(name, string(got), string(want)))
		default:
			differences, err := verifier.Compare(x.given, fresh.report)
			if err != nil {
				return err
			}
			for _, d := range differences {
				x.objections = append(x.objections, objection{d.Path, d.A, orAbsent(d.B)})
			}
		}
	}
	return nil
}

// lineApart names the first line in which a file is not as it should be.
func lineApart(name, got, want string) objection {
	left, right := strings.Split(got, "\n"), strings.Split(want, "\n")
	i := 0
	for i < len(left) && i < len(right) && left[i] == right[i] {
		i++
	}
	line := func(lines []string) string {
		if i < len(lines) {
			return lines[i]
		}
		return ""
	}
	return objection{fmt.Sprintf("%s line %d", name, i+1), line(left), orAbsent(line(right))}
}

func orAbsent(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}
