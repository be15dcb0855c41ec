// Package locationtest is machines to be measured: a real sshd each, behind a relay that is as far away as is wanted.
//
// Tests start them with Start and StartRelay, which end with the test. Whoever has processes of his own to look after uses
// Setup and NewRelay.
package locationtest

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// Start starts a machine that says it is the one with a number. It listens on an address of its own in 127.0.0.0/8 and ends
// with the test. Without an sshd the test is skipped, and under CI it fails.
func Start(t testing.TB, number int) *Machine {
	reviewer, err := NewReviewer(filepath.Join(t.TempDir(), "reviewer"))
	must(t, err)
	return StartFor(t, number, reviewer)
}

// StartFor starts a machine that lets a reviewer in who has a key already.
func StartFor(t testing.TB, number int, reviewer Reviewer, options ...string) *Machine {
	Need(t)
	s := Setup{Dir: t.TempDir(), Identity: number, Reviewer: reviewer,
		Listen: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 77, byte(number), 1}), freePort(t))}
	for _, o := range options {
		s.Options += o + "\n"
	}
	m, command, err := s.Prepare()
	must(t, err)
	run(t, m, command, filepath.Join(s.Dir, "log"))
	return m
}

// Need skips a test where there can be no machines. Under CI it fails.
func Need(t testing.TB) {
	missing := Missing()
	if missing != nil && os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	if missing != nil {
		t.Skipf("not checked: measurements through a real sshd: %v", missing)
	}
}

// run starts sshd, and waits until it listens.
func run(t testing.TB, m *Machine, command []string, logFile string) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(logFile)
	must(t, err)
	cmd.Stderr = log
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		log.Close()
		if text, err := os.ReadFile(logFile); err == nil && t.Failed() {
			t.Logf("sshd of %v said:\n%s", m.Address, text)
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", m.Address.String())
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("sshd does not listen: %v", err)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// NewKey returns a key of nobody's yet.
func NewKey(t testing.TB) ssh.Signer {
	r, err := NewReviewer(filepath.Join(t.TempDir(), "key"))
	must(t, err)
	return r.Key
}

func freePort(t testing.TB) uint16 {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).AddrPort().Port()
}
