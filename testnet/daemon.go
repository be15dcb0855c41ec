package testnet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"scrutineer/vsp/dcrrpc"
)

// startTimeout bounds the start of one daemon. On a busy machine it takes a second or two.
const startTimeout = 60 * time.Second

// access is how every daemon of a network is reached.
type access struct {
	user, password string
	certificate    certificate
}

func (a access) config(address string) dcrrpc.Config {
	return dcrrpc.Config{Address: address, User: a.user, Password: a.password, CertPEM: a.certificate.certPEM}
}

// daemon is what nodes and wallets have in common: a program with a folder and a configuration file, that can be started
// and ended again and again. All secrets stand in the configuration file, none among the arguments.
type daemon struct {
	name   string
	binary string
	dir    string
	log    string

	mu      sync.Mutex // owns process
	process *Process   // nil before the first start
}

// option is one line of a configuration file.
type option struct{ name, value string }

// configure writes the configuration file. Options of a wallet for VSPs are a group of their own, which the parser of the
// daemons (jessevdk/go-flags) wants under its own heading.
func (d *daemon) configure(options, vspOptions []option) error {
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("configure %s: %w", d.name, err)
	}
	var text strings.Builder
	text.WriteString("[Application Options]\n")
	for _, o := range options {
		fmt.Fprintf(&text, "%s=%s\n", o.name, o.value)
	}
	if len(vspOptions) > 0 {
		text.WriteString("[VSP Options]\n")
		for _, o := range vspOptions {
			fmt.Fprintf(&text, "%s=%s\n", o.name, o.value)
		}
	}
	if err := os.WriteFile(d.configFile(), []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("configure %s: %w", d.name, err)
	}
	return nil
}

func (d *daemon) configFile() string { return filepath.Join(d.dir, filepath.Base(d.binary)+".conf") }

func (d *daemon) program(args ...string) Program {
	return Program{Name: d.name, Path: d.binary, Log: d.log,
		Args: append([]string{"--appdata=" + d.dir, "--configfile=" + d.configFile()}, args...)}
}

// start runs the daemon and waits until it is ready. One that runs already is left as it is.
func (d *daemon) start(ctx context.Context, ready func(context.Context) (bool, string)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.process != nil && d.process.Running() {
		return nil
	}
	process, err := StartProcess(d.program())
	if err != nil {
		return err
	}
	d.process = process
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return process.WaitReady(ctx, ready)
}

// Stop ends the daemon as an orderly shutdown does.
func (d *daemon) Stop(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.process == nil {
		return nil
	}
	return d.process.Stop(ctx)
}

// Kill ends the daemon as kill -9 does.
func (d *daemon) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.process != nil {
		d.process.Kill()
	}
}

// Running reports whether the daemon's process runs.
func (d *daemon) Running() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.process != nil && d.process.Running()
}

// Name returns what the daemon is called in logs and errors.
func (d *daemon) Name() string { return d.name }

// Log returns the file that holds all the daemon wrote.
func (d *daemon) Log() string { return d.log }

// ConfigFile returns the daemon's configuration file.
func (d *daemon) ConfigFile() string { return d.configFile() }

// tail returns the end of the daemon's log, to be put behind an error.
func (d *daemon) tail() string { return tail(d.log) }
