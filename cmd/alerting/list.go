package alerting

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/alerts"
	"scrutineer/cmd/output"
)

// List is the command that lists incidents.
func (m Commands) List() *cobra.Command {
	return m.showing("List the incidents that are not over, and the mails that wait",
		func(now Standing) any { return standingView(now) }, writeStanding)
}

// showing is a command list that shows something of how things stand, as text or as JSON.
func (m Commands) showing(short string, view func(Standing) any, write func(io.Writer, Standing) error) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: short, Args: cobra.NoArgs}
	path := m.Flag(c)
	asJSON := output.JSONFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		s, err := m.settings(*path)
		if err != nil {
			return err
		}
		var now Standing
		if err := s.ask(c.Context(), http.MethodGet, "/incidents", nil, &now); err != nil {
			return err
		}
		if *asJSON {
			return output.WriteJSON(c.OutOrStdout(), view(now))
		}
		return write(c.OutOrStdout(), now)
	}
	return c
}

func writeStanding(out io.Writer, now Standing) error {
	lines := []string{"No incident is open."}
	if n := len(now.Incidents); n > 0 {
		lines[0] = output.PluralOf(n, "incident is open.", "incidents are open.")
	}
	for _, i := range now.Incidents {
		lines = append(lines, "")
		head := fmt.Sprintf("#%d %s %s", i.Number, strings.ToUpper(i.Severity.String()), i.Title)
		for n, line := range append(output.Wrap(head, output.Columns-4), output.Wrap(history(i), output.Columns-4)...) {
			lines = append(lines, indent(n)+line)
		}
	}
	for _, m := range now.Maintenance {
		lines = append(lines, "")
		for n, line := range output.Wrap(maintenanceText(m), output.Columns-4) {
			lines = append(lines, indent(n)+line)
		}
	}
	if n := len(now.Waiting); n > 0 {
		lines = append(lines, "", output.PluralOf(n, "mail waits:", "mails wait:"))
	}
	for _, w := range now.Waiting {
		text := fmt.Sprintf("#%d %s", w.Incident, w.Event)
		if w.Event == alerts.Tested {
			text = "test"
		}
		if w.More > 0 {
			text += fmt.Sprintf(" and %d more", w.More)
		}
		text += fmt.Sprintf(", for %s, since %s", w.To, output.Second(w.At))
		if w.Err != "" {
			text += ": " + w.Err
		}
		for n, line := range output.Wrap(text, output.Columns-4) {
			lines = append(lines, indent(n)+line)
		}
	}
	if n := len(now.Guests); n > 0 {
		lines = append(lines, "", output.PluralOf(n, "guest gets every mail for a while:", "guests get every mail for a while:"))
	}
	for _, g := range now.Guests {
		for n, line := range output.Wrap(guestSentence(g), output.Columns-4) {
			lines = append(lines, indent(n)+line)
		}
	}
	_, err := fmt.Fprintln(out, strings.Join(lines, "\n"))
	return err
}

// history is an incident's in a sentence.
func history(i alerts.Incident) string {
	parts := []string{"since " + output.Second(i.Since)}
	if i.Reminders > 0 {
		parts = append(parts, "reminded "+output.Plural(i.Reminders, "time"))
	}
	if !i.Escalated.IsZero() {
		parts = append(parts, "escalated "+output.Second(i.Escalated))
	}
	if i.Acked.IsZero() {
		parts = append(parts, "nobody has acknowledged it")
	} else {
		parts = append(parts, fmt.Sprintf("acknowledged by %s %s", cmp.Or(i.AckedBy, "somebody"), output.Second(i.Acked)))
	}
	return strings.Join(parts, ", ")
}

// The JSON of the command list.
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

func standingView(now Standing) standingJSON {
	view := standingJSON{[]incidentJSON{}, []waitingJSON{}, guestsView(now.Guests), maintenanceView(now.Maintenance)}
	for _, i := range now.Incidents {
		view.Incidents = append(view.Incidents, incidentJSON{i.Number, string(i.Key), i.Title, i.Severity.String(), i.Since, i.Reminders,
			output.Known(i.Escalated), output.Known(i.Acked), i.AckedBy})
	}
	for _, w := range now.Waiting {
		view.Waiting = append(view.Waiting, waitingJSON{w.Incident, w.More, string(w.Event), w.To, w.At, w.Err})
	}
	return view
}
