package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/alerts"
	"scrutineer/cmd/program"
)

func alertsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "alerts",
		Short: "List and acknowledge incidents, and try whether mail arrives",
		Long: `alerts asks the running service, over a socket beside the file that alerts.store
names: as the service's own user, or as root.`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(alertsListCommand(), alertsAckCommand(), alertsTestCommand(), alertsMaintenanceCommand(), alertsGuestCommand(), alertsDKIMCommand())
	return c
}

// alertSettings is the configuration, which must have alerts.
func alertSettings(path string) (*settings, error) {
	s, err := loadConfig(path)
	if err == nil && s.Alerts == nil {
		return nil, fmt.Errorf("%s has no [alerts]: nobody is told of anything", path)
	}
	return s, err
}

func alertsListCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the incidents that are not over, and the mails that wait",
		Args:  cobra.NoArgs,
	}
	path := configFlag(c)
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		s, err := alertSettings(*path)
		if err != nil {
			return err
		}
		var now standing
		if err := askService(c.Context(), s, http.MethodGet, "/incidents", nil, &now); err != nil {
			return err
		}
		if *asJSON {
			return writeJSON(c.OutOrStdout(), standingView(now))
		}
		return writeStanding(c.OutOrStdout(), now)
	}
	return c
}

func alertsAckCommand() *cobra.Command {
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
	path := configFlag(c)
	by := c.Flags().String("by", cmp.Or(os.Getenv("SUDO_USER"), os.Getenv("USER")), "`NAME` of who takes it on")
	group := c.Flags().Bool("group", false, "and all that were told together with it")
	c.RunE = func(c *cobra.Command, args []string) error {
		number, err := strconv.Atoi(strings.TrimPrefix(args[0], "#"))
		if err != nil || number < 1 {
			return program.Misuse(fmt.Errorf("%q is no incident's number: vsp alerts list has them", args[0]))
		}
		s, err := alertSettings(*path)
		if err != nil {
			return err
		}
		path := fmt.Sprintf("/incidents/%d/ack", number)
		if err := refusedIsNo(askService(c.Context(), s, http.MethodPost, path, acknowledgement{*by, *group}, &struct{}{})); err != nil {
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

func alertsTestCommand() *cobra.Command {
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
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		s, err := alertSettings(*path)
		if err != nil {
			return err
		}
		var deliveries []alerts.Delivery
		if err := askService(c.Context(), s, http.MethodPost, "/test", nil, &deliveries); err != nil {
			return err
		}
		return writeDeliveries(c.OutOrStdout(), s.Alerts.SMTP, deliveries)
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
		for i, line := range wrap(text, columns-4) {
			if _, err := fmt.Fprintln(out, indent(i)+line); err != nil {
				return err
			}
		}
	}
	if missing > 0 {
		return program.AnswerNo(fmt.Errorf("%d of %s not taken", missing, pluralOf(len(deliveries), "mail was", "mails were")))
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

func writeStanding(out io.Writer, now standing) error {
	lines := []string{"No incident is open."}
	if n := len(now.Incidents); n > 0 {
		lines[0] = pluralOf(n, "incident is open.", "incidents are open.")
	}
	for _, i := range now.Incidents {
		lines = append(lines, "")
		head := fmt.Sprintf("#%d %s %s", i.Number, strings.ToUpper(i.Severity.String()), i.Title)
		for n, line := range append(wrap(head, columns-4), wrap(history(i), columns-4)...) {
			lines = append(lines, indent(n)+line)
		}
	}
	for _, m := range now.Maintenance {
		lines = append(lines, "")
		for n, line := range wrap(maintenanceText(m), columns-4) {
			lines = append(lines, indent(n)+line)
		}
	}
	if n := len(now.Waiting); n > 0 {
		lines = append(lines, "", pluralOf(n, "mail waits:", "mails wait:"))
	}
	for _, w := range now.Waiting {
		text := fmt.Sprintf("#%d %s", w.Incident, w.Event)
		if w.Event == alerts.Tested {
			text = "test"
		}
		if w.More > 0 {
			text += fmt.Sprintf(" and %d more", w.More)
		}
		text += fmt.Sprintf(", for %s, since %s", w.To, second(w.At))
		if w.Err != "" {
			text += ": " + w.Err
		}
		for n, line := range wrap(text, columns-4) {
			lines = append(lines, indent(n)+line)
		}
	}
	if n := len(now.Guests); n > 0 {
		lines = append(lines, "", pluralOf(n, "guest gets every mail for a while:", "guests get every mail for a while:"))
	}
	for _, g := range now.Guests {
		for n, line := range wrap(guestSentence(g), columns-4) {
			lines = append(lines, indent(n)+line)
		}
	}
	_, err := fmt.Fprintln(out, strings.Join(lines, "\n"))
	return err
}

// history is an incident's in a sentence.
func history(i alerts.Incident) string {
	parts := []string{"since " + second(i.Since)}
	if i.Reminders > 0 {
		parts = append(parts, "reminded "+plural(i.Reminders, "time"))
	}
	if !i.Escalated.IsZero() {
		parts = append(parts, "escalated "+second(i.Escalated))
	}
	if i.Acked.IsZero() {
		parts = append(parts, "nobody has acknowledged it")
	} else {
		parts = append(parts, fmt.Sprintf("acknowledged by %s %s", cmp.Or(i.AckedBy, "somebody"), second(i.Acked)))
	}
	return strings.Join(parts, ", ")
}

// The JSON of vsp alerts list.
type (
	standingJSON struct {
		Incidents   []incidentJSON    `json:"incidents"`
		Waiting     []waitingJSON     `json:"waiting"`
		Guests      []guestJSON       `json:"guests"`
		Maintenance []maintenanceJSON `json:"maintenance"`
	}
	incidentJSON struct {
		Number         int        `json:"number"`
		Key            string     `json:"key"`
		Title          string     `json:"title"`
		Severity       string     `json:"severity"`
		Since          time.Time  `json:"since"`
		Reminders      int        `json:"reminders"`
		Escalated      *time.Time `json:"escalated"`
		Acknowledged   *time.Time `json:"acknowledged"`
		AcknowledgedBy string     `json:"acknowledged_by"`
	}
	waitingJSON struct {
		Incident int       `json:"incident"`
		More     int       `json:"more"` // events that the same mail tells
		Event    string    `json:"event"`
		To       string    `json:"to"`
		Since    time.Time `json:"since"`
		Error    string    `json:"error"`
	}
)

func standingView(now standing) standingJSON {
	view := standingJSON{[]incidentJSON{}, []waitingJSON{}, guestsView(now.Guests), maintenanceView(now.Maintenance)}
	for _, i := range now.Incidents {
		view.Incidents = append(view.Incidents, incidentJSON{i.Number, string(i.Key), i.Title, i.Severity.String(), i.Since, i.Reminders,
			known(i.Escalated), known(i.Acked), i.AckedBy})
	}
	for _, w := range now.Waiting {
		view.Waiting = append(view.Waiting, waitingJSON{w.Incident, w.More, string(w.Event), w.To, w.At, w.Err})
	}
	return view
}
