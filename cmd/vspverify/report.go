package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"scrutineer/cmd/configfile"
	"scrutineer/cmd/program"
	"scrutineer/verifier/report"
)

func reportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "report",
		Short: "Derive the report from the journal and the chain",
		Long: `report derives a trial's report anew, from its journal and the chain of our own node,
and prints it. It may be asked for at any time, also while the trial is running.

Exit code 1 says that a row failed or was refuted.`,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	asJSON := c.Flags().Bool("json", false, "print it for programs")
	asHTML := c.Flags().Bool("html", false, "print it as one page for a browser")
	c.MarkFlagsMutuallyExclusive("json", "html")
	c.RunE = func(c *cobra.Command, _ []string) error {
		t, err := load(*path)
		if err != nil {
			return program.Misuse(err)
		}
		r, err := t.derive(c.Context())
		if err != nil {
			return err
		}
		name := textFile
		switch {
		case *asJSON:
			name = jsonFile
		case *asHTML:
			name = htmlFile
		}
		text, err := files[name](r)
		if err != nil {
			return err
		}
		if _, err := c.OutOrStdout().Write(text); err != nil {
			return err
		}
		if r.Refuses() {
			return program.AnswerNo(errors.New("a row failed or was refuted"))
		}
		return nil
	}
	return c
}

// Files of the report.
const (
	textFile = "report.txt"
	jsonFile = "report.json"
	htmlFile = "report.html"
)

// files is how each file of the report is made.
var files = map[string]func(report.Report) ([]byte, error){
	textFile: func(r report.Report) ([]byte, error) { return []byte(r.Text()), nil },
	jsonFile: report.Report.JSON,
	htmlFile: report.Report.HTML,
}

// writeReport puts the report into the trial's folder, each file whole or not at all.
func (t *trial) writeReport(r report.Report) error {
	if err := os.MkdirAll(t.Out, 0o755); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for name, render := range files {
		data, err := render(r)
		if err != nil {
			return err
		}
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
		_, drillsErr := t.readDrills()
		_, ticketsErr := t.readTickets()
		if err := errors.Join(drillsErr, ticketsErr, t.checkKey()); err != nil {
			return program.AnswerNo(err)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s is in order.\n", *path)
		return err
	}
	return c
}
