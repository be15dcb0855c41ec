// Package program is how our programs start and end: signals, errors, exit codes.
package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes of every program.
const (
	Done       = 0 // it was done, and the answer is yes
	No         = 1 // the answer is no: a FAIL, a mistake that was looked for and found
	Misused    = 2 // the command was used wrongly
	Impossible = 3 // it could not be done
)

// Failure is an error that asks for its exit code.
type Failure struct {
	Code int
	Err  error
}

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// AnswerNo wraps the error of a command that did its work and found the answer to be no.
func AnswerNo(err error) error { return &Failure{No, err} }

// Misuse wraps the error of a command that was given what it cannot use.
func Misuse(err error) error { return &Failure{Misused, err} }

// Run carries out a command line and returns the exit code. The command's context ends on SIGINT and SIGTERM; a second
// signal ends the program at once. Errors are printed on stderr; one without a code means Impossible.
func Run(root *cobra.Command) int {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	context.AfterFunc(ctx, cancel) // from here on signals act as if nobody had asked for them

	root.SilenceUsage, root.SilenceErrors = true, true
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 80"))
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return Misuse(fmt.Errorf("%w\nsee %s --help", err, c.CommandPath()))
	})
	ran := false
	markRan(root, &ran)
	var unknown error // what cobra would only print help for
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if unknown = unknownMember(root, args); unknown == nil {
			help(c, args)
		}
	})
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = unknown
	}
	if err == nil {
		return Done
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", root.Name(), err)
	var failure *Failure
	switch {
	case errors.As(err, &failure):
		return failure.Code
	case !ran:
		return Misused // cobra found no such command, or its arguments did not fit
	default:
		return Impossible
	}
}

// unknownMember refuses a command that a group of commands does not have.
func unknownMember(root *cobra.Command, args []string) error {
	c, rest, err := root.Find(args)
	if err != nil || c == root || c.Runnable() || len(rest) == 0 || strings.HasPrefix(rest[0], "-") {
		return nil // cobra sees to it
	}
	return Misuse(fmt.Errorf("unknown command %q\nsee %s --help", rest[0], c.CommandPath()))
}

// markRan notes when a command's own work begins: what fails before is misuse.
func markRan(c *cobra.Command, ran *bool) {
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			*ran = true
			return run(c, args)
		}
	}
	for _, child := range c.Commands() {
		markRan(child, ran)
	}
}
