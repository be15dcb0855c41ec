package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain also makes "vsp" a command of the scripts: this program, as it is built for the tests.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"vsp": main})
}

// TestScripts runs the commands as an operator types them. Each script stands in a folder of its own; vspfolder makes a
// VSP's folder there.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"vspfolder": vspFolder,
			"exits":     exits,
		},
	})
}
