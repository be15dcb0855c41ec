package dashboards

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/testnet"
)

// killed is how many wallets are killed, each of them once: one that fails again soon is told of otherwise.
const killed = 6

// watcher is one of those who are compared, and what it has come to.
type watcher struct {
	name         string
	began, ended func(wallet string, m testnet.Mail) bool // whether a mail tells of a wallet's fault, or of its end
	took         []time.Duration
}

var watchers = []*watcher{
	{name: "vsp serve",
		began: func(w string, m testnet.Mail) bool {
			return ours(m) && strings.Contains(m.Subject, w+" does not answer")
		},
		ended: func(w string, m testnet.Mail) bool {
			return ours(m) && strings.HasPrefix(m.Subject, "[OK] "+w+" does not answer")
		}},
	{name: "monit",
		began: func(w string, m testnet.Mail) bool { return m.Subject == "monit: "+w+" Does not exist" },
		ended: func(w string, m testnet.Mail) bool { return m.Subject == "monit: "+w+" Exists" }},
	{name: "Prometheus, Alertmanager",
		began: func(w string, m testnet.Mail) bool {
			return m.To[0] == "operator@example.org" && strings.Contains(string(m.Raw), "firing: "+w+" cannot vote")
		},
		ended: func(w string, m testnet.Mail) bool {
			return m.To[0] == "operator@example.org" && strings.Contains(string(m.Raw), "resolved: "+w+" cannot vote")
		}},
}

func ours(m testnet.Mail) bool { return m.To[0] == "ours@example.org" }

// BenchmarkFaultToMail kills a voting wallet on a real network, again and again, under the eyes of our own service, of monit on
// the wallet's host, and of Prometheus with Alertmanager and our rules. All look every second and give their mails to the same
// server. Nobody is made to wait: monit speaks at the first look; the rule's for, which is a minute in earnest, is a second;
// Alertmanager, which gathers what comes within half a minute, gathers nothing.
func BenchmarkFaultToMail(b *testing.B) {
	for range b.N {
		for _, w := range watchers {
			w.took = nil
		}
		race(b)
	}
	fmt.Printf("\n%-26s %10s %10s   of %d kills of a wallet, all looking every second\n", "from fault to mail", "median", "worst", killed)
	for _, w := range watchers {
		slices.Sort(w.took)
		median, worst := w.took[len(w.took)/2], w.took[len(w.took)-1]
		fmt.Printf("%-26s %7.2f s  %7.2f s\n", w.name, median.Seconds(), worst.Seconds())
		b.ReportMetric(median.Seconds(), strings.Fields(strings.TrimPrefix(w.name, "vsp "))[0]+"-median-s")
	}
}

func race(b *testing.B) {
	for _, name := range []string{"prometheus", "prometheus-alertmanager", "monit"} {
		tool(b, name)
	}
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
	defer cancel()
	sink, err := testnet.StartSink("127.0.0.1:0", b.TempDir())
	require.NoError(b, err)
	defer func() { require.NoError(b, sink.Close()) }()
	network, vsp := watchedNetwork(ctx, b, sink.Addr())
	defer func() {
		require.NoError(b, vsp.Stop(context.WithoutCancel(ctx)))
		require.NoError(b, network.Close())
	}()
	startMonit(b, network, sink.Addr())
	// What is told within a moment is not gathered, and what is over is told at once.
	alertmanager := startAlertmanagerWith(b, sink.Addr(), map[string]string{"group_wait: 30s": "group_wait: 0s", "group_interval: 5m": "group_interval: 1s"})
	startPrometheusWith(b, host(vsp.FrontEnds[0].MetricsURL), "127.0.0.1:1", host(alertmanager), quickRules(b)).awaitCalm(b)

	for i, h := range network.Voting {
		name := fmt.Sprintf("wallet-%d", i+1)
		time.Sleep(rand.N(time.Second)) // the fault comes at any moment of their rounds
		at := time.Now()
		h.Wallet.Kill()
		for _, w := range watchers {
			mail, err := sink.Wait(ctx, func(m testnet.Mail) bool { return w.began(name, m) })
			require.NoError(b, err, "%s: %s", w.name, name)
			w.took = append(w.took, mail.Received.Sub(at))
		}
		require.NoError(b, h.Wallet.Start(ctx))
		for _, w := range watchers {
			_, err := sink.Wait(ctx, func(m testnet.Mail) bool { return w.ended(name, m) })
			require.NoError(b, err, "%s: end of %s", w.name, name)
		}
	}
}

