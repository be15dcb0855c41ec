// Command vsp is a voting service provider: the service, its website and its administration.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
)

func main() { os.Exit(program.Run(newCommand())) }

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "vsp",
		Short: "A voting service provider for Decred-style proof of stake",
		Long: `vsp votes for the holders of tickets: it takes registrations over the v3 API,
and keeps every ticket in every voting wallet until it has voted.

To begin: vsp init, then edit the configuration, vsp check, vsp serve.`,
	}
	root.AddCommand(initCommand(), checkCommand(), serveCommand(), ticketsCommand(), walletsCommand(), xpubCommand(), feesCommand(), alertsCommand())
	root.AddCommand(backupCommand(), restoreCommand(), resealCommand(), keysCommand(), passwordCommand(), manCommand())
	root.AddCommand(importVspdCommand(), monitCommand())
	return root
}

// configFlag adds the flag that every command but init has.
func configFlag(c *cobra.Command) *string {
	return c.Flags().String("config", "vsp.toml", "the configuration `FILE`")
}
