// Package postfixtest runs a real postfix for tests: a relay on loopback with a queue and a configuration of its own, gone
// with the test. It touches nothing of a postfix that the machine has.
//
// It hands on in seconds what it has put off, where a postfix in earnest waits minutes, and names what it has queued so that
// the names tell in which order, and when, it was given.
package postfixtest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds each wait: ten times what a loaded machine with two processors takes.
const patience = 60 * time.Second

// Postfix is a relay.
type Postfix struct {
	Address string // host:port, where it takes mail

	dir     string
	master  string    // the program of which all others are children
	process *exec.Cmd // nil while it does not run
	guard   *exec.Cmd // ends it if we die
	leash   io.Closer
	ended   chan struct{}
}

// Start starts a relay at an address, which Address gives, that hands everything on to the server at next, host:port. Settings
// are lines of main.cf on top of ours. Where there is no postfix, or we may not run one, the test is skipped; under CI it fails.
func Start(t testing.TB, address, next string, settings map[string]string) *Postfix {
	t.Helper()
	program, err := exec.LookPath("postfix")
	if err == nil && os.Geteuid() != 0 {
		err = errors.New("only root may run postfix")
	}
	if err != nil && os.Getenv("CI") != "true" {
		t.Skipf("NOT CHECKED, which takes a postfix: %v", err)
	}
	require.NoError(t, err)
	p := &Postfix{Address: address, dir: t.TempDir()}
	for _, folder := range []string{p.dir, filepath.Dir(p.dir)} {
		require.NoError(t, os.Chmod(folder, 0o755)) // most of postfix is not root
	}
	p.write(t, "main.cf", p.main(next, settings))
	p.write(t, "master.cf", fmt.Sprintf(master, p.Address))
	for _, folder := range []string{"queue", "data"} {
		require.NoError(t, os.Mkdir(filepath.Join(p.dir, folder), 0o755))
	}
	p.run(t, "chown", "postfix", filepath.Join(p.dir, "data"))
	p.run(t, program, "-c", p.dir, "check") // which makes the folders of the queue
	p.master = filepath.Join(p.run(t, "postconf", "-c", p.dir, "-h", "daemon_directory"), "master")
	p.Run(t)
	t.Cleanup(p.Stop)
	return p
}

// run runs a program to its end, and returns what it prints.
func (p *Postfix) run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
	return strings.TrimSpace(string(out))
}

// Address returns a free one. Hardly anybody else uses its host, so that the port stays free.
func Address(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.78.%d.%d:0", rand.N(256), 1+rand.N(254)))
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func (p *Postfix) write(t testing.TB, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644))
}

// main is main.cf.
func (p *Postfix) main(next string, settings map[string]string) string {
	host, port, _ := net.SplitHostPort(next)
	all := map[string]string{
		"compatibility_level": "3.6", "queue_directory": p.dir + "/queue", "data_directory": p.dir + "/data",
		"maillog_file": p.dir + "/log", "maillog_file_prefixes": p.dir, "mail_owner": "postfix", "setgid_group": "postdrop",
		"myhostname": "relay.example.org", "inet_protocols": "ipv4", "mydestination": "", "mynetworks": "127.0.0.0/8",
		"alias_maps": "", "alias_database": "", "local_recipient_maps": "", "default_database_type": "texthash",
		"relayhost": "[" + host + "]:" + port, "smtp_host_lookup": "native", "smtp_dns_support_level": "disabled",
		"smtp_tls_security_level": "none", "smtpd_peername_lookup": "no", "smtpd_client_connection_count_limit": "0",
		// Long names of what is queued begin with the time.
		"enable_long_queue_ids": "yes",
		"minimal_backoff_time":  "2s", "maximal_backoff_time": "3s", "queue_run_delay": "1s", "transport_retry_time": "1s",
	}
	for key, value := range settings {
		all[key] = value
	}
	var lines []string
	for key, value := range all {
		lines = append(lines, key+" = "+value+"\n")
	}
	sort.Strings(lines)
	return strings.Join(lines, "")
}

// master is master.cf, as Debian has it without chroot, for where postfix listens. The queue manager looks every second, and
// not every five minutes, for what it finds too early: mail that it wanted to try again while it was still being tried.
const master = `%s inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

// Run starts the relay, again after Stop or Kill, and returns when it takes connections.
func (p *Postfix) Run(t testing.TB) {
	t.Helper()
	output, err := os.OpenFile(filepath.Join(p.dir, "output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer output.Close() // it has its own
	command := exec.Command(p.master, "-c", p.dir, "-s")
	command.Env = append(os.Environ(), "MAIL_CONFIG="+p.dir)
	command.Stdout, command.Stderr = output, output
	require.NoError(t, command.Start()) // it makes a group of its own, and forgets whose child it is
	ended := make(chan struct{})
	p.process, p.ended = command, ended
	go func() {
		defer close(ended)
		_ = command.Wait()
	}()
	p.watch(t)
	deadline := time.After(patience)
	for {
		conn, err := net.Dial("tcp", p.Address)
		if err == nil {
			require.NoError(t, conn.Close())
			return
		}
		select {
		case <-ended:
			require.Fail(t, "postfix has ended", p.Log()+p.read("output"))
		case <-deadline:
			require.Fail(t, "postfix takes no connections", "%v\n%s", err, p.Log()+p.read("output"))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// watch has all of postfix killed should we die without having ended it.
func (p *Postfix) watch(t testing.TB) {
	t.Helper()
	p.guard = exec.Command("sh", "-c", "read line; kill -9 -$0", fmt.Sprint(p.process.Process.Pid))
	var err error
	p.leash, err = p.guard.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, p.guard.Start())
}

// Log is what postfix has said since the first start.
func (p *Postfix) Log() string { return p.read("log") }

func (p *Postfix) read(name string) string {
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Stop ends the relay; what is queued stays.
func (p *Postfix) Stop() { p.end(syscall.SIGTERM) }

// Kill ends the relay, all of its processes, as the loss of power does, but for what the disk had not written yet.
func (p *Postfix) Kill() { p.end(syscall.SIGKILL) }

func (p *Postfix) end(signal syscall.Signal) {
	if p.process == nil {
		return
	}
	_ = syscall.Kill(-p.process.Process.Pid, signal) // its group; the only error is that it has ended
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = syscall.Kill(-p.process.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
	_ = p.guard.Process.Kill() // before it could mistake somebody else for postfix
	_ = p.leash.Close()
	_ = p.guard.Wait()
	p.process = nil
}
