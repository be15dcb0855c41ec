package main

import (
	"github.com/spf13/cobra"

	"scrutineer/verifier/report"
)

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of report.json",
		Long: `schema prints what report.json may hold, and what each field of it means, as a JSON schema
(draft 2020-12).`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return writeText(c.OutOrStdout(), report.Schema)
		},
	}
}
