package testnet

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"scrutineer/vsp/vspapi"
)

// VSPSite is what the VSP of a testnet calls itself, and VSPPort is where it listens on the front end's address.
const (
	VSPSite = "vsp.example.org"
	vspPort = "8800"
)

// VSP is our service on a network's front end, with a configuration of its own as an operator would write it.
type VSP struct {
	URL        string
	PublicKey  string // base64, as wallets are given it
	ConfigFile string

	network *Network
	program Program
	process *Process
}

// VSPPlan says how a VSP is set up.
type VSPPlan struct {
	Program    string        // the executable
	MailServer string        // host:port of a server that takes mail without TLS; no alerts if empty
	AlertsTo   []string      // who is told
	CheckEvery time.Duration // how often each wallet is asked whether it can vote
}

// StartVSP sets a VSP up on the front end and returns when it answers.
func (n *Network) StartVSP(ctx context.Context, plan VSPPlan) (*VSP, error) {
	dir := filepath.Join(n.Plan.Dir, "data", "vsp")
	v := &VSP{
		URL:        "http://" + net.JoinHostPort(n.FrontEndIP(), vspPort),
		ConfigFile: filepath.Join(dir, "vsp.toml"),
		network:    n,
	}
	v.program = Program{Name: "vsp", Path: plan.Program, Args: []string{"serve", "--config", v.ConfigFile},
		Log: filepath.Join(n.Plan.Dir, "logs", "vsp.log")}
	if err := v.initialise(ctx, plan, dir); err != nil {
		return nil, err
	}
	if err := v.Start(ctx); err != nil {
		return nil, err
	}
	return v, nil
}

// initialise lets vsp init make the keys, and writes the configuration over its template.
func (v *VSP) initialise(ctx context.Context, plan VSPPlan, dir string) error {
	xpub, err := v.network.FeeXPub(ctx)
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, plan.Program, "init", "--network", "simnet", "--fee-xpub", xpub, dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("vsp init: %w\n%s", err, out)
	}
	_, key, found := strings.Cut(string(out), "Public key: ")
	if !found {
		return fmt.Errorf("vsp init does not tell the public key:\n%s", out)
	}
	v.PublicKey = strings.TrimSpace(key)
	if err := os.WriteFile(filepath.Join(dir, "rpc.password"), []byte(v.network.Password+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the VSP's password file: %w", err)
	}
	if err := os.WriteFile(v.ConfigFile, []byte(v.config(plan, xpub)), 0o600); err != nil {
		return fmt.Errorf("write the VSP's configuration: %w", err)
	}
	return nil
}

func (v *VSP) config(plan VSPPlan, xpub string) string {
	n := v.network
	var b strings.Builder
	fmt.Fprintf(&b, "network = \"simnet\"\nlisten = %q\nsite = %q\nsupport_email = \"support@example.org\"\n",
		net.JoinHostPort(n.FrontEndIP(), vspPort), VSPSite)
	fmt.Fprintf(&b, "fee_percent = 3.0\nfee_xpub = %q\ncheck_every = %q\n", xpub, plan.CheckEvery)
	daemon := func(table, address string) {
		fmt.Fprintf(&b, "\n%s\naddress = %q\nuser = %q\npassword_file = \"rpc.password\"\ncert_file = %q\n",
			table, address, n.User, n.CertFile)
	}
	daemon("[node]", n.FrontEnd.RPCAddress)
	for i, host := range n.Voting {
		daemon("[[wallet]]", host.Wallet.RPCAddress)
		fmt.Fprintf(&b, "name = \"wallet-%d\"\n", i+1)
	}
	if plan.MailServer != "" {
		fmt.Fprintf(&b, "\n[alerts]\nsmtp = %q\ntls = \"none\"\nfrom = \"vsp@example.org\"\nto = [\"%s\"]\n",
			plan.MailServer, strings.Join(plan.AlertsTo, `", "`))
	}
	return b.String()
}

// Start runs the VSP, again after Kill or Stop, and returns when it answers. On error it does not run.
func (v *VSP) Start(ctx context.Context) error {
	process, err := StartProcess(v.program)
	if err != nil {
		return err
	}
	v.process = process
	err = process.WaitReady(ctx, func(ctx context.Context) (bool, string) {
		_, err := v.info(ctx)
		return err == nil, fmt.Sprintf("error: %v", err)
	})
	if err != nil {
		process.Kill()
	}
	return err
}

// info returns what the VSP says of itself.
func (v *VSP) info(ctx context.Context) (vspapi.Info, error) {
	key, err := v.key()
	if err != nil {
		return vspapi.Info{}, err
	}
	info, _, err := (&vspapi.Client{URL: v.URL, PubKey: key}).Info(ctx)
	return info, err
}

func (v *VSP) key() (ed25519.PublicKey, error) {
	key, err := base64.StdEncoding.DecodeString(v.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("decode the VSP's public key: %w", err)
	}
	return key, nil
}

// accounts reports whether the VSP counts so many tickets as paid for.
func (v *VSP) accounts(ctx context.Context, tickets int) (bool, string) {
	info, err := v.info(ctx)
	paid := info.Voting + info.Voted + info.Missed + info.Expired
	return err == nil && paid >= int64(tickets), fmt.Sprintf("%d tickets paid for, error: %v", paid, err)
}

// at reports whether the VSP knows of a block.
func (v *VSP) at(ctx context.Context, height int64) (bool, string) {
	info, err := v.info(ctx)
	return err == nil && int64(info.BlockHeight) >= height, fmt.Sprintf("at block %d, error: %v", info.BlockHeight, err)
}

// Stop ends the VSP as its operator does.
func (v *VSP) Stop(ctx context.Context) error { return v.process.Stop(ctx) }

// Kill ends the VSP as kill -9 does.
func (v *VSP) Kill() { v.process.Kill() }

// Alive returns an error with the end of the log if the VSP has ended by itself.
func (v *VSP) Alive() error {
	if v.process.Running() {
		return nil
	}
	return fmt.Errorf("vsp has ended by itself: %v%s", v.process.ExitError(), v.process.Tail())
}
