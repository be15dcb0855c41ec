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
	c.RunE = func(c *cobra.Command, _ []string) error {
		t, err := load(*path)
		if err != nil {
			return program.Misuse(err)
		}
		r, err := t.derive(c.Context())
		if err != nil {
			return err
		}
		if err := printReport(c.OutOrStdout(), r, *asJSON); err != nil {
			return err
		}
		if r.Refuses() {
			return program.AnswerNo(errors.New("a row failed or was refuted"))
		}
		return nil
	}
	return c
}

func printReport(w io.Writer, r report.Report, asJSON bool) error {
	text := []byte(r.Text())
	if asJSON {
		var err error
		if text, err = r.JSON(); err != nil {
			return err
		}
	}
	_, err := w.Write(text)
	return err
}

// Files of the report.
const (
	textFile = "report.txt"
	jsonFile = "report.json"
)

// writeReport puts the report into the trial's folder, each file whole or not at all.
func (t *trial) writeReport(r report.Report) error {
	raw, err := r.JSON()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(t.Out, 0o755); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for name, data := range map[string][]byte{textFile: []byte(r.Text()), jsonFile: raw} {
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
