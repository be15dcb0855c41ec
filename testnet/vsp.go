package testnet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"scrutineer/vsp/sqlstore"
)

// VSPSite is what the VSP of a testnet calls itself, and vspPort is where its front ends listen on addresses of their own.
const (
	VSPSite = "vsp.example.org"
	vspPort = "8800"
)

// VSP is our service on a network, set up as its operator would. All its front ends share the front end's node and the voting
// wallets.
type VSP struct {
	URL       string // of the first front end
	PublicKey string // base64, as wallets are given it
	XPub      string // of the account that fees are paid to
	FrontEnds []*FrontEnd

	// The TXT record by which its mails are verified; empty without alerts.
	DKIMName, DKIMRecord string

	network *Network
	dir     string
}

// VSPPlan says how a VSP is set up.
type VSPPlan struct {
	Program    string        // the executable
	MailServer string        // host:port of a server that takes mail without TLS; no alerts if empty
	AlertsTo   []string      // who is told
	CheckEvery time.Duration // how often each wallet is asked whether it can vote
	FrontEnds  int           // 1 if zero; more need a MySQL
	Heartbeat  time.Duration // how often a mail says that alerts are at work; a day if zero
	Alerts     string        // more of the table [alerts], as TOML

	MySQL *sqlstore.MySQL // where the tickets are kept, an empty database; in a file if nil
}

// StartVSP sets a VSP up and returns when all its front ends take tickets. On error nothing of it is left running.
func (n *Network) StartVSP(ctx context.Context, plan VSPPlan) (*VSP, error) {
	v := &VSP{network: n, dir: filepath.Join(n.Plan.Dir, "data", "vsp")}
	if err := v.start(ctx, plan); err != nil {
		return nil, errors.Join(err, v.Stop(context.WithoutCancel(ctx)))
	}
	return v, nil
}

func (v *VSP) start(ctx context.Context, plan VSPPlan) error {
	if err := v.initialise(ctx, plan); err != nil {
		return err
	}
	if err := v.writeSecrets(plan); err != nil {
		return err
	}
	for i := range max(plan.FrontEnds, 1) {
		front, err := v.newFrontEnd(plan, i)
		if err != nil {
			return err
		}
		v.FrontEnds = append(v.FrontEnds, front)
	}
	if plan.MailServer != "" {
		if err := v.makeDKIMKey(ctx, plan); err != nil {
			return err
		}
	}
	v.URL = v.FrontEnds[0].URL
	for _, front := range v.FrontEnds {
		if err := front.Start(ctx); err != nil {
			return err
		}
	}
	for _, front := range v.FrontEnds {
		if err := waitUntil(ctx, front.name+" to take tickets", front.takes); err != nil {
			return err
		}
	}
	return nil
}

// initialise lets vsp init make the keys, which all front ends have in common.
func (v *VSP) initialise(ctx context.Context, plan VSPPlan) (err error) {
	if v.XPub, err = v.network.FeeXPub(ctx); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, plan.Program, "init", "--network", "simnet", "--fee-xpub", v.XPub, v.dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("vsp init: %w\n%s", err, out)
	}
	_, key, found := strings.Cut(string(out), "Public key: ")
	if !found {
		return fmt.Errorf("vsp init does not tell the public key:\n%s", out)
	}
	v.PublicKey = strings.TrimSpace(key)
	return nil
}

// writeSecrets writes the files that the configurations name.
func (v *VSP) writeSecrets(plan VSPPlan) error {
	files := map[string]string{"rpc.password": v.network.Password + "\n"}
	if plan.MySQL != nil {
		files["mysql.password"] = plan.MySQL.Password + "\n"
		files["mysql-ca.pem"] = string(plan.MySQL.CAPEM)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(v.dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("write the VSP's %s: %w", name, err)
		}
	}
	return nil
}

