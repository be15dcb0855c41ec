package testnet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// verifierSlot is how long a slot is in a compressed trial, where a real one has a minute.
const verifierSlot = 2 * time.Second

// Verifier is our verifier at work on a network's VSP. Its node is the miner's: it must not be the VSP's, which it judges.
type Verifier struct {
	ConfigFile string
	Tickets    string // file of the VSP's tickets
	Drills     string // file of the faults that were made on purpose

	program Program
	process *Process
	node    []string // flags of vspverify that reach the node
	out     string
}

// VerifierPlan says how a verifier is set up.
type VerifierPlan struct {
	Program string // the executable
	Out     string // folder of the report
}

// StartVerifier begins a trial of a VSP.
func (n *Network) StartVerifier(v *VSP, plan VerifierPlan) (*Verifier, error) {
	dir := filepath.Join(n.Plan.Dir, "data", "vspverify")
	verifier := &Verifier{
		ConfigFile: filepath.Join(dir, "trial.toml"),
		Tickets:    filepath.Join(dir, "tickets.txt"),
		Drills:     filepath.Join(dir, "drills.jsonl"),
	}
	verifier.program = Program{Name: "vspverify", Path: plan.Program, Args: []string{"run", "--config", verifier.ConfigFile},
		Log: filepath.Join(n.Plan.Dir, "logs", "vspverify.log")}
	out, err := filepath.Abs(plan.Out)
	if err != nil {
		return nil, fmt.Errorf("find the report's folder: %w", err)
	}
	verifier.out = out
	verifier.node = []string{"--node", n.Miner.RPCAddress, "--cert", n.CertFile, "--user", n.User, "--pass-file", filepath.Join(dir, "rpc.password")}
	config := fmt.Sprintf(`name = %q
url = %q
pubkey = %q
network = "simnet"
tickets = "tickets.txt"
tickets_complete = true
drills = "drills.jsonl"
slot = %q
duration = "0s"
journal = "journal"
out = %q

[node]
address = %q
user = %q
password_file = "rpc.password"
cert_file = %q

# Blocks come five a second here, and not one in minutes. All daemons share one machine, so a slot may be lost to us.
[policy]
target_latency = "200ms"
max_lag_blocks = 10
coverage = 0.90
`, VSPSite, v.URL, v.PublicKey, verifierSlot, out, n.Miner.RPCAddress, n.User, n.CertFile)
	files := map[string]string{
		"trial.toml": config, "rpc.password": n.Password + "\n", "tickets.txt": "", "drills.jsonl": "",
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("set up the verifier: %w", err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("set up the verifier: %w", err)
		}
	}
	if verifier.process, err = StartProcess(verifier.program); err != nil {
		return nil, err
	}
	return verifier, nil
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

// Finish ends the trial, and returns when the report is written.
func (v *Verifier) Finish(ctx context.Context) error {
	if err := v.process.Stop(ctx); err != nil {
		return err
	}
	if err := v.process.ExitError(); err != nil {
		return fmt.Errorf("vspverify: %w%s", err, v.process.Tail())
	}
	return nil
}

// CheckArgs are the arguments of vspverify that derive the report anew, from the journal and our node.
func (v *Verifier) CheckArgs() []string {
	return append([]string{"check-report", filepath.Join(v.out, "report.json"), "--journal", filepath.Join(filepath.Dir(v.ConfigFile), "journal")}, v.node...)
}

// Command runs another command of vspverify and returns what it prints and its exit code.
func (v *Verifier) Command(ctx context.Context, args ...string) (out []byte, code int, err error) {
	cmd := exec.CommandContext(ctx, v.program.Path, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err = cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return out, exit.ExitCode(), nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("vspverify %s: %w\n%s", args[0], err, &stderr)
	}
	return out, 0, nil
}
