package testnet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier/journal"
)

// verifierSlot is how long a slot is in a compressed trial, where a real one has a minute.
const verifierSlot = 2 * time.Second

// Verifier is our verifier at work on a network's VSP.
type Verifier struct {
	daemon
	ConfigFile string
	Journal    string // folder
	Tickets    string // file of the VSP's tickets
	Drills     string // file of the faults that were made on purpose
	Out        string // folder of the report
	MetricsURL string

	node []string // flags of vspverify that reach its node
}

// VerifierPlan says how a verifier is set up.
type VerifierPlan struct {
	Program  string        // the executable
	Out      string        // folder of the report
	Node     *Node         // whose word it takes; the miner's if nil. It must not be the VSP's, which it judges
	URL      string        // where it looks for the VSP; the VSP's own if empty
	CAFile   string        // who vouches for the VSP's certificate
	Controls []string      // URLs of sites that have nothing to do with the VSP
	Slot     time.Duration // verifierSlot if zero
	Duration time.Duration // of the trial; until it is stopped if zero
	Latency  time.Duration // of a good answer; five times as much is down
	Uptime   float64       // that is asked for, 0 to 1
	Coverage float64       // of the slots that must be known, 0 to 1
	Shopper  *Shopper      // nil: nobody shops
	Places   *Places       // nil: it does not look at where machines are
}

// Shopper says how the verifier buys tickets with the client's wallet, which must know of no VSP and have coins.
type Shopper struct {
	Every time.Duration // between two tickets
	Most  int           // tickets
}

// complete fills in what was left open. All daemons share one machine, so a slot may be lost to us.
func (p VerifierPlan) complete(n *Network, v *VSP) VerifierPlan {
	if p.Node == nil {
		p.Node = n.Miner
	}
	if p.URL == "" {
		p.URL = v.URL
	}
	p.Slot, p.Latency = cmp.Or(p.Slot, verifierSlot), cmp.Or(p.Latency, verifierSlot/10)
	p.Uptime, p.Coverage = cmp.Or(p.Uptime, 0.99), cmp.Or(p.Coverage, 0.90)
	return p
}

// StartVerifier begins a trial of a VSP.
func (n *Network) StartVerifier(ctx context.Context, vsp *VSP, plan VerifierPlan) (*Verifier, error) {
	plan = plan.complete(n, vsp)
	out, err := filepath.Abs(plan.Out)
	if err != nil {
		return nil, fmt.Errorf("find the report's folder: %w", err)
	}
	dir := filepath.Join(n.Plan.Dir, "data", "vspverify")
	v := &Verifier{
		ConfigFile: filepath.Join(dir, "trial.toml"), Journal: filepath.Join(dir, "journal"),
		Tickets: filepath.Join(dir, "tickets.txt"), Drills: filepath.Join(dir, "drills.jsonl"), Out: out,
	}
	v.daemon = daemon{name: "verifier", binary: plan.Program, args: []string{"run", "--config", v.ConfigFile}, dir: dir,
		log: filepath.Join(n.Plan.Dir, "logs", "vspverify.log")}
	v.MetricsURL = "http://" + n.verifierMetrics()
	v.node = []string{"--node", plan.Node.RPCAddress, "--cert", n.CertFile, "--user", n.User, "--pass-file", filepath.Join(dir, "rpc.password")}
	files := map[string]string{
		"trial.toml": n.trial(vsp, plan, out), "rpc.password": n.Password + "\n", "tickets.txt": "", "drills.jsonl": "",
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("set up the verifier: %w", err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("set up the verifier: %w", err)
		}
	}
	return v, v.Start(ctx)
}

// verifierMetrics is where the verifier shows its metrics.
func (n *Network) verifierMetrics() string { return net.JoinHostPort(n.VerifierIP(), metricsPort) }

