package dashboards

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/testnet"
)

// tool returns the path of a program of Debian's packages prometheus and prometheus-alertmanager. Where it is not installed the
// test is skipped, unless CI is true in the environment.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") != "true" {
		t.Skipf("NOT CHECKED, as there is no %s: install Debian's packages prometheus and prometheus-alertmanager", name)
	}
	require.NoError(t, err)
	return path
}

// run runs a tool to its end and returns what it prints.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), tool(t, name), args...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	require.NoError(t, err, "%s %s\n%s%s", name, strings.Join(args, " "), out, &complaint)
	return string(out)
}

// files are those next to us whose names end so.
func files(t testing.TB, suffix string) []string {
	t.Helper()
	found, err := filepath.Glob("*" + suffix)
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}

// serve runs a server of HTTP until the test ends, and returns its URL once it is ready. Its flag for the address ends in
// listen-address.
func serve(t testing.TB, name string, args ...string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	process, err := testnet.StartProcess(testnet.Program{Name: name, Path: tool(t, name),
		Args: append(args, "--web.listen-address="+address), Log: filepath.Join(t.TempDir(), name+".log")})
	require.NoError(t, err)
	t.Cleanup(process.Kill)
	eventually(t, func() error {
		if !process.Running() {
			require.Fail(t, name+" has ended", process.Tail())
		}
		answer, err := http.Get("http://" + address + "/-/ready")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("HTTP status %d", answer.StatusCode)
		}
		return nil
	})
	return "http://" + address
}

// patience bounds each wait. It is generous: a slow machine is no fault of the rules.
const patience = 90 * time.Second

// eventually waits until an act succeeds.
func eventually(t testing.TB, act func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := act()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			require.NoError(t, err, "waited in vain")
		}
		time.Sleep(50 * time.Millisecond)
	}
}
