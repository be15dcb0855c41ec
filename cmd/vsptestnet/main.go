// Command vsptestnet is a private network of real daemons on one machine.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
)

func main() { os.Exit(program.Run(newCommand())) }

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "vsptestnet",
		Short: "A private network of real daemons on one machine",
		Long: `vsptestnet starts a private simnet of real dcrd and dcrwallet on loopback
addresses: a miner, three voting hosts, the front end's node, and the wallet of a
stake holder. Nothing on it is worth anything.

vsptestnet trial plays a VSP's life on it, faults included, and has it judged.`,
	}
	root.AddCommand(upCommand(), trialCommand())
	return root
}
