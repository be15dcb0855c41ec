// Command vspverify watches a VSP from outside, accounts for its votes from the chain, and reports.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
)

func main() { os.Exit(program.Run(newCommand())) }

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "vspverify",
		Short: "Proves, or not, that a voting service provider works",
		Long: `vspverify watches a VSP from outside, accounts for its votes from the chain alone,
and reports what is proven, with all that the proof rests on. It works on any VSP that
speaks version 3 of the API.

To begin: write trial.toml (see vspverify run --help), vspverify check, vspverify run.
To check a report that somebody gave you: vspverify check-report --help.

Exit codes: 0 done, 1 the answer is no, 2 used wrongly, 3 could not be done.`,
	}
	root.AddCommand(runCommand(), watchCommand(), vantageCommand(), reportCommand(), checkReportCommand(), drillCommand(), alertsCommand(), schemaCommand(), checkCommand(), votesCommand(), placesCommand(), journalCommand())
	return root
}

// configFlag adds the flag of the commands that are about a trial.
func configFlag(c *cobra.Command) *string {
	return c.Flags().String("config", "trial.toml", "the trial's configuration `FILE`")
}
