package program

import (
	"errors"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func TestExitCodes(t *testing.T) {
	work := map[string]error{
		"yes":    nil,
		"no":     AnswerNo(errors.New("one row failed")),
		"misuse": Misuse(errors.New("no such file of tickets")),
		"broken": errors.New("disk is full"),
	}
	tests := []struct {
		args []string
		want int
	}{
		{[]string{"yes"}, Done},
		{[]string{"no"}, No},
		{[]string{"misuse"}, Misused},
		{[]string{"broken"}, Impossible},
		{[]string{"unheard-of"}, Misused},
		{[]string{"yes", "--no-such-flag"}, Misused},
		{[]string{"yes", "surplus"}, Misused},
		{[]string{"--help"}, Done},
		{[]string{"group"}, Done},
		{[]string{"group", "member"}, Done},
		{[]string{"group", "unheard-of"}, Misused},
		{[]string{"group", "unheard-of", "--help"}, Misused},
		{[]string{"group", "--help"}, Done},
		{[]string{"help", "group"}, Done},
	}
	for _, test := range tests {
		root := &cobra.Command{Use: "vsp"}
		for name, err := range work {
			root.AddCommand(&cobra.Command{Use: name, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return err }})
		}
		group := &cobra.Command{Use: "group"}
		group.AddCommand(&cobra.Command{Use: "member", RunE: func(*cobra.Command, []string) error { return nil }})
		root.AddCommand(group)
		root.SetArgs(test.args)
		require.Equal(t, test.want, Run(root), "%v", test.args)
	}
}