// makeDKIMKey lets vsp make the key that mails are signed with, which all front ends have in common. There is no DNS on a
// testnet: who verifies a mail is given the record.
func (v *VSP) makeDKIMKey(ctx context.Context, plan VSPPlan) error {
	command := exec.CommandContext(ctx, plan.Program, "alerts", "dkim", "--make", "--json", "--config", v.FrontEnds[0].config)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		return fmt.Errorf("vsp alerts dkim: %w\n%s", err, complaint.Bytes())
	}
	var shown struct{ Name, Record string }
	if err := json.Unmarshal(out, &shown); err != nil {
		return fmt.Errorf("read what vsp alerts dkim says: %w", err)
	}
	v.DKIMName, v.DKIMRecord = shown.Name, shown.Record
	return nil
}

// config returns a front end's configuration.
func (v *VSP) config(plan VSPPlan, front *FrontEnd) string {
	n := v.network
	var b strings.Builder
	fmt.Fprintf(&b, "network = \"simnet\"\nname = %q\nlisten = %q\nmetrics_listen = %q\nsite = %q\nsupport_email = \"support@example.org\"\n",
		front.name, front.address(vspPort), front.address(metricsPort), VSPSite)
	fmt.Fprintf(&b, "fee_percent = 3.0\nfee_xpub = %q\ncheck_every = %q\n", v.XPub, plan.CheckEvery)
	if m := plan.MySQL; m != nil {
		fmt.Fprintf(&b, "\n[mysql]\naddress = %q\nname = %q\nuser = %q\npassword_file = \"mysql.password\"\nca_file = \"mysql-ca.pem\"\n",
			m.Address, m.Name, m.User)
	}
	// All who ask share an address or two.
	b.WriteString("\n[limits]\nrequests_per_minute = 0\n")
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
		fmt.Fprintf(&b, "\n[alerts]\nsmtp = %q\ntls = \"none\"\nfrom = \"vsp@example.org\"\nto = [\"%s\"]\nstore = \"%s-alerts.db\"\n",
			plan.MailServer, strings.Join(plan.AlertsTo, `", "`), front.name)
		if plan.Heartbeat > 0 {
			fmt.Fprintf(&b, "heartbeat_every = %q\n", plan.Heartbeat)
		}
		b.WriteString(plan.Alerts)
		b.WriteString("\n[alerts.dkim]\ndomain = \"example.org\"\nselector = \"vsp\"\nkey_file = \"dkim.key\"\n")
	}
	return b.String()
}

// key returns the public key that answers are signed with.
func (v *VSP) key() (ed25519.PublicKey, error) {
	key, err := base64.StdEncoding.DecodeString(v.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("decode the VSP's public key: %w", err)
	}
	return key, nil
}

// accounts reports whether the VSP counts so many tickets as paid for.
func (v *VSP) accounts(ctx context.Context, tickets int) (bool, string) {
	info, err := v.FrontEnds[0].info(ctx)
	paid := info.Voting + info.Voted + info.Missed + info.Expired
	return err == nil && paid >= int64(tickets), fmt.Sprintf("%d tickets paid for, error: %v", paid, err)
}

// at reports whether the VSP knows of a block.
func (v *VSP) at(ctx context.Context, height int64) (bool, string) {
	info, err := v.FrontEnds[0].info(ctx)
	return err == nil && int64(info.BlockHeight) >= height, fmt.Sprintf("at block %d, error: %v", info.BlockHeight, err)
}

// Stop ends all front ends as their operator does.
func (v *VSP) Stop(ctx context.Context) error {
	var errs []error
	for _, front := range v.FrontEnds {
		errs = append(errs, front.Stop(ctx))
	}
	return errors.Join(errs...)
}

// Alive returns an error with the end of the log if a front end has ended by itself.
func (v *VSP) Alive() error {
	var errs []error
	for _, front := range v.FrontEnds {
		errs = append(errs, front.Alive())
	}
	return errors.Join(errs...)
}
