package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/cmd/program"
)

// TestTrialReplacesOnlyATrial: --out names a folder that will be emptied, so it must not be anybody's.
func TestTrialReplacesOnlyATrial(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out", "trial")
	require.NoError(t, clear(dir), "a new folder")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "report.txt"), []byte("old"), 0o600))
	require.NoError(t, clear(dir), "what a trial has left")
	require.NoFileExists(t, filepath.Join(dir, "report.txt"))
	require.FileExists(t, filepath.Join(dir, marker), "a trial that was broken off can be replaced too")

	foreign := t.TempDir()
	precious := filepath.Join(foreign, "thesis.txt")
	require.NoError(t, os.WriteFile(precious, []byte("precious"), 0o600))
	err := clear(foreign)
	require.ErrorContains(t, err, "no trial's")
	var failure *program.Failure
	require.True(t, errors.As(err, &failure))
	require.Equal(t, program.Misused, failure.Code)
	require.FileExists(t, precious)
}

func TestCommands(t *testing.T) {
	tests := []struct {
		args []string
		want int
	}{
		{[]string{"--help"}, program.Done},
		{[]string{"trial", "surplus"}, program.Misused},
		{[]string{"up", "--pace", "-1s"}, program.Misused},
		{[]string{"up", "--daemons", "/nowhere"}, program.Misused},
		{[]string{"trial", "--seed", "many"}, program.Misused},
	}
	for _, test := range tests {
		root := newCommand()
		root.SetArgs(test.args)
		require.Equal(t, test.want, program.Run(root), "%v", test.args)
	}
}
