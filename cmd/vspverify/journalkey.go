package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/verifier/journal"
)

func keyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "key [FILE]",
		Short: "Make the key of a journal, and print its public half",
		Long: `key makes the key that signs one journal, before vspverify run would, so that its public
half can be given to others beforehand. It goes to FILE, readable by its owner alone, and
the public half to FILE.pub. Without FILE and --trial it is the key of the trial in
--config. A key that is there is never replaced.

Never use a key for a second journal: it would look as if the first had been written anew.`,
		Args: cobra.MaximumNArgs(1),
	}
	config := configFlag(c)
	name := c.Flags().String("trial", "", "`NAME` of the trial, as in its configuration")
	vantage := c.Flags().String("vantage", localVantage, "`NAME` of the vantage that keeps the journal")
	c.RunE = func(c *cobra.Command, args []string) error {
		path := ""
		if len(args) == 1 {
			path = args[0]
		}
		if *name == "" || path == "" {
			t, err := load(*config)
			if err != nil {
				return program.Misuse(err)
			}
			if *name == "" {
				*name = t.Name
			}
			if path == "" {
				path = t.JournalKey
			}
		}
		origin, err := journal.Origin(*name, *vantage)
		if err != nil {
			return program.Misuse(err)
		}
		key, err := journal.CreateKey(path, origin)
		if errors.Is(err, os.ErrExist) {
			return program.Misuse(err)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), key.Public())
		return err
	}
	return c
}
