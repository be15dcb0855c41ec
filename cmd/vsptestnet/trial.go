package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/testnet"
)

// trialFlags are the flags of "vsptestnet trial".
type trialFlags struct {
	out    string
	seed   uint64
	asJSON bool
	hold   bool
}

func trialCommand() *cobra.Command {
	var flags trialFlags
	c := &cobra.Command{
		Use:   "trial",
		Short: "Play a VSP's life on a network, and have it judged",
		Long: `trial starts a network, the VSP, the verifier and a mail server. A stake holder's
dcrwallet buys tickets and registers them; votes are cast; a voting wallet is killed
and comes back; all three are locked for a while, and votes are missed; then the
verifier reports.

DIR gets report.txt, .json, .html and .sig, mail/*.eml, logs/ and data/. One that an earlier
trial has left is replaced.

Exit code 0 says that the verifier saw all that was done and nothing else, whatever
its verdict on the VSP; 1 that it did not.`,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&flags.out, "out", "out/trial", "leave everything in `DIR`")
	c.Flags().Uint64Var(&flags.seed, "seed", 0, "the `NUMBER` that the miner's keys follow from")
	c.Flags().BoolVar(&flags.asJSON, "json", false, "print the report for programs")
	c.Flags().BoolVar(&flags.hold, "hold", false, "keep the network up until Ctrl-C, so that the report can be checked on it")
	found := daemonsFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		progress := c.ErrOrStderr()
		plan, err := trialPlan(c.Context(), *found, flags, progress)
		if err != nil {
			return err
		}
		return runTrial(c.Context(), c.OutOrStdout(), plan, flags)
	}
	return c
}

// trialPlan builds what the trial needs and clears the way for it.
func trialPlan(ctx context.Context, found string, flags trialFlags, progress io.Writer) (testnet.TrialPlan, error) {
	checkout, err := testnet.Checkout(".")
	if err != nil {
		return testnet.TrialPlan{}, program.Misuse(err)
	}
	if err := clear(flags.out); err != nil {
		return testnet.TrialPlan{}, err
	}
	binaries, err := daemons(ctx, found, progress)
	if err != nil {
		return testnet.TrialPlan{}, err
	}
	programs, err := testnet.BuildPrograms(ctx, checkout, progress, "vsp", "vspverify")
	if err != nil {
		return testnet.TrialPlan{}, err
	}
	begin := time.Now()
	return testnet.TrialPlan{
		Network: testnet.Plan{Dir: flags.out, Binaries: binaries, Seed: flags.seed},
		VSP:     programs[0], Verifier: programs[1],
		Say: func(format string, args ...any) {
			fmt.Fprintf(progress, "%5.1f s  %s\n", time.Since(begin).Seconds(), fmt.Sprintf(format, args...))
		},
	}, nil
}

// marker tells a trial's folder from any other, which must not be touched.
const marker = "trial.json"

// clear makes an empty folder, or empties one that a trial has left.
func clear(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	if len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, marker)); err != nil {
			return program.Misuse(fmt.Errorf("%s has files that are no trial's: name another folder with --out", dir))
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove the trial before: %w", err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	return writePlay(dir, nil)
}

// writePlay writes down what was done, and when: the phases of the trial.
func writePlay(dir string, phases []testnet.Phase) error {
	raw, err := json.MarshalIndent(map[string]any{"phases": phases}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode trial: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, marker), append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("write trial: %w", err)
	}
	return nil
}

// runTrial plays the trial and prints the report.
func runTrial(ctx context.Context, out io.Writer, plan testnet.TrialPlan, flags trialFlags) (err error) {
	begin := time.Now()
	t, err := testnet.StartTrial(ctx, plan)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	err = t.Play(ctx)
	if writeErr := writePlay(flags.out, t.Phases); err != nil || writeErr != nil {
		return errors.Join(err, writeErr)
	}
	name := "report.txt"
	if flags.asJSON {
		name = "report.json"
	}
	report, err := os.ReadFile(filepath.Join(flags.out, name))
	if err != nil {
		return fmt.Errorf("read report: %w", err)
	}
	if _, err := out.Write(report); err != nil {
		return err
	}
	if !flags.asJSON {
		fmt.Fprint(out, afterword(t, flags, time.Since(begin)))
	}
	if err := t.Check(); err != nil {
		return program.AnswerNo(fmt.Errorf("the trial did not come out as it was played:\n%w", err))
	}
	if flags.hold {
		plan.Say("the network stays until Ctrl-C; to derive the report again:\n  bin/vspverify %s", strings.Join(t.Verifier.CheckArgs(), " "))
		<-ctx.Done()
	}
	return nil
}

// afterword says what was done, so that the report can be read against it.
func afterword(t *testnet.Trial, flags trialFlags, took time.Duration) string {
	var b strings.Builder
	if !flags.hold {
		b.WriteString("  Its node has ended with the network. To try it: vsptestnet trial --hold\n")
	}
	voted, revoked := t.Fates.Count(t.Tickets)
	fmt.Fprintf(&b, "\nWHAT WAS DONE in %.0f s, beside the verifier\n", took.Seconds())
	for _, p := range t.Phases {
		fmt.Fprintf(&b, "  blocks %4d to %4d  %s\n", p.From, p.To, p.Name)
	}
	fmt.Fprintf(&b, "  A plain count of what spent the %d tickets: %d voted, %d were revoked.\n", len(t.Tickets), voted, revoked)
	fmt.Fprintf(&b, "\nMAIL to the operator, in %s\n", filepath.Join(flags.out, "mail"))
	for _, mail := range t.Mails.Mails() {
		fmt.Fprintf(&b, "  %s  %s\n", mail.Received.UTC().Format(time.TimeOnly), mail.Subject)
	}
	return b.String()
}
