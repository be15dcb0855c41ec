package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/testnet"
)

// daemonsFlag adds the flag that says where the daemons are.
func daemonsFlag(c *cobra.Command) *string {
	return c.Flags().String("daemons", "", "use dcrd and dcrwallet in `DIR` instead of building those of this checkout")
}

// daemons returns the daemons in dir, or builds those of the checkout we are in if dir is empty.
func daemons(ctx context.Context, dir string, progress io.Writer) (testnet.Binaries, error) {
	if dir != "" {
		binaries, err := testnet.FindBinaries(dir)
		if err != nil {
			return testnet.Binaries{}, program.Misuse(err)
		}
		return binaries, nil
	}
	checkout, err := testnet.Checkout(".")
	if err != nil {
		return testnet.Binaries{}, program.Misuse(err)
	}
	return testnet.BuildBinaries(ctx, checkout, progress)
}
