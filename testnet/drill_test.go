package testnet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/verifier/report"
)

// wholeDrill is the long form of TestDrill.
var wholeDrill = flag.Bool("drill", false, "let TestDrill make every kind of fault that it knows")

// reviewersDomain is where the reviewer's address is.
const reviewersDomain = "drill.example.net"

// breakage is how a kind of fault is made on a network, and how it ends.
type breakage struct {
	name, what  string
	make, mend  func(context.Context, *Network) error
	inShortForm bool
}

// onVoting does the same to some voting wallets, by their numbers.
func onVoting(act func(*Wallet, context.Context) error, numbers ...int) func(context.Context, *Network) error {
	return func(ctx context.Context, n *Network) error {
		for _, i := range numbers {
			if err := act(n.Voting[i-1].Wallet, ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

func killWallet(w *Wallet, _ context.Context) error { w.Kill(); return nil }

// restarted starts a wallet anew with other options, and then only waits until it answers.
func restarted(change func(options []option) []option) func(*Wallet, context.Context) error {
	return func(w *Wallet, ctx context.Context) error {
		if err := w.Stop(ctx); err != nil {
			return err
		}
		was := w.options
		w.options = change(slices.Clone(was))
		err := w.writeConfig()
		w.options = was
		if err != nil {
			return err
		}
		return w.start(ctx, func(ctx context.Context) (bool, string) {
			var status json.RawMessage
			err := w.RPC.Call(ctx, &status, "walletinfo")
			return err == nil, fmt.Sprint(err)
		})
	}
}

func withoutVoting(options []option) []option {
	return slices.DeleteFunc(options, func(o option) bool { return o == voting })
}

// startAnew ends a wallet and starts it as it should be.
func startAnew(w *Wallet, ctx context.Context) error { return errors.Join(w.Stop(ctx), w.Start(ctx)) }

// breakages are all faults, in an order in which none is of what another one has just broken: an incident that comes back is told
// of, but its end is held back.
var breakages = []breakage{
	{"wallet-killed", "wallet-1 is killed", onVoting(killWallet, 1), onVoting((*Wallet).Start, 1), true},
	{"wallet-locked", "wallet-3 is locked", onVoting((*Wallet).Lock, 3), onVoting((*Wallet).Unlock, 3), true},
	{"two-locked", "wallet-1 and wallet-2 are locked", onVoting((*Wallet).Lock, 1, 2), onVoting((*Wallet).Unlock, 1, 2), true},
	{"wallet-hangs", "wallet-2 hangs", onVoting((*Wallet).freeze, 2), onVoting((*Wallet).thaw, 2), false},
	{"voting-off", "wallet-1 runs without --enablevoting", onVoting(restarted(withoutVoting), 1), onVoting(startAnew, 1), false},
	{"wallet-node", "the node of wallet-2 is stopped", func(ctx context.Context, n *Network) error { return n.Voting[1].Node.Stop(ctx) },
		func(ctx context.Context, n *Network) error { return n.Voting[1].Node.Start(ctx) }, false},
	{"two-nodes", "the nodes of wallet-1 and wallet-3 are killed", func(_ context.Context, n *Network) error {
		n.Voting[0].Node.Kill()
		n.Voting[2].Node.Kill()
		return nil
	}, func(ctx context.Context, n *Network) error {
		return errors.Join(n.Voting[0].Node.Start(ctx), n.Voting[2].Node.Start(ctx))
	}, false},
	{"two-wallets", "wallet-2 and wallet-3 are killed", onVoting(killWallet, 2, 3), onVoting((*Wallet).Start, 2, 3), false},
	{"all-locked", "all wallets are locked", onVoting((*Wallet).Lock, 1, 2, 3), onVoting((*Wallet).Unlock, 1, 2, 3), false},
	{"all-off", "no wallet votes", onVoting(restarted(withoutVoting), 1, 2, 3), onVoting(startAnew, 1, 2, 3), false},
	{"front-node", "the front end's node is stopped", func(ctx context.Context, n *Network) error { return n.FrontEnd.Stop(ctx) },
		func(ctx context.Context, n *Network) error { return n.FrontEnd.Start(ctx) }, false},
	{"front-alone", "the front end's node has no peers", func(ctx context.Context, n *Network) error { return n.FrontEnd.Cut(ctx) },
		func(ctx context.Context, n *Network) error { return n.FrontEnd.Join(ctx) }, false},
	{"all-wallets", "all wallets are killed", onVoting(killWallet, 1, 2, 3), onVoting((*Wallet).Start, 1, 2, 3), false},
}

// TestDrill has the VSP of a network show that its alerts arrive: with its mail on the way, and with a path that loses it. The
// mails are signed by the VSP, handed on by its mail server, and received and judged by vspverify.
func TestDrill(t *testing.T) {
	d := startDrill(t)
	d.drill(t, 0, "--within", "2m", "--end-early")
	r := d.awaitReport(t, verifier.Pass, verifier.Pass, verifier.Pass)
	require.Len(t, r.Alerts.Faults, len(d.faults))
	for _, f := range r.Alerts.Faults {
		require.NotNil(t, f.AlertSeconds, f.Fault)
		require.NotNil(t, f.RecoverySeconds, f.Fault)
	}

	d.sink.Lose(true)
	d.drill(t, 1, "--within", "3s", "--for", "12s", "--faults", d.faults[0].name)
	r = d.awaitReport(t, verifier.Fail, verifier.Unproven, verifier.Unproven)
	require.Equal(t, 1, r.Alerts.Earlier)

	require.NoError(t, d.watcher.Finish(testContext(t)))
	out, complaint, code, err := d.watcher.command(testContext(t), d.watcher.CheckArgs()...)
	require.NoError(t, err)
	require.Zero(t, code, "%s%s", out, complaint)
}

func rowOf(t *testing.T, r report.Report, row string) verifier.Finding {
	for _, f := range r.Rows {
		if f.Row == row {
			return f
		}
	}
	t.Fatalf("no row %s", row)
	return verifier.Finding{}
}

// drilled is a network whose VSP shows that its alerts arrive.
type drilled struct {
	network *Network
	vsp     *VSP
	program string
	sink    *Sink
	watcher *Verifier
	mailbox string // where the reviewer's own listens
	dir     string
	faults  []breakage
}

func startDrill(t *testing.T) *drilled {
	programs := testPrograms(t, "vsp", "vspverify")
	n := startTest(t, Plan{Tickets: scenarioTickets, Patience: scenarioPatience})
	d := &drilled{network: n, program: programs[0], mailbox: n.VerifierIP() + ":2525", dir: t.TempDir()}
	for _, b := range breakages {
		if b.inShortForm || *wholeDrill {
			d.faults = append(d.faults, b)
		}
	}
	var err error
	d.sink, err = StartSink(n.MailIP()+":2525", filepath.Join(n.Plan.Dir, "mail"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.sink.Close()) })
	d.sink.Forward(reviewersDomain, d.mailbox)
	ctx := testContext(t)
	d.vsp, err = n.StartVSP(ctx, VSPPlan{Program: programs[0], MailServer: d.sink.Addr(), AlertsTo: []string{"operator@example.org"}, CheckEvery: trialCheck})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.vsp.Stop(context.WithoutCancel(ctx))) })
	d.watcher, err = n.StartVerifier(ctx, d.vsp, VerifierPlan{Program: programs[1], Out: d.dir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.watcher.Stop(context.WithoutCancel(ctx))) })
	for name, text := range map[string]string{"dkim.txt": d.vsp.DKIMRecord + "\n", "faults": d.faultFile(),
		"hook": fmt.Sprintf("printf '%%s %%s %%s %%s %%s\\n' \"$@\" > %[1]s/ask && read -r answer < %[1]s/told && echo \"$answer\" && test \"$answer\" = done\n", d.dir)} {
		require.NoError(t, os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600))
	}
	for _, pipe := range []string{"ask", "told"} {
		require.NoError(t, syscall.Mkfifo(filepath.Join(d.dir, pipe), 0o600))
	}
	return d
}

