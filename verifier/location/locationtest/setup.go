package locationtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"

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

// Setup says what a machine is to be.
type Setup struct {
	Dir      string         // for its files; there, and empty
	Listen   netip.AddrPort // that nobody else has
	Identity int            // two machines with the same one are one machine
	UID      int            // of the account, where we may choose it; 0: any
	Options  string         // lines of sshd_config that come first
	Reviewer
}

// Missing says what this computer lacks to have machines, and is nil if it lacks nothing.
func Missing() error {
	if _, err := find(); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return nil
	}
	if out, err := exec.Command("unshare", "--mount", "mount", "--make-rprivate", "/").CombinedOutput(); err != nil {
		return fmt.Errorf("root may not mount here (%w): %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Private reports whether each machine has an account with a UID of its own. That needs root; without it all of them have
// ours, and sshd passes no connections on: nobody could tell from which machine they come.
func Private() bool { return os.Geteuid() == 0 }

// asMachine runs sshd where there is the account, and where what tells a machine from others is its own. All of them share a
// kernel, and so a boot_id and a time of boot; honest machines do not, and this is what stands in for theirs. It is a
// mount namespace: nothing of it is seen outside.
const asMachine = `set -e
mount --make-rprivate /
mount --bind %[1]s/passwd /etc/passwd
mount --bind %[1]s/shadow /etc/shadow
mount --bind %[1]s/id /proc/sys/kernel/random/boot_id
mount --bind %[1]s/stat /proc/stat
touch /etc/machine-id
mount --bind %[1]s/id /etc/machine-id
mkdir -p /etc/ssh
mount --bind %[1]s /etc/ssh # the account may not reach it elsewhere
exec %[2]s -D -e -f %[1]s/config
`

// answers is run in the place of what a reviewer types, where we may mount nothing. cat is the real one.
const answers = `case "$SSH_ORIGINAL_COMMAND" in
"exec cat") exec cat;;
*) echo machine-id $(cat %[1]s/id); echo boot-id $(cat %[1]s/id); grep '^btime ' %[1]s/stat;;
esac
`

// config is that of sshd, for its address and its folder.
const config = `ListenAddress %s
HostKey %s/host
PidFile none
AuthorizedKeysFile %s/authorized
StrictModes no
UsePAM no
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
`

// Prepare writes a machine's files, and returns it and the command that runs it.
func (s Setup) Prepare() (*Machine, []string, error) {
	sshd, err := find()
	if err != nil {
		return nil, nil, err
	}
	host, _, err := newKey(filepath.Join(s.Dir, "host"))
	if err != nil {
		return nil, nil, err
	}
	m := &Machine{HostKey: strings.TrimSpace(host), Reviewer: s.Reviewer, Address: s.Listen}
	begun := time.Now().Add(-time.Duration(s.Identity) * time.Hour)
	files := map[string]string{
		"id":         fmt.Sprintf("%032x\n", s.Identity),
		"stat":       fmt.Sprintf("btime %d\n", begun.Unix()),
		"authorized": string(ssh.MarshalAuthorizedKey(s.Key.PublicKey())),
	}
	command := []string{sshd, "-D", "-e", "-f", filepath.Join(s.Dir, "config")}
	keys := s.Dir
	if Private() {
		m.Account, keys = account, "/etc/ssh"
		command = []string{"unshare", "--mount", "sh", "-c", fmt.Sprintf(asMachine, s.Dir, sshd)}
		err = s.addAccount(files)
	} else {
		m.Account, err = ours()
		files["answers"] = fmt.Sprintf(answers, s.Dir)
		s.Options += fmt.Sprintf("AllowTcpForwarding no\nForceCommand /bin/sh %s/answers\n", s.Dir)
	}
	files["config"] = s.Options + fmt.Sprintf(config, s.Listen, s.Dir, keys)
	for name, text := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(s.Dir, name), []byte(text), modes[name]|0o600))
	}
	return m, command, err
}

// modes are those of the files that others may read: the account reads its key, and who it is.
var modes = map[string]os.FileMode{"id": 0o644, "stat": 0o644, "authorized": 0o644, "passwd": 0o644}

func ours() (string, error) {
	me, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("find our own account: %w", err)
	}
	return me.Username, nil
}

// The reviewer's account: it has a key, no password and no privileges.
const (
	account    = "scrutineer-reviewer"
	accountUID = 64321
)

// addAccount adds the files of accounts with one more in them, and makes the folder where sshd's unprivileged half lives.
func (s Setup) addAccount(files map[string]string) error {
	if s.UID == 0 {
		s.UID = accountUID
	}
	for name, line := range map[string]string{
		"passwd": fmt.Sprintf("%s:x:%d:%[2]d::/:/bin/sh\n", account, s.UID),
		"shadow": account + ":*:19000:0:99999:7:::\n",
	} {
		raw, err := os.ReadFile("/etc/" + name)
		if err != nil {
			return fmt.Errorf("read the accounts: %w", err)
		}
		files[name] = string(raw) + line
	}
	if err := os.Chmod(s.Dir, 0o755); err != nil {
		return fmt.Errorf("open the machine's folder: %w", err)
	}
	return os.MkdirAll("/run/sshd", 0o755)
}

// find returns the path of sshd, which must be an absolute one.
func find() (string, error) {
	for _, path := range []string{"/usr/sbin/sshd", "/usr/local/sbin/sshd"} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errors.New("there is no sshd (apt-get install openssh-server)")
}

// NewReviewer makes a key, and writes its private half.
func NewReviewer(path string) (Reviewer, error) {
	_, key, err := newKey(path)
	return Reviewer{path, key}, err
}

// newKey writes a private key, and returns its public line and its signer.
func newKey(path string) (string, ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return "", nil, err
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return "", nil, fmt.Errorf("write a key: %w", err)
	}
	signer, err := ssh.NewSignerFromSigner(private)
	if err != nil {
		return "", nil, err
	}
	return string(ssh.MarshalAuthorizedKey(signer.PublicKey())), signer, nil
}
