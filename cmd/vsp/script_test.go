package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"scrutineer/vsp/sqlstore/mariadbtest"
)

// TestMain also makes "vsp" a command of the scripts: this program, as it is built for the tests.
func TestMain(m *testing.M) {
	testscript.Main(ending{m}, map[string]func(){"vsp": main})
}

// ending is tests after which the database server of all of them ends.
type ending struct{ *testing.M }

func (e ending) Run() int {
	code := e.M.Run()
	if err := mariadbtest.End(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScripts runs the commands as an operator types them, each script in a folder of its own.
func TestScripts(t *testing.T) { runScripts(t, "script") }

// TestScriptsOnMariaDB does so where the tickets are in a MariaDB server.
func TestScriptsOnMariaDB(t *testing.T) {
	mariadbtest.Shared(t)
	runScripts(t, "mariadb")
}

func runScripts(t *testing.T, folder string) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", folder),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"vspfolder": vspFolder(t),
			"exits":     exits,
			"await":     await,
			"hangup":    hangUp,
		},
	})
}

// exits runs a program and wants it to exit with a code: exits CODE PROGRAM ARGUMENTS...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENTS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case err == nil && want == 0:
	case errors.As(err, &exit) && exit.ExitCode() == want:
	default:
		ts.Fatalf("%s: %v, not code %d", strings.Join(args[1:], " "), err, want)
	}
}

// await asks for a page until its status and body match: await [-post] URL REGEXP
func await(ts *testscript.TestScript, neg bool, args []string) {
	method := http.MethodGet
	if len(args) > 0 && args[0] == "-post" {
		method, args = http.MethodPost, args[1:]
	}
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await [-post] URL REGEXP")
	}
	want := regexp.MustCompile("(?m)" + args[1])
	last := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if last = page(method, args[0]); want.MatchString(last) {
			return
		}
	}
	ts.Fatalf("%s does not match %s:\n%s", args[0], args[1], last)
}

// page is a page's status and body, or why there is none.
func page(method, url string) string {
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		return err.Error()
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	return answer.Status + "\n" + string(body)
}

// hangUp sends SIGHUP to what runs in the background.
func hangUp(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: hangup")
	}
	for _, command := range ts.BackgroundCmds() {
		ts.Check(command.Process.Signal(syscall.SIGHUP))
	}
}
