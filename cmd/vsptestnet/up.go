package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/testnet"
)

// upFlags are the flags of "vsptestnet up".
type upFlags struct {
	dir  string
	pace time.Duration
	seed uint64
}

func upCommand() *cobra.Command {
	var flags upFlags
	c := &cobra.Command{
		Use:   "up",
		Short: "Run a network until Ctrl-C",
		Long: `up starts a network, tells how to reach it, and mines until Ctrl-C.

It needs no root, no free ports (it takes free loopback addresses) and leaves no
process behind. Several networks can run at the same time.`,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&flags.dir, "dir", "", "leave data and logs in `DIR`, which must not have any yet (default a new temporary one)")
	c.Flags().DurationVar(&flags.pace, "pace", time.Second, "the least `TIME` between two blocks")
	c.Flags().Uint64Var(&flags.seed, "seed", 0, "the `NUMBER` that the miner's keys follow from")
	found := daemonsFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if flags.pace < 0 {
			return program.Misuse(fmt.Errorf("--pace %s: must not be negative", flags.pace))
		}
		binaries, err := daemons(c.Context(), *found, c.ErrOrStderr())
		if err != nil {
			return err
		}
		return up(c.Context(), c.OutOrStdout(), binaries, flags)
	}
	return c
}

// up runs a network until ctx ends or the network cannot go on.
func up(ctx context.Context, out io.Writer, binaries testnet.Binaries, flags upFlags) (err error) {
	if flags.dir == "" {
		if flags.dir, err = os.MkdirTemp("", "vsptestnet-"); err != nil {
			return fmt.Errorf("make the network's directory: %w", err)
		}
	}
	begin := time.Now()
	n, err := testnet.Start(ctx, testnet.Plan{Dir: flags.dir, Binaries: binaries, Seed: flags.seed})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	fmt.Fprintf(out, "The network is up after %.1f s, with votes cast, and mines a block each %s.\n", time.Since(begin).Seconds(), flags.pace)
	if err := describe(out, n); err != nil {
		return err
	}
	n.Chain.Run(flags.pace)
	select {
	case <-ctx.Done():
		return n.Chain.Pause()
	case <-n.Chain.Stopped():
		return n.Chain.Pause()
	}
}

// describe tells how to reach a network.
func describe(out io.Writer, n *testnet.Network) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table)
	for _, node := range n.Nodes() {
		fmt.Fprintf(table, "  %s\t%s\tpeers %s\n", node.Name(), node.RPCAddress, node.PeerAddress)
	}
	for _, wallet := range n.Wallets() {
		fmt.Fprintf(table, "  %s\t%s\ton %s\n", wallet.Name(), wallet.RPCAddress, wallet.Node.Name())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, `
All take JSON-RPC over TLS:
  user         %s
  password     %s
  certificate  %s
Wallets are unlocked with the passphrase %s. Logs are in
  %s

To point a wallet of your own at the front end's node, run this with --create at
its end once, then without:

  %s --simnet --appdata=my-wallet --nogrpc \
    --rpcconnect=%s --cafile=%s \
    --username=%s --password=%s

Ctrl-C ends the network.
`, n.User, n.Password, n.CertFile, testnet.Passphrase, filepath.Join(n.Plan.Dir, "logs"),
		n.Plan.Binaries.Wallet, n.FrontEnd.RPCAddress, n.CertFile, n.User, n.Password)
	return err
}
