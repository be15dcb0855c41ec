// Package locationtest is machines for tests that measure: a real sshd each, behind a relay that is as far away as is wanted.
package locationtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// Machine is an sshd of its own, with a host key and an identity of its own.
type Machine struct {
	Address netip.AddrPort
	HostKey string // as the deployment has it
	Account string // that the reviewer's key lets in, and no password
	Reviewer
}

// Reviewer is who may come in.
type Reviewer struct {
	KeyFile string
	Key     ssh.Signer
}

// answers is run in the place of what a reviewer types, where we may not give each machine an identity: all of them have
// one kernel, and so one boot_id. cat is the real one.
const answers = `case "$SSH_ORIGINAL_COMMAND" in
"exec cat") exec cat;;
*) echo machine-id $(cat %[1]s/id); echo boot-id $(cat %[1]s/id); grep '^btime ' /proc/stat;;
esac
`

// asMachine runs sshd where the account is there, and the ids are those of this machine. Nothing of it is seen outside.
const asMachine = `set -e
mount --make-rprivate /
mount --bind %[1]s/passwd /etc/passwd
mount --bind %[1]s/shadow /etc/shadow
mount --bind %[1]s/id /proc/sys/kernel/random/boot_id
touch /etc/machine-id
mount --bind %[1]s/id /etc/machine-id
exec %[2]s -D -e -f %[1]s/config
`

// Start starts a machine that says it is the one with a number. It listens on an address of its own in 127.0.0.0/8 and ends
// with the test. Without an sshd the test is skipped, and under CI it fails.
func Start(t testing.TB, number int) *Machine {
	path := filepath.Join(t.TempDir(), "reviewer")
	_, signer := newKey(t, path)
	return StartFor(t, number, Reviewer{path, signer})
}

// StartFor starts a machine that lets a reviewer in who has a key already.
func StartFor(t testing.TB, number int, reviewer Reviewer) *Machine {
	sshd := find(t)
	dir := t.TempDir()
	host, _ := newKey(t, filepath.Join(dir, "host"))
	m := &Machine{HostKey: host, Reviewer: reviewer,
		Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 77, byte(number), 1}), freePort(t))}
	write(t, dir, "id", fmt.Sprintf("%032x\n", number))
	write(t, dir, "authorized", string(ssh.MarshalAuthorizedKey(reviewer.Key.PublicKey())))
	config := fmt.Sprintf(config, m.Address, dir)
	var cmd *exec.Cmd
	if os.Geteuid() == 0 {
		m.Account = account
		addAccount(t, dir)
		require.NoError(t, os.MkdirAll("/run/sshd", 0o755)) // where its unprivileged half lives
		cmd = exec.Command("unshare", "--mount", "sh", "-c", fmt.Sprintf(asMachine, dir, sshd))
	} else {
		me, err := user.Current()
		require.NoError(t, err)
		m.Account = me.Username
		write(t, dir, "answers", fmt.Sprintf(answers, dir))
		config += fmt.Sprintf("ForceCommand /bin/sh %s/answers\n", dir)
		cmd = exec.Command(sshd, "-D", "-e", "-f", filepath.Join(dir, "config"))
	}
	write(t, dir, "config", config)
	run(t, m, cmd, filepath.Join(dir, "log"))
	return m
}

// config is that of sshd, for its address and its folder.
const config = `ListenAddress %s
HostKey %s/host
PidFile none
AuthorizedKeysFile %[2]s/authorized
StrictModes no
UsePAM no
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
`

// account is the reviewer's: it has a key, no password and no privileges.
const account = "scrutineer-reviewer"

// addAccount writes the files of accounts with one more in them.
func addAccount(t testing.TB, dir string) {
	for name, line := range map[string]string{"passwd": account + ":x:64321:64321::/:/bin/sh\n", "shadow": account + ":*:19000:0:99999:7:::\n"} {
		raw, err := os.ReadFile("/etc/" + name)
		require.NoError(t, err)
		write(t, dir, name, string(raw)+line)
	}
	require.NoError(t, os.Chmod(filepath.Join(dir, "shadow"), 0o600))
	for _, folder := range []string{dir, filepath.Dir(dir)} {
		require.NoError(t, os.Chmod(folder, 0o755)) // the account reads its key there
	}
}

func write(t testing.TB, dir, name, text string) {
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
}

// run starts sshd, and waits until it listens.
func run(t testing.TB, m *Machine, cmd *exec.Cmd, logFile string) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(logFile)
	require.NoError(t, err)
	cmd.Stderr = log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		log.Close()
		if text, err := os.ReadFile(logFile); err == nil && t.Failed() {
			t.Logf("sshd of %v said:\n%s", m.Address, text)
		}
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", m.Address.String())
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, time.Minute, 20*time.Millisecond, "sshd does not listen on %v", m.Address)
}

// find returns the path of sshd, which must be an absolute one.
func find(t testing.TB) string {
	for _, path := range []string{"/usr/sbin/sshd", "/usr/local/sbin/sshd"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no sshd: apt-get install openssh-server")
	}
	t.Skip("not checked: measurements through a real sshd (apt-get install openssh-server)")
	return ""
}

// newKey writes a private key, and returns its public line and its signer.
func newKey(t testing.TB, path string) (string, ssh.Signer) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	signer, err := ssh.NewSignerFromSigner(private)
	require.NoError(t, err)
	return string(ssh.MarshalAuthorizedKey(signer.PublicKey())), signer
}

// NewKey returns a key of nobody's yet.
func NewKey(t testing.TB) ssh.Signer {
	_, signer := newKey(t, filepath.Join(t.TempDir(), "key"))
	return signer
}

func freePort(t testing.TB) uint16 {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).AddrPort().Port()
}