func (d *drilled) faultFile() string {
	var b strings.Builder
	for _, f := range d.faults {
		fmt.Fprintf(&b, "%s | %s | it is made good\n", f.name, f.what)
	}
	return b.String()
}

// drill runs vspverify drill, and does as its operator what it asks for.
func (d *drilled) drill(t *testing.T, code int, flags ...string) {
	operator := make(chan error, 1)
	ask, err := os.OpenFile(filepath.Join(d.dir, "ask"), os.O_RDWR, 0) // so that its opening waits for nobody
	require.NoError(t, err)
	told, err := os.OpenFile(filepath.Join(d.dir, "told"), os.O_RDWR, 0)
	require.NoError(t, err)
	go func() { operator <- d.operate(t, ask, told) }()
	limit := 3 * time.Minute
	if *wholeDrill {
		limit = 20 * time.Minute
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	args := append([]string{"drill", "--config", d.watcher.ConfigFile, "--to", "reviewer@" + reviewersDomain, "--domain", "example.org",
		"--dkim-key", filepath.Join(d.dir, "dkim.txt"), "--listen", d.mailbox, "--faults", filepath.Join(d.dir, "faults"),
		"--inject", "sh " + filepath.Join(d.dir, "hook"), "--quiet", "1s", "--settle", "2s", "--watch", "3s", "--grace", "2s", "--beat", "5s"}, flags...)
	out, complaint, got, err := d.watcher.command(ctx, args...)
	t.Logf("%s%s", out, complaint)
	require.NoError(t, err)
	require.Equal(t, code, got)
	_, err = io.WriteString(ask, "over\n")
	require.NoError(t, errors.Join(err, <-operator, ask.Close(), told.Close()))
}

// operate does what is asked for, until it is over.
func (d *drilled) operate(t *testing.T, ask, told *os.File) error {
	for asked := bufio.NewScanner(ask); asked.Scan(); {
		if asked.Text() == "over" {
			return nil
		}
		answer := "done"
		if err := d.act(t.Context(), strings.Fields(asked.Text())); err != nil {
			answer = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		if _, err := fmt.Fprintln(told, answer); err != nil {
			return err
		}
	}
	return errors.New("nobody asks any more")
}

// act does one thing: ACT FAULT ADDRESS NONCE TIME.
func (d *drilled) act(ctx context.Context, words []string) error {
	if len(words) != 5 {
		return fmt.Errorf("%q is nothing that can be done", words)
	}
	i := slices.IndexFunc(d.faults, func(b breakage) bool { return b.name == words[1] })
	switch words[0] {
	case "guest", "end":
		return d.guest(ctx, "add", words[2], "--nonce", words[3], "--for", words[4])
	case "break":
		return d.network.Chain.Between(ctx, func(int64) error { return d.faults[i].make(ctx, d.network) })
	case "mend":
		return d.network.Chain.Between(ctx, func(int64) error { return d.faults[i].mend(ctx, d.network) })
	}
	return fmt.Errorf("%s is nothing that can be done", words[0])
}

func (d *drilled) guest(ctx context.Context, args ...string) error {
	args = append([]string{"alerts", "guest"}, args...)
	out, err := exec.CommandContext(ctx, d.program, append(args, "--config", d.vsp.FrontEnds[0].config)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("vsp %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// awaitReport waits until the trial that is at work has taken the demonstration up, and its rows AL-1 to AL-3 have these verdicts.
func (d *drilled) awaitReport(t *testing.T, verdicts ...verifier.Verdict) (r report.Report) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := waitUntil(ctx, "a report of the demonstration", func(ctx context.Context) (bool, string) {
		out, complaint, _, err := d.watcher.command(ctx, "report", "--json", "--config", d.watcher.ConfigFile)
		if err != nil {
			return false, err.Error()
		}
		r = report.Report{}
		if err := json.Unmarshal(out, &r); err != nil {
			return false, fmt.Sprintf("%v: %s", err, complaint)
		}
		var got []verifier.Verdict
		says := ""
		for _, row := range []string{"AL-1", "AL-2", "AL-3"} {
			f := rowOf(t, r, row)
			got = append(got, f.Verdict)
			says += fmt.Sprintf("\n%s %s %v", row, f.Verdict, f.Says)
		}
		return slices.Equal(got, verdicts), says
	})
	require.NoError(t, err)
	return r
}
