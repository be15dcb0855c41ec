package testnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// StopGrace is how long a program has to end by itself after SIGINT before it is killed. A dcrd with a full simnet chain
// needs half a second.
const StopGrace = 15 * time.Second

// tailLines is how much of a program's log goes into the error that says it did not work.
const tailLines = 12

// Program says what to run.
type Program struct {
	Name  string    // for people: "voting wallet 2"
	Path  string    // the executable
	Args  []string  // without the program's own name; never a secret, anyone on the machine can read them
	Env   []string  // added to our own environment
	Dir   string    // working directory; ours if empty
	Log   string    // file that both outputs are appended to
	Stdin io.Reader // nothing if nil
}

// Process is a running program that does not outlive us: it is stopped by Stop, dies with us if we die, and should it
// slip through both, EndLeftovers of a later run finds it.
type Process struct {
	Program Program
	cmd     *exec.Cmd
	done    chan struct{} // closed when it has ended and err is set
	err     error         // read only after done
	entry   entry         // how it stands in the register
}

// StartProcess runs a program. Its log directory is made if missing.
//
// The kernel kills the child when the thread that started it ends. Go keeps its threads for life except those that a
// goroutine leaves locked at its end, so start no process from such a goroutine.
func StartProcess(p Program) (*Process, error) {
	if err := os.MkdirAll(filepath.Dir(p.Log), 0o700); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	defer log.Close() // the child has its own
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = p.Dir, p.Stdin, log, log
	cmd.Env = append(os.Environ(), p.Env...)
	// Its own group: a Ctrl-C in our terminal is for us to pass on, in our order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	process := &Process{Program: p, cmd: cmd, done: make(chan struct{})}
	process.entry, err = register.add(cmd.Process.Pid)
	go process.wait()
	if err != nil {
		process.Kill()
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	return process, nil
}

func (p *Process) wait() {
	p.err = p.cmd.Wait()
	register.remove(p.entry)
	close(p.done)
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running reports whether the process has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// ExitError waits for the end of the process and returns what ended it: nil after exit status 0.
func (p *Process) ExitError() error {
	<-p.done
	return p.err
}

// Freeze halts the process as a machine that hangs does: its connections stay open, and nothing answers.
func (p *Process) Freeze() error { return p.signal("freeze", syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (p *Process) Thaw() error { return p.signal("thaw", syscall.SIGCONT) }

func (p *Process) signal(act string, signal syscall.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("%s %s: %w", act, p.Program.Name, err)
	}
	return nil
}

// Stop asks the process to end, with SIGINT, and kills it after StopGrace or when ctx ends. Having had to kill is an
// error; having ended with another exit status is not. A process that has ended already is left alone.
func (p *Process) Stop(ctx context.Context) error {
	if !p.Running() {
		return nil
	}
	// A frozen process hears of its end once it goes on.
	err := errors.Join(p.signal("stop", syscall.SIGINT), p.signal("stop", syscall.SIGCONT))
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(StopGrace)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	p.Kill()
	return fmt.Errorf("stop %s: had to be killed%s", p.Program.Name, p.Tail())
}

// Kill ends the process as kill -9 does and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // the only error is that it is gone
	<-p.done
}

// Tail returns the end of the log, ready to be put behind an error: a line that names the file, then the lines.
func (p *Process) Tail() string { return tail(p.Program.Log) }

func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil || len(text) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return fmt.Sprintf("\nend of %s:\n%s", path, strings.Join(lines[max(0, len(lines)-tailLines):], "\n"))
}

// WaitReady waits until ready reports true, and gives up when the process ends before that or ctx ends. The error carries
// the last state seen and the end of the log.
func (p *Process) WaitReady(ctx context.Context, ready func(context.Context) (bool, string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := waitUntil(ctx, p.Program.Name+" ready", ready)
	if err == nil {
		return nil
	}
	if !p.Running() {
		err = fmt.Errorf("%s ended: %w", p.Program.Name, errors.Join(p.err, err))
	}
	return fmt.Errorf("%w%s", err, p.Tail())
}

// pollInterval is the pause between two looks of waitUntil: well under what a block takes.
const pollInterval = 10 * time.Millisecond

// waitUntil looks until cond reports true. When ctx ends first, the error says what was waited for and the last state seen.
func waitUntil(ctx context.Context, what string, cond func(context.Context) (done bool, state string)) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	state := "not looked yet"
	for {
		done, now := cond(ctx)
		if done {
			return nil
		}
		if ctx.Err() == nil || state == "not looked yet" {
			state = now // what is seen once the time is up is only that the time is up
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w; last seen: %s", what, context.Cause(ctx), state)
		case <-ticker.C:
		}
	}
}
