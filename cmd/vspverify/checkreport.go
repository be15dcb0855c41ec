package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/verifier/blocks"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/report"
)

const checkReportHelp = `check-report takes a report.json and derives each of its numbers anew, from a copy of the
journal and from any node of the network. None of the operator's or the reviewer's other
files is needed, and no trust in who wrote the report: the journal is verified entry by
entry, the chain proves itself by the final states in its headers.

It makes sure that
  - report.sig, next to it, is signed by the journal's key, and is of these files;
  - the journal is as it was signed, and begins with the entries that the report names;
  - each field of report.json is what these entries and the chain come to;
  - report.txt and report.html, if they are there, show that and nothing else.

The journal may have grown since, and the chain as well. What the report itself names
as the journal's key proves only that one hand made all of it: give --key, from where
the reviewer has published it.

Exit codes: 0 all of it is so; 1 it is not, and what differs is named: its path in
report.json, what the report says, and what the evidence says; 2 used wrongly; 3 could
not look, such as where the node is behind or on another network.`

// reportRequest is what check-report is asked on the command line.
type reportRequest struct {
	nodeFlags
	journal, key string
	json         bool
}

func checkReportCommand() *cobra.Command {
	var r reportRequest
	c := &cobra.Command{
		Use:   "check-report REPORT --journal DIR --node URL --cert FILE --user NAME --pass-file FILE",
		Short: "Derive a report's numbers anew, from a journal and any node",
		Long:  checkReportHelp,
		Args:  cobra.ExactArgs(1),
	}
	r.nodeFlags.add(c)
	c.Flags().StringVar(&r.journal, "journal", "", "`DIR` with a copy of the journal")
	c.Flags().StringVar(&r.key, "key", "", "the journal's public `KEY`, or a file that holds it; default: the report's own")
	c.Flags().BoolVar(&r.json, "json", false, "print what differs as JSON, for programs")
	_ = c.MarkFlagRequired("journal") // it fails only for a flag that is not there
	c.RunE = func(c *cobra.Command, args []string) error {
		return r.run(c.Context(), args[0], c.OutOrStdout())
	}
	return c
}

func (r *reportRequest) run(ctx context.Context, path string, out io.Writer) error {
	config, err := r.nodeFlags.config()
	if err != nil {
		return program.Misuse(err)
	}
	var key *journal.PublicKey
	if r.key != "" {
		pinned, err := readPublicKey(r.key)
		if err != nil {
			return program.Misuse(err)
		}
		key = &pinned
	}
	x := &examination{source: source{folder: r.journal}}
	if x.files, err = readReport(path); err != nil {
		return err
	}
	node := blocks.Open(config)
	defer node.Close()
	failed := x.examine(ctx, key, node)
	return r.tell(out, x, failed)
}

// examine goes through all parts. What went wrong with looking is an error.
func (x *examination) examine(ctx context.Context, key *journal.PublicKey, node *blocks.Node) error {
	if !x.readFiles(key) {
		return nil
	}
	if ok, err := x.readJournal(); !ok {
		return err
	}
	if query, known := x.record.Query(); known {
		if err := reaches(ctx, node, query.To); err != nil {
			return explain(err)
		}
	}
	r, err := draw(ctx, x.record, x.extent, node)
	if err != nil {
		return explain(err)
	}
	fresh, err := newDerivation(r)
	if err != nil {
		return err
	}
	return x.compare(fresh)
}

// reaches makes sure that a node has all the blocks that a report accounts for.
func reaches(ctx context.Context, node *blocks.Node, last int64) error {
	tip, err := node.Height(ctx)
	if err != nil {
		return err
	}
	if tip < last {
		return fmt.Errorf("the node %s is at block %d, and the report accounts for blocks up to %d: wait until the node has them",
			node.Address(), tip, last)
	}
	return nil
}

// readReport reads a report's files: report.json, which must be there, and those with its name next to it.
func readReport(path string) (map[string][]byte, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, report.JSONFile)
	}
	stem, isJSON := strings.CutSuffix(path, filepath.Ext(report.JSONFile))
	if !isJSON {
		return nil, program.Misuse(fmt.Errorf("%s is no report.json", path))
	}
	files := make(map[string][]byte)
	for _, name := range append(report.Renderings[:], report.SignatureFile) {
		raw, err := os.ReadFile(stem + filepath.Ext(name))
		if errors.Is(err, os.ErrNotExist) && name != report.JSONFile {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read report: %w", err)
		}
		files[name] = raw
	}
	return files, nil
}

// tell says how the examination went. What was found counts, even where not everything could be looked at.
func (r *reportRequest) tell(out io.Writer, x *examination, failed error) error {
	if failed != nil && len(x.objections) == 0 {
		return failed
	}
	if failed != nil {
		x.object("chain", "not everything could be looked at: %v", failed)
	}
	if r.json {
		if err := x.writeJSON(out); err != nil {
			return err
		}
	} else if err := writeText(out, x.text()); err != nil {
		return err
	}
	if n := len(x.objections); n > 0 {
		return program.AnswerNo(fmt.Errorf("the report is not what the evidence says: %s", number(n, "difference")))
	}
	return nil
}

func (x *examination) writeJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Upheld      bool        `json:"upheld"`
		Report      string      `json:"report_sha256"`
		Key         string      `json:"journal_key"`
		Pinned      bool        `json:"key_given"` // and not taken from the report itself
		Differences []objection `json:"differences"`
	}{len(x.objections) == 0, report.HashOf(x.files[report.JSONFile]), x.given.Evidence.Key, x.pinned, append([]objection{}, x.objections...)})
}

// text tells people, in 80 columns but for what is quoted.
func (x *examination) text() string {
	var b strings.Builder
	if len(x.objections) == 0 {
		fmt.Fprintf(&b, "report %s is upheld: %d entries, blocks %d to %d, %s, signature\n", x.given.ID(), x.given.Evidence.Entries,
			x.given.Ledger.From, x.given.Ledger.To, number(len(x.files)-1, "file"))
		if !x.pinned {
			fmt.Fprintf(&b, "by the key that it names itself, which you should know from elsewhere (--key):\n  %s\n", x.source.key)
		}
		return b.String()
	}
	for _, o := range x.objections {
		if o.Says == "" {
			fmt.Fprintf(&b, "%s: %s\n", cut(o.Where, quoted), cut(o.Evidence, quoted))
			continue
		}
		fmt.Fprintf(&b, "%s\n  the report says    %s\n  the evidence says  %s\n", cut(o.Where, quoted), cut(o.Says, quoted), cut(o.Evidence, quoted))
	}
	return b.String()
}

// quoted is how much of a text is shown that may be of any length.
const quoted = 400
