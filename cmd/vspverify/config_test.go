package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/cmd/configfile"
)

// TestMistakesOfTheTarget: controls must be other sites, and the file of a certificate must hold one.
func TestMistakesOfTheTarget(t *testing.T) {
	tests := []struct{ line, key, says string }{
		{`controls = ["example.org"]`, "controls", "https://example.org"},
		{`controls = ["https://vsp.example.org/other"]`, "controls", "nothing to do with it"},
		{`ca_file = "missing.pem"`, "ca_file", "missing.pem"},
		{`ca_file = "trial.toml"`, "ca_file", "no PEM certificate"},
		{`controls = ["https://example.org", "http://192.0.2.1:8080/page"]`, "", ""},
	}
	for _, test := range tests {
		t.Run(test.line, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "trial.toml")
			text := strings.Join([]string{`url = "https://vsp.example.org"`, test.line}, "\n")
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			_, err := load(path)
			var mistakes *configfile.Mistakes
			require.ErrorAs(t, err, &mistakes)
			var found []configfile.Mistake
			for _, m := range mistakes.List {
				if m.Key == "controls" || m.Key == "ca_file" {
					found = append(found, m)
				}
			}
			if test.key == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, test.key, found[0].Key)
			require.Equal(t, 2, found[0].Line)
			require.Contains(t, found[0].Text, test.says)
		})
	}
}
