// Package scrutineer_test keeps the directions in which the packages may import each other. They are what makes the
// verifier a judge: it shares the alphabet with the judged, not the reasoning.
package scrutineer_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "scrutineer/"

// leaves are the packages that import nothing of ours, and that their siblings may import: the alphabet, and the pure
// account of votes. The verifier may import no other package below vsp.
var leaves = map[string]bool{
	"vsp/vspapi": true, "vsp/dcrrpc": true, "vsp/network": true, "vsp/deployment": true, "verifier/votes": true,
}

// folders are all that the repository has at its top.
var folders = map[string]bool{"vsp": true, "verifier": true, "alerts": true, "testnet": true, "dashboards": true, "cmd": true}

// broken returns which rule an import breaks, or nothing. Paths are those of packages, without the module's name.
func broken(from, to string, test bool) string {
	within := func(pkg, folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }
	siblings := path.Dir(from) == path.Dir(to) && path.Dir(from) != "." && !within(from, "cmd")
	switch {
	case within(from, "verifier") && within(to, "vsp") && !leaves[to]:
		return "the verifier may know the leaves of vsp only"
	case within(from, "alerts") && !within(to, "alerts"):
		return "alerts knows neither side"
	case within(from, "vsp") && (within(to, "verifier") || within(to, "alerts")):
		return "vsp knows neither its judge nor who is told"
	case within(to, "cmd") && !within(from, "cmd"):
		return "nothing imports a command"
	case test:
		return "" // a test may look wherever it has to
	case leaves[from]:
		return "a leaf imports nothing of ours"
	case within(to, "testnet") && !within(from, "cmd/vsptestnet") && !within(from, "testnet"):
		return "only tests and vsptestnet stand on the test network"
	case from == "verifier/report" && to == "verifier/location":
		return "" // which judges by types of its own; the report only shows them
	case siblings && !leaves[to]:
		return "siblings do not import each other"
	}
	return ""
}

func TestImportDirections(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			to, ours := strings.CutPrefix(name, module)
			if !ours {
				continue
			}
			seen++
			if rule := broken(filepath.ToSlash(filepath.Dir(file)), to, strings.HasSuffix(file, "_test.go")); rule != "" {
				t.Errorf("%s imports %s: %s", file, name, rule)
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, seen, 20, "the walk has found next to nothing of our code")
}

func TestRules(t *testing.T) {
	tests := []struct {
		from, to string
		test, ok bool
	}{
		{"verifier/probe", "vsp/vspapi", false, true},
		{"verifier/probe", "vsp", false, false},
		{"verifier", "vsp/server", true, false},
		{"alerts/email", "alerts", false, true},
		{"alerts", "vsp/dcrrpc", false, false},
		{"vsp", "verifier", false, false},
		{"vsp/server", "vsp", false, true},
		{"vsp/server", "vsp/sqlstore", false, false},
		{"vsp/server", "vsp/sqlstore", true, true},
		{"vsp/vspapi", "vsp/network", false, false},
		{"verifier/blocks", "verifier/votes", false, true},
		{"verifier/probe", "verifier/journal", false, false},
		{"verifier/votes", "verifier/blocks", false, false},
		{"verifier/report", "verifier/location", false, true},
		{"verifier/location", "verifier/report", false, false},
		{"vsp/wallet", "testnet", true, true},
		{"vsp/wallet", "testnet", false, false},
		{"cmd/vsp", "cmd/program", false, true},
		{"vsp", "cmd/program", false, false},
	}
	for _, test := range tests {
		rule := broken(test.from, test.to, test.test)
		require.Equal(t, test.ok, rule == "", "%s imports %s: %q", test.from, test.to, rule)
	}
}

func TestTopFolders(t *testing.T) {
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	built := map[string]bool{"bin": true, "out": true} // by make, not part of the repository
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !built[e.Name()] {
			require.True(t, folders[e.Name()], "%s: the folders at the top are the design; put it below one of them", e.Name())
		}
	}
}
