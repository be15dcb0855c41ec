package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"scrutineer/verifier"
)

// Acts that a demonstration asks for.
const (
	actGuest = "guest" // the address becomes a recipient, with this nonce, until the end
	actBreak = "break" // make the fault
	actMend  = "mend"  // end it
	actEnd   = "end"   // the address ceases to be a recipient after endIn
)

// endIn is how long an address remains a recipient that is to cease to be one: the shortest that vsp alerts guest takes. That it
// ends by itself is a part of what is shown.
const endIn = 10 * time.Second

// act is one thing that is asked for.
type act struct {
	do    string
	fault verifier.AlertFault
	to    string        // the address
	rest  time.Duration // for how long it is to be a recipient
}

// errSkipped says that somebody chose not to do it.
var errSkipped = errors.New("it was skipped")

// actor does what is asked for, and returns when it is done.
type actor interface {
	do(ctx context.Context, a act) error
}

// hook has a command do it, told by its arguments: what, which fault, the address, the nonce, for how long.
type hook struct {
	command string
	out     io.Writer
}

// hookTime bounds one call. A wallet that was away may take minutes to catch up.
const hookTime = 15 * time.Minute

func (h hook) do(ctx context.Context, a act) error {
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", h.command+` "$@"`, "vspverify-drill", a.do, a.fault.Name, a.to, a.fault.Nonce, whole(a.rest))
	cmd.WaitDelay = time.Second
	cmd.Stdout, cmd.Stderr = h.out, h.out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", a.do, err)
	}
	return nil
}

// prompt asks a person.
type prompt struct {
	out   io.Writer
	lines chan string // what is typed; closed at its end
}

func newPrompt(in io.Reader, out io.Writer) *prompt {
	p := &prompt{out: out, lines: make(chan string)}
	go func() {
		defer close(p.lines)
		for lines := bufio.NewScanner(in); lines.Scan(); {
			p.lines <- strings.TrimSpace(lines.Text())
		}
	}()
	return p
}

func (p *prompt) do(ctx context.Context, a act) error {
	for _, line := range p.words(a) {
		fmt.Fprintln(p.out, line)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case typed, ok := <-p.lines:
		switch {
		case !ok:
			return io.ErrUnexpectedEOF
		case typed == "skip":
			return errSkipped
		}
		return nil
	}
}

// words is what a person is told to do.
func (p *prompt) words(a act) []string {
	local, domain, _ := strings.Cut(a.to, "@")
	switch a.do {
	case actGuest:
		return []string{
			"", "To do for the operator, now: let all alerts go to the reviewer, too. With vsp:", "",
			fmt.Sprintf("    vsp alerts guest add %s --for %s \\\n        --nonce %s", a.to, whole(a.rest), a.fault.Nonce), "",
			"With any other tool, in the place of the address before it:", "",
			fmt.Sprintf("    %s+%s@%s", local, a.fault.Nonce, domain), "",
			"Enter, when that is done: "}
	case actBreak:
		return []string{"", "BREAK  " + a.fault.What, "Enter, as soon as it is broken; or skip: "}
	case actMend:
		return []string{"", "MEND   " + a.fault.Mend, "Enter, as soon as all is well again; or skip: "}
	}
	return []string{"", fmt.Sprintf("To do for the operator: let it end. With vsp:\n\n    vsp alerts guest add %s --for %s\n\nEnter, when that is done: ", a.to, whole(a.rest))}
}

// whole writes a time in whole seconds, as commands take it, rounded up.
func whole(d time.Duration) string {
	return ((d + time.Second - 1) / time.Second * time.Second).String()
}

// newActor returns who is asked: a command, or the person at the terminal.
func newActor(command string, in *os.File, out io.Writer) actor {
	if command != "" {
		return hook{command, out}
	}
	return newPrompt(in, out)
}
