package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write a manual page for every command into DIR",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("make the folder for manual pages: %w", err)
			}
			root := newCommand() // as it is before it runs
			root.InitDefaultCompletionCmd()
			root.DisableAutoGenTag = true
			date := released()
			header := &doc.GenManHeader{Section: "1", Date: &date, Source: "vsp " + version, Manual: "Scrutineer"}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return fmt.Errorf("write manual pages: %w", err)
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "man %s/vsp.1 is the first.\n", args[0])
			return err
		},
	}
}

// released is the date that manual pages carry: of the commit that this program was built from, so that the same source makes
// the same pages. It is fixed where the build does not tell.
func released() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	for _, s := range info.Settings {
		if s.Key != "vcs.time" {
			continue
		}
		if t, err := time.Parse(time.RFC3339, s.Value); err == nil {
			return t.UTC()
		}
	}
	return time.Unix(0, 0).UTC()
}