// trial returns the trial's configuration.
func (n *Network) trial(vsp *VSP, plan VerifierPlan, out string) string {
	var controls []string
	for _, url := range plan.Controls {
		controls = append(controls, strconv.Quote(url))
	}
	return fmt.Sprintf(`name = %q
url = %q
pubkey = %q
ca_file = %q
controls = [%s]
network = "simnet"
tickets = "tickets.txt"
tickets_complete = true
drills = "drills.jsonl"
slot = %q
duration = %q
metrics_listen = %q
journal = "journal"
out = %q

[node]
address = %q
user = %q
password_file = "rpc.password"
cert_file = %q

# Blocks come five a second here, and not one in minutes.
[policy]
target_latency = %q
max_lag_blocks = 10
uptime = %g
coverage = %g
`, VSPSite, plan.URL, vsp.PublicKey, plan.CAFile, strings.Join(controls, ", "), plan.Slot, plan.Duration, n.verifierMetrics(), out,
		plan.Node.RPCAddress, n.User, n.CertFile, plan.Latency, plan.Uptime, plan.Coverage) + n.shopper(plan.Shopper) + plan.Places.section()
}

// shopper returns its section of the configuration.
func (n *Network) shopper(s *Shopper) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf(`
[shopper]
address = %q
user = %q
password_file = "rpc.password"
cert_file = %q
every = %q
most = %d
max_price = 10.0
max_fee = 1.0
`, n.Client.RPCAddress, n.User, n.CertFile, s.Every, s.Most)
}

// Start runs the verifier, again after it has ended, and returns when it writes to its journal.
func (v *Verifier) Start(ctx context.Context) error {
	before := v.written()
	return v.start(ctx, func(context.Context) (bool, string) {
		return v.written() > before, fmt.Sprintf("%d bytes in the journal", before)
	})
}

// written returns how long the journal is, in bytes.
func (v *Verifier) written() int64 {
	info, err := os.Stat(filepath.Join(v.Journal, journal.FileName))
	if err != nil {
		return 0
	}
	return info.Size()
}

// AddTickets tells the verifier of tickets that the VSP votes for.
func (v *Verifier) AddTickets(tickets []chainhash.Hash) error {
	var text strings.Builder
	for _, ticket := range tickets {
		fmt.Fprintln(&text, ticket)
	}
	return appendTo(v.Tickets, text.String())
}

// Drill is a line of the drill log, as vspverify reads it. Heights are those of the blocks in which the fault may show.
type Drill struct {
	Kind  string `json:"kind"` // "wallets-down", "wallets-locked"
	Count int    `json:"count"`
	From  int64  `json:"from"`
	To    int64  `json:"to"`
	Note  string `json:"note"`
}

// AddDrill tells the verifier of a fault that was made on purpose.
func (v *Verifier) AddDrill(d Drill) error {
	line, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode drill: %w", err)
	}
	return appendTo(v.Drills, string(line)+"\n")
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// Finish ends the trial, and returns when the report is written. That may take longer than others are given to end.
func (v *Verifier) Finish(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ended = true
	if err := v.process.signal("stop", syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-v.process.Done():
	case <-ctx.Done():
		return fmt.Errorf("wait for the verifier's report: %w%s", ctx.Err(), v.process.Tail())
	}
	if err := v.process.ExitError(); err != nil {
		return fmt.Errorf("vspverify: %w%s", err, v.process.Tail())
	}
	return nil
}

// CheckArgs are the arguments of vspverify that derive the report anew, from the journal and our node.
func (v *Verifier) CheckArgs() []string {
	return append([]string{"check-report", filepath.Join(v.Out, "report.json"), "--journal", v.Journal}, v.node...)
}

// Command runs another command of vspverify and returns what it prints and its exit code.
func (v *Verifier) Command(ctx context.Context, args ...string) (out []byte, code int, err error) {
	out, _, code, err = v.command(ctx, args...)
	return out, code, err
}

// command returns as well what it says to people.
func (v *Verifier) command(ctx context.Context, args ...string) (out, complaint []byte, code int, err error) {
	cmd := exec.CommandContext(ctx, v.binary, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err = cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return out, stderr.Bytes(), exit.ExitCode(), nil
	}
	if err != nil {
		return nil, nil, 0, fmt.Errorf("vspverify %s: %w\n%s", args[0], err, &stderr)
	}
	return out, stderr.Bytes(), 0, nil
}
