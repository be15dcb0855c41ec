package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/cmd/configfile"
	"scrutineer/verifier/location/locationtest"
)

// TestMistakesOfPlaces names what is wrong in the section [places], and takes one in which nothing is.
func TestMistakesOfPlaces(t *testing.T) {
	dir := t.TempDir()
	reviewer, err := locationtest.NewReviewer(filepath.Join(dir, "reviewer"))
	require.NoError(t, err)
	tests := []struct{ lines, key, says string }{
		{"deployment = \"d.toml\"\nkey = \"reviewer\"\nplace = \"Paris\"\nlatitude = 48.86\nlongitude = 2.35\nsurveys = [\"a.json\", \"b/c.json\"]", "", ""},
		{"deployment = \"d.toml\"", "", ""},
		{"place = \"Paris\"", "places.deployment", "is missing"},
		{"deployment = \"d.toml\"\nkey = \"none\"", "places.key", "no such file"},
		{"deployment = \"d.toml\"\nkey = \"trial.toml\"", "places.key", "trial.toml"},
		{"deployment = \"d.toml\"\nlatitude = 48.86", "places", "is nowhere"},
		{"deployment = \"d.toml\"\nlatitude = 91.0\nlongitude = 0.0", "places", "is nowhere"},
		{"deployment = \"d.toml\"\nevery = \"0s\"", "places", "no such measurement"},
		{"deployment = \"d.toml\"\napart = -1.0", "places", "no such measurement"},
		{"deployment = \"d.toml\"\nplace = \"paris\"\n[[vantages]]\nname = \"paris\"", "places", "comes twice"},
		{"deployment = \"d.toml\"\nsurveys = [\"a/x.json\", \"b/x.json\"]", "places.surveys", "a name of its own"},
		{"deployment = \"d.toml\"\nasn_db = \"trial.toml\"", "places.asn_db", "trial.toml"},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.lines, "\n", " "), func(t *testing.T) {
			path := filepath.Join(dir, "trial.toml")
			require.NoError(t, os.WriteFile(path, []byte("[places]\n"+test.lines+"\n"), 0o600))
			_, err := load(path)
			var mistakes *configfile.Mistakes
			require.ErrorAs(t, err, &mistakes)
			var found []string
			for _, m := range mistakes.List {
				if strings.HasPrefix(m.Key, "places") {
					found = append(found, fmt.Sprintf("%s: %s", m.Key, m.Text))
				}
			}
			if test.key == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.True(t, strings.HasPrefix(found[0], test.key+": "), found[0])
			require.Contains(t, found[0], test.says)
		})
	}
	require.NotNil(t, reviewer.Key)
}
