package deployment_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/deployment"
)

// watched is a healthy description whose hosts are watched, with monit's folder at state. One host does everything that no
// rule forbids it.
func watched(t *testing.T, state string) deployment.Deployment {
	d := healthy()
	d.Hosts[0].Roles = append(d.Hosts[0].Roles, deployment.Database)
	d.Monitoring = &deployment.Monitoring{
		MailServer: "mail.example.org:587", MailUser: "monit", From: "monit@example.org",
		To: []string{"first@example.org", "second@example.org"}, Site: "vsp.example.org", State: state,
		Clock: script(t, "clock", "echo yes"), WalletInfo: script(t, "walletinfo", `echo '"unlocked": true, "voting": true'`),
	}
	require.Empty(t, d.Mistakes())
	return d
}

// script writes a program for the shell.
func script(t *testing.T, name, text string) (path string) {
	path = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	return path
}

// monit runs monit to its end. Where there is none the test is skipped; under CI it fails.
func monit(t *testing.T, args ...string) (string, error) {
	path, err := exec.LookPath("monit")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("NOT CHECKED, as there is no monit: install Debian's package monit")
	}
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil {
		require.True(t, errors.As(err, &exit), "%v", err)
	}
	return string(out), err
}

// write writes a control file as monit wants it.
func write(t *testing.T, text string) (path string) {
	path = filepath.Join(t.TempDir(), "monitrc")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// options are those of TLS, as monit prints them when the certificate is verified.
var options = regexp.MustCompile(`\{verify: enable[^}]*\}`)

// mailServers are those that monit has read: each on a line, with how it is spoken to.
func mailServers(t *testing.T, path string) (servers []string) {
	out, err := monit(t, "-vv", "-t", "-c", path)
	require.NoError(t, err, out)
	for line := range strings.Lines(out) {
		if name, value, found := strings.Cut(line, " = "); found && strings.TrimSpace(name) == "Mail server(s)" {
			servers = append(servers, strings.Split(options.ReplaceAllString(value, "verified"), ", ")...)
		}
	}
	return servers
}

func TestMonitTakesEveryControlFile(t *testing.T) {
	files, err := watched(t, t.TempDir()).Monit("hush # hush")
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, f := range files {
		path := write(t, f.Text)
		out, err := monit(t, "-t", "-c", path)
		require.NoError(t, err, "%s: %s\n%s", f.Host, out, f.Text)
		require.Contains(t, out, "Control file syntax OK")
		require.Equal(t, f.Host+".monitrc", f.Name)

		require.NoError(t, os.Chmod(path, 0o644))
		_, err = monit(t, "-t", "-c", path)
		require.Error(t, err, "monit wants that nobody else can read it")
	}
}

// monit reads any word after "using" that it does not know as the name of another mail server, and then mails in clear.
func TestMonitMailsOverTLS(t *testing.T) {
	files, err := watched(t, t.TempDir()).Monit("hush")
	require.NoError(t, err)
	for _, f := range files {
		require.Len(t, mailServers(t, write(t, f.Text)), 1)
		require.Contains(t, mailServers(t, write(t, f.Text))[0], "mail.example.org:587 using TLS with options verified")
	}
	pitfall := strings.Replace(files[0].Text, "using tls {", "using starttls\n#", 1)
	require.NotEqual(t, files[0].Text, pitfall)
	require.Len(t, mailServers(t, write(t, pitfall)), 2, "the check above sees it")
}

func TestMonitoringMistakes(t *testing.T) {
	for key, spoil := range map[string]func(*deployment.Monitoring){
		"every":       func(m *deployment.Monitoring) { m.Every = -1 },
		"mail_server": func(m *deployment.Monitoring) { m.MailServer = "mail.example.org" },
		"mail_tls":    func(m *deployment.Monitoring) { m.MailTLS = "none" },
		"from":        func(m *deployment.Monitoring) { m.From = "monit } set daemon" },
		"to":          func(m *deployment.Monitoring) { m.To = nil },
		"site":        func(m *deployment.Monitoring) { m.Site = "https://vsp.example.org" },
		"node_rpc":    func(m *deployment.Monitoring) { m.NodeRPC = "127.0.0.1:99999" },
		"wallet_info": func(m *deployment.Monitoring) { m.WalletInfo = `/bin/sh -c "x"` },
		"disks":       func(m *deployment.Monitoring) { m.Disks = []string{"home"} },
	} {
		d := watched(t, t.TempDir())
		spoil(d.Monitoring)
		found := d.Mistakes()
		require.Len(t, found, 1, key)
		require.Equal(t, "monitoring."+key, found[0].Key)
	}
}
