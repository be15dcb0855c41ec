package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"scrutineer/cmd/configfile"
	"scrutineer/cmd/program"
	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/report"
)

func reportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "report",
		Short: "Derive the report from the journal and the chain",
		Long: `report derives a trial's report anew, from its journal and the chain of our own node,
and prints it. It may be asked for at any time, also while the trial is running. It rests
on what checkpoints of the journal cover, and on nothing else: the configuration only says
where journal, key and node are. What is changed in it counts from when run has seen it.

With --write it goes to report.txt, report.json and report.html, and report.sig: what all
three are, signed with the journal's key. vspverify check-report is for who gets them.

Exit code 1 says that a row failed or was refuted.`,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	asJSON := c.Flags().Bool("json", false, "print it for programs")
	write := c.Flags().Bool("write", false, "write all its files, signed, into the trial's out folder instead")
	asHTML := c.Flags().Bool("html", false, "print it as one page for a browser")
	c.MarkFlagsMutuallyExclusive("json", "html", "write")
	c.RunE = func(c *cobra.Command, _ []string) error {
		t, err := load(*path)
		if err != nil {
			return program.Misuse(err)
		}
		r, err := t.derive(c.Context())
		if err != nil {
			return err
		}
		file := report.TextFile
		switch {
		case *asJSON:
			file = report.JSONFile
		case *asHTML:
			file = report.HTMLFile
		}
		if *write {
			err = t.writeReport(r)
		} else {
			err = printFile(c.OutOrStdout(), r, file)
		}
		if err != nil {
			return err
		}
		if r.Refuses() {
			return program.AnswerNo(errors.New("a row failed or was refuted"))
		}
		return nil
	}
	return c
}

// printFile writes one file of a report, which is not signed.
func printFile(out io.Writer, r report.Report, file string) error {
	text, err := r.Render(file)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

// writeReport puts the report into the trial's folder, signed with the journal's key, each file whole or not at all.
func (t *trial) writeReport(r report.Report) error {
	key, err := journal.ReadKey(t.JournalKey)
	if err != nil {
		return fmt.Errorf("sign report: %w", err)
	}
	files, err := signed(r, key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(t.Out, 0o755); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for name, data := range files {
		path := filepath.Join(t.Out, name)
		if err := os.WriteFile(path+".new", data, 0o644); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}

// render returns a report's files, as they are where a signature goes with them.
func render(r report.Report) (map[string][]byte, error) {
	r.Signed = true
	files := make(map[string][]byte)
	for _, name := range report.Renderings {
		data, err := r.Render(name)
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	return files, nil
}

// signed returns a report's files, with their signature.
func signed(r report.Report, key journal.Key) (map[string][]byte, error) {
	files, err := render(r)
	if err != nil {
		return nil, err
	}
	text, err := r.Statement(files)
	if err != nil {
		return nil, err
	}
	note, err := key.SignNote(text)
	if err != nil {
		return nil, fmt.Errorf("sign report: %w", err)
	}
	files[report.SignatureFile] = []byte(note)
	return files, nil
}

func checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Name everything that is wrong in a trial's configuration",
		Long:  "check reads a trial's configuration and the files it names, and says at once all that is wrong.\n" + configHelp,
		Args:  cobra.NoArgs,
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		t, err := load(*path)
		if wrong := new(configfile.Mistakes); errors.As(err, &wrong) {
			return program.AnswerNo(err)
		} else if err != nil {
			return err
		}
		for _, b := range t.besides(new(verifier.Record)) {
			_, _, wrong := b.read()
			err = errors.Join(err, wrong)
		}
		if err := errors.Join(err, t.checkKey()); err != nil {
			return program.AnswerNo(err)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s is in order.\n", *path)
		return err
	}
	return c
}
