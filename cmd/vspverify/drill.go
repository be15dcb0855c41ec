package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/mail"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/verifier"
	"scrutineer/verifier/mailbox"
)

const drillHelp = `drill has an operator show that alerts arrive. You name an address of your own, whose mail
must come to this machine (its MX), and drill is the mailbox. The operator makes it a
recipient of all alerts for a while. For each kind of fault drill says what to break, waits
for the mail, says when to mend it, and waits for the mail that it is over. In the end, when
the address is no recipient any more, the first fault is made once more, and nothing may come.

What counts as a mail about a fault, whatever tool has sent it: it came to the address, in
time, signed by the VSP's domain (DKIM), with the fault's nonce in it. Where a tool can put
no nonce into its mails, give it the address with the nonce, local+NONCE@domain. A mail that
something is over is known by its subject (--recovery).

All of it, each mail whole, goes to the file alert_drill of trial.toml, and from there into
the trial's journal: by vspverify run in its next slot, or else by drill itself. The report
has it as rows AL-1 to AL-3, which anybody can derive anew, the signatures too.

With --inject, COMMAND is run with the arguments ACT FAULT ADDRESS NONCE TIME instead of
asking a person. ACT is guest (ADDRESS is to get all alerts for TIME, with NONCE), break,
mend, or end (ADDRESS is to get them for TIME only). Exit code 0: it is done.

Kinds of fault:`

// drillFlags are the flags of vspverify drill.
type drillFlags struct {
	config, to, listen, self, domain, keyFile, certFile, certKeyFile, faults, inject string
	recovery, ignore                                                                 string
	span, within, quiet, watch, grace, beat, settle                                  time.Duration
	early                                                                            bool
	endIn                                                                            time.Duration // that is asked for, to end early
}

// Subjects of mails that something is over, and that tell of no fault: of vsp, monit, Alertmanager, Nagios and their like.
const (
	recoverySubject = `(?i)^\W*(ok|closed|resolved|recovery|up)\b|\b(resolved|recovered|recovery|succeeded|succeed|exists|restored)\b`
	ignoredSubject  = `(?i)heartbeat|watchdog|^\[(alive|test|begin|end)\]`
)

func drillCommand() *cobra.Command {
	f := drillFlags{endIn: endIn}
	c := &cobra.Command{
		Use:   "drill --to ADDRESS --domain DOMAIN --for TIME",
		Short: "Have an operator show that alerts arrive: rows AL-1 to AL-3",
		Long:  drillHelp + faultsHelp(),
		Args:  cobra.NoArgs,
	}
	flags := c.Flags()
	flags.StringVar(&f.config, "config", "trial.toml", "the trial's configuration `FILE`")
	flags.StringVar(&f.to, "to", "", "your `ADDRESS`, local@domain, to which alerts are to come")
	flags.StringVar(&f.domain, "domain", "", "`DOMAIN` of the VSP, that signs its mails")
	flags.DurationVar(&f.span, "for", 2*time.Hour, "how long the address is a recipient")
	flags.StringVar(&f.faults, "faults", "", "kinds of fault, parted by commas, or a `FILE` of your own: a line NAME | WHAT | MEND for each; default: all")
	flags.StringVar(&f.inject, "inject", "", "`COMMAND` that does what a person is asked for otherwise")
	flags.StringVar(&f.listen, "listen", ":25", "`HOST:PORT` where mail comes to")
	flags.StringVar(&f.self, "self", "", "`HOST:PORT` where others reach it, by which it tries itself; default: where it listens")
	flags.StringVar(&f.certFile, "cert", "", "certificate for STARTTLS, PEM `FILE`; default: one is made")
	flags.StringVar(&f.certKeyFile, "cert-key", "", "its key, PEM `FILE`")
	flags.StringVar(&f.keyFile, "dkim-key", "", "`FILE` with the TXT record of the domain's DKIM key, where that is not in the DNS")
	flags.DurationVar(&f.within, "within", 5*time.Minute, "how long a mail may take")
	flags.DurationVar(&f.quiet, "quiet", 2*time.Minute, "how long nothing may come before each fault")
	flags.DurationVar(&f.settle, "settle", time.Minute, "how long nothing must have come before that")
	flags.DurationVar(&f.watch, "watch", 10*time.Minute, "how long nothing may come after a fault after the end")
	flags.DurationVar(&f.grace, "grace", time.Minute, "how long after the end a mail may be on its way")
	flags.DurationVar(&f.beat, "beat", 10*time.Second, "how often our own mailbox is tried")
	flags.StringVar(&f.recovery, "recovery", recoverySubject, "`REGEXP` of subjects of mails that something is over")
	flags.StringVar(&f.ignore, "ignore", ignoredSubject, "`REGEXP` of subjects of mails that tell of no fault")
	flags.BoolVar(&f.early, "end-early", false, "let the address end when all faults were made, and do not wait for --for")
	for _, name := range []string{"to", "domain"} {
		_ = c.MarkFlagRequired(name) // it fails only for a flag that is not there
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		t, err := load(f.config)
		if err != nil {
			return program.Misuse(err)
		}
		return f.run(c.Context(), t, newActor(f.inject, os.Stdin, c.OutOrStdout()), c.OutOrStdout(), c.ErrOrStderr())
	}
	return c
}

