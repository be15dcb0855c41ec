package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"crypto/ed25519"

	"github.com/spf13/cobra"

	"scrutineer/cmd/configfile"
	"scrutineer/cmd/program"
	"scrutineer/vsp/chain"
	"scrutineer/vsp/dcrrpc"
)

func checkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, then ask the node and every wallet",
		Long: `check names every mistake in the configuration, with its line. Where there is none, it
asks the node and every wallet whether the VSP can work with them.

Exit code 1 says that something is wrong.`,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	offline := c.Flags().Bool("offline", false, "look at the configuration only")
	c.RunE = func(c *cobra.Command, _ []string) error {
		s, err := loadConfig(*path)
		if err != nil {
			return err
		}
		out := c.OutOrStdout()
		fmt.Fprintf(out, "%s: in order\n", *path)
		fmt.Fprintf(out, "public key: %s\n", base64.StdEncoding.EncodeToString(s.signingKey.Public().(ed25519.PublicKey)))
		if *offline {
			return nil
		}
		return checkDaemons(c.Context(), out, s)
	}
	return c
}

// loadConfig is load with the exit code that mistakes have.
func loadConfig(path string) (*settings, error) {
	s, err := load(path)
	var mistakes *configfile.Mistakes
	if errors.As(err, &mistakes) {
		return nil, program.AnswerNo(fmt.Errorf("%s in the configuration:\n%w", plural(len(mistakes.List), "mistake"), err))
	}
	return s, err
}

// checkDaemons prints a line for each daemon, and returns an error if one of them will not do.
func checkDaemons(ctx context.Context, out io.Writer, s *settings) error {
	bad := 0
	say := func(name, address, verdict string, err error) {
		if err != nil {
			bad++
			verdict = err.Error()
		}
		fmt.Fprintf(out, "%s (%s): %s\n", name, address, verdict)
	}
	node := dcrrpc.NewNode(s.node)
	defer node.Close()
	say("node", s.node.Address, "in order", chain.New(node, s.profile, slog.New(slog.DiscardHandler)).Check(ctx))
	for i, config := range s.wallets {
		say(s.Wallet[i].Name, config.Address, "ready to vote", checkWallet(ctx, config))
	}
	if bad > 0 {
		return program.AnswerNo(fmt.Errorf("%d of %d daemons will not do", bad, 1+len(s.wallets)))
	}
	return nil
}

// checkWallet returns what keeps a wallet from voting as it should.
func checkWallet(ctx context.Context, config dcrrpc.Config) error {
	wallet := dcrrpc.NewWallet(config)
	defer wallet.Close()
	switch seen := lookAt(ctx, wallet); {
	case seen.Detail != "":
		return errors.New(seen.Detail)
	case seen.strangers:
		return errors.New("would vote with strangers' tickets: start it with --manualtickets")
	}
	return nil
}
