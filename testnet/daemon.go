package testnet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// daemon is what nodes, wallets, front ends and databases have in common: a program with a folder of its own, that can be
// started and ended again and again. All secrets stand in files, none among the arguments.
type daemon struct {
	name   string
	binary string
	args   []string
	dir    string
	log    string

	mu      sync.Mutex // owns what follows
	process *Process   // nil before the first start
	frozen  bool       // by Freeze
	ended   bool       // by Stop or Kill
}

// option is one line of a configuration file.
type option struct{ name, value string }

// decred returns a dcrd or dcrwallet.
func decred(name, binary, dir, logs string) daemon {
	return daemon{name: name, binary: binary, dir: dir, log: filepath.Join(logs, fileName(name)+".log"),
		args: []string{"--appdata=" + dir, "--configfile=" + decredConfig(binary, dir)}}
}

func decredConfig(binary, dir string) string {
	return filepath.Join(dir, filepath.Base(binary)+".conf")
}

// configure writes the configuration file of a dcrd or dcrwallet. Options of a wallet for VSPs are a group of their own, which the parser of the
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
	if err := os.WriteFile(d.ConfigFile(), []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("configure %s: %w", d.name, err)
	}
	return nil
}

func (d *daemon) program(args ...string) Program {
	return Program{Name: d.name, Path: d.binary, Log: d.log, Args: append(slices.Clone(d.args), args...)}
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
	d.process, d.frozen, d.ended = process, false, false
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
	d.ended = true
	return d.process.Stop(ctx)
}

// Kill ends the daemon as kill -9 does.
func (d *daemon) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.process != nil {
		d.ended = true
		d.process.Kill()
	}
}

// Freeze halts the daemon as a machine that hangs does: its connections stay open, and nothing answers.
func (d *daemon) Freeze() error { return d.suspend(true, (*Process).Freeze) }

// Thaw lets a frozen daemon go on.
func (d *daemon) Thaw() error { return d.suspend(false, (*Process).Thaw) }

func (d *daemon) suspend(frozen bool, act func(*Process) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.process == nil {
		return fmt.Errorf("freeze or thaw %s: it was never started", d.name)
	}
	if err := act(d.process); err != nil {
		return err
	}
	d.frozen = frozen
	return nil
}

// fit reports whether the daemon runs and answers as far as we know: we neither ended nor froze it.
func (d *daemon) fit() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.process != nil && d.process.Running() && !d.frozen
}

// Running reports whether the daemon's process runs.
func (d *daemon) Running() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.process != nil && d.process.Running()
}

// Alive returns an error with the end of the log if the daemon has ended by itself.
func (d *daemon) Alive() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.process == nil || d.ended || d.process.Running() {
		return nil
	}
	return fmt.Errorf("%s has ended by itself: %v%s", d.name, d.process.ExitError(), d.process.Tail())
}

// Name returns what the daemon is called in logs and errors.
func (d *daemon) Name() string { return d.name }

// Log returns the file that holds all the daemon wrote.
func (d *daemon) Log() string { return d.log }

// ConfigFile returns the configuration file of a dcrd or dcrwallet.
func (d *daemon) ConfigFile() string { return decredConfig(d.binary, d.dir) }

// tail returns the end of the daemon's log, to be put behind an error.
func (d *daemon) tail() string { return tail(d.log) }