// plan returns what is to be shown.
func (f *drillFlags) plan(now time.Time) (verifier.AlertPlan, error) {
	p := verifier.AlertPlan{To: f.to, Domain: f.domain, Keys: map[string]string{}, Until: now.Add(f.span).UTC(),
		Within: verifier.Duration(f.within), Quiet: verifier.Duration(f.quiet), Watch: verifier.Duration(f.watch),
		Grace: verifier.Duration(f.grace), Beat: verifier.Duration(f.beat), Recovery: f.recovery, Ignore: f.ignore}
	parsed, err := mail.ParseAddress(f.to)
	if err != nil || parsed.Address != f.to {
		return p, fmt.Errorf("--to: %q is no address: write it as local@domain", f.to)
	}
	if f.span < f.quiet+f.within {
		return p, fmt.Errorf("--for: %v is too short for one fault", f.span)
	}
	if f.keyFile != "" {
		record, err := os.ReadFile(f.keyFile)
		if err != nil {
			return p, fmt.Errorf("--dkim-key: %w", err)
		}
		p.Keys["*"] = strings.TrimSpace(string(record))
	}
	if p.Faults, err = chooseFaults(f.faults); err != nil {
		return p, err
	}
	return p, p.Mistake()
}

// open opens the mailbox. The mails that come are kept once there is who keeps them.
func (f *drillFlags) open(d *demonstration, ctx context.Context, log *slog.Logger) (*mailbox.Mailbox, error) {
	config := mailbox.Config{Address: f.to, Log: log, Keep: func(m mailbox.Mail) error { return d.keep(ctx, m) }}
	if f.certFile != "" {
		pair, err := tls.LoadX509KeyPair(f.certFile, f.certKeyFile)
		if err != nil {
			return nil, program.Misuse(fmt.Errorf("--cert: %w", err))
		}
		config.Certificate = &pair
	}
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return nil, fmt.Errorf("listen for mail: %w", err)
	}
	if d.self = f.self; d.self == "" {
		d.self = listener.Addr().String()
	}
	box, err := mailbox.Open(listener, config)
	if err != nil {
		return nil, program.Misuse(errors.Join(err, listener.Close()))
	}
	return box, nil
}

// run carries the demonstration out, and says what came of it.
func (f *drillFlags) run(ctx context.Context, t *trial, by actor, out, complaints io.Writer) (err error) {
	plan, err := f.plan(time.Now())
	if err != nil {
		return program.Misuse(err)
	}
	d := &demonstration{plan: plan, out: out, actor: by, settle: f.settle, early: f.early, endIn: f.endIn, lookup: lookupTXT, now: time.Now}
	d.book, err = openSteps(t.AlertDrill, plan, verifier.AlertStep{At: time.Now().UTC(), Step: verifier.StepPlanned, Plan: &plan})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.book.close()) }()
	box, err := f.open(d, context.WithoutCancel(ctx), slog.New(slog.NewTextHandler(complaints, nil)))
	if err != nil {
		return err
	}
	d.say("mail for %s is taken at %s", plan.To, d.self)
	listening, stop := context.WithCancel(ctx)
	var listener sync.WaitGroup
	listener.Go(func() { d.listen(listening) })
	failed := d.run(ctx)
	stop()
	listener.Wait()
	if err := errors.Join(box.Close(), d.conclude(t, failed)); err != nil {
		return err
	}
	return d.answer()
}

// conclude says what came of it and takes it into the journal, as far as it went.
func (d *demonstration) conclude(t *trial, failed error) error {
	if err := writeText(d.out, d.text()); err != nil {
		return err
	}
	taken, err := t.takeUp()
	switch {
	case err != nil:
		err = fmt.Errorf("all of it is in %s, but was not taken into the journal: %w", t.AlertDrill, err)
	case taken:
		_, err = fmt.Fprintf(d.out, "It is in the journal. The report: vspverify report --config %s\n", t.path)
	default:
		_, err = fmt.Fprintf(d.out, "vspverify run takes it into the journal in its next slot, from\n%s\n", t.AlertDrill)
	}
	if failed != nil {
		failed = fmt.Errorf("the demonstration was not brought to its end: %w", failed)
	}
	return errors.Join(failed, err)
}

// answer is the command's: no, where a row failed.
func (d *demonstration) answer() error {
	if findings := verifier.AlertFindings([]verifier.AlertDrill{d.book.drill()}); verifier.NotPassed(findings) {
		return program.AnswerNo(errors.New("alerts do not arrive as they must"))
	}
	return nil
}
