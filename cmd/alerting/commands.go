package alerting

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"scrutineer/alerts"
	"scrutineer/cmd/configfile"
	"scrutineer/cmd/output"
	"scrutineer/cmd/program"
)

// Commands are what people on duty type. Each program has those that it wants.
type Commands struct {
	Program Program
	Flag    func(*cobra.Command) *string // adds the flag that names the configuration

	// Load returns a section that was found in order, nil where there is none.
	Load func(path string) (*Settings, error)
	// Read returns the configuration's file and its section as it is written, nil where there is none, and judges neither.
	Read func(path string) (*configfile.File, *Config, error)
}

// settings is a section that must be there.
func (m Commands) settings(path string) (*Settings, error) {
	s, err := m.Load(path)
	if err == nil && s == nil {
		return nil, fmt.Errorf("%s has no [alerts]: nobody is told of anything", path)
	}
	return s, err
}

// Group is the command that has the others.
func (m Commands) Group(members ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:   "alerts",
		Short: "List and acknowledge incidents, and try whether mail arrives",
		Long: `alerts asks the running service, over a socket beside the file that alerts.store
names: as the service's own user, or as root.`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(members...)
	return c
}

// Ack is the command by which somebody takes an incident on.
func (m Commands) Ack() *cobra.Command {
	c := &cobra.Command{
		Use:   "ack NUMBER",
		Short: "Take an incident on: reminders and calls for others cease",
		Long: `ack says that you take the incident on. The others are told. No reminder follows,
and nobody else is called, until it gets worse, or is over and comes back. With
--group you take on all that were told together with it, as a mail of several has
it.

Exit code 1 says that no such incident is open.`,
		Args: cobra.ExactArgs(1),
	}
	path := m.Flag(c)
	by := c.Flags().String("by", cmp.Or(os.Getenv("SUDO_USER"), os.Getenv("USER")), "`NAME` of who takes it on")
	group := c.Flags().Bool("group", false, "and all that were told together with it")
	c.RunE = func(c *cobra.Command, args []string) error {
		number, err := strconv.Atoi(strings.TrimPrefix(args[0], "#"))
		if err != nil || number < 1 {
			return program.Misuse(fmt.Errorf("%q is no incident's number: %s alerts list has them", args[0], m.Program.Name))
		}
		s, err := m.settings(*path)
		if err != nil {
			return err
		}
		path := fmt.Sprintf("/incidents/%d/ack", number)
		if err := refusedIsNo(s.ask(c.Context(), http.MethodPost, path, acknowledgement{*by, *group}, &struct{}{})); err != nil {
			return err
		}
		what := ""
		if *group {
			what = ", with what was told together with it"
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "Incident %d is acknowledged%s. The others are told.\n", number, what)
		return err
	}
	return c
}

// Test is the command that tries whether mail is taken.
func (m Commands) Test() *cobra.Command {
	c := &cobra.Command{
		Use:   "test",
		Short: "Mail everybody that nothing is wrong, and say what the mail server says",
		Long: `test has the running service send a mail to all of alerts.to and
alerts.escalate_to, on the way that every alert takes, and waits for the mail
server's answers. That the server has taken a mail does not say that it arrives:
look into the mailboxes.

Exit code 1 says that a mail was not taken.`,
		Args: cobra.NoArgs,
	}
	path := m.Flag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		s, err := m.settings(*path)
		if err != nil {
			return err
		}
		var deliveries []alerts.Delivery
		if err := s.ask(c.Context(), http.MethodPost, "/test", nil, &deliveries); err != nil {
			return err
		}
		return writeDeliveries(c.OutOrStdout(), s.SMTP, deliveries)
	}
	return c
}

func writeDeliveries(out io.Writer, server string, deliveries []alerts.Delivery) error {
	missing := 0
	for _, d := range deliveries {
		text := fmt.Sprintf("%s: taken by %s", d.To, server)
		if !d.Taken {
			missing++
			text = fmt.Sprintf("%s: NOT TAKEN: %s", d.To, d.Err)
		}
		for i, line := range output.Wrap(text, output.Columns-4) {
			if _, err := fmt.Fprintln(out, indent(i)+line); err != nil {
				return err
			}
		}
	}
	if missing > 0 {
		return program.AnswerNo(fmt.Errorf("%d of %s not taken", missing, output.PluralOf(len(deliveries), "mail was", "mails were")))
	}
	return nil
}

// indent sets off the second and later lines of a wrapped text.
func indent(line int) string {
	if line == 0 {
		return ""
	}
	return "    "
}

// refusedIsNo tells a refusal from not having been able to ask.
func refusedIsNo(err error) error {
	if refused := new(refusal); errors.As(err, &refused) {
		return program.AnswerNo(err)
	}
	return err
}

// writeLines writes a sentence in lines that fit.
func writeLines(out io.Writer, text string) error {
	for n, line := range output.Wrap(text, output.Columns-4) {
		if _, err := fmt.Fprintln(out, indent(n)+line); err != nil {
			return err
		}
	}
	return nil
}