// watchedNetwork is one with a wallet for each kill, and a VSP that mails.
func watchedNetwork(ctx context.Context, b *testing.B, mailServer string) (*testnet.Network, *testnet.VSP) {
	checkout, err := testnet.Checkout(".")
	require.NoError(b, err)
	daemons, err := testnet.BuildBinaries(ctx, checkout, os.Stderr)
	require.NoError(b, err)
	programs, err := testnet.BuildPrograms(ctx, checkout, os.Stderr, "vsp")
	require.NoError(b, err)
	network, err := testnet.Start(ctx, testnet.Plan{Dir: b.TempDir(), Binaries: daemons, Seed: 7, VotingHosts: killed})
	require.NoError(b, err)
	vsp, err := network.StartVSP(ctx, testnet.VSPPlan{Program: programs[0], CheckEvery: time.Second, MailServer: mailServer,
		AlertsTo: []string{"ours@example.org"}})
	if err != nil {
		require.NoError(b, network.Close())
	}
	require.NoError(b, err)
	return network, vsp
}

// quickRules returns a folder with the operators' rules, in which a wallet is told of after a second.
func quickRules(b *testing.B) (folder string) {
	text, err := os.ReadFile("operators.rules.yml")
	require.NoError(b, err)
	rule := regexp.MustCompile(`(- alert: VSPWalletNotVoting\n.*\n\s+for: )1m`)
	require.True(b, rule.Match(text))
	folder = b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(folder, "operators.rules.yml"), rule.ReplaceAll(text, []byte("${1}1s")), 0o600))
	return folder
}

// startMonit watches the wallets' processes, as vsp monit has it on each host.
func startMonit(b *testing.B, network *testnet.Network, mailServer string) {
	dir := b.TempDir()
	server, port, _ := strings.Cut(mailServer, ":")
	text := fmt.Sprintf("set daemon 1\nset logfile %[1]s/log\nset pidfile %[1]s/pid\nset idfile %[1]s/id\nset statefile %[1]s/state\n"+
		"set mailserver %s port %s\nset mail-format {\n  from: monit@example.org\n  subject: monit: $SERVICE $EVENT\n}\n"+
		"set alert monit@example.org not on { instance, action }\n", dir, server, port)
	for i, h := range network.Voting {
		text += fmt.Sprintf("check process wallet-%d matching \"dcrwallet --appdata=%s \"\n  if does not exist then alert\n",
			i+1, filepath.Dir(h.Wallet.ConfigFile()))
	}
	path := filepath.Join(dir, "monitrc")
	require.NoError(b, os.WriteFile(path, []byte(text), 0o600))
	out, err := exec.Command(tool(b, "monit"), "-t", "-c", path).CombinedOutput()
	require.NoError(b, err, "%s", out)
	process, err := testnet.StartProcess(testnet.Program{Name: "monit", Path: tool(b, "monit"), Args: []string{"-I", "-c", path}, Log: filepath.Join(dir, "output")})
	require.NoError(b, err)
	b.Cleanup(process.Kill)
}

// awaitCalm waits until Prometheus has seen all wallets well. The others have by then.
func (p prometheus) awaitCalm(b *testing.B) {
	eventually(b, func() error {
		n, err := p.count(b, fmt.Sprintf("vsp_wallets_ready == %d", killed))
		if err == nil && n == 0 {
			err = errors.New("not all wallets are ready")
		}
		return err
	})
}
