package alerting

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/alerts"
	"scrutineer/cmd/output"
	"scrutineer/cmd/program"
)

// Maintenance is the commands about work that is announced. Subjects returns all that it can be announced for.
func (m Commands) Maintenance(subjects func(path string) ([]string, error)) *cobra.Command {
	c := &cobra.Command{
		Use:   "maintenance",
		Short: "Announce work, during which nobody is mailed about what it breaks",
		Long: `maintenance announces work. What it breaks meanwhile is noted and mailed to
nobody, but for this: that no wallet is left to vote, that a vote was missed, and,
with --only, whatever else goes wrong. It ends by itself, and then what is still
wrong is told at once. All are mailed when it begins and when it ends.`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(m.startMaintenance(subjects), m.listMaintenance(), m.endMaintenance())
	return c
}

func (m Commands) startMaintenance(subjects func(path string) ([]string, error)) *cobra.Command {
	c := &cobra.Command{
		Use:     "start",
		Short:   "Begin, for a time",
		Example: "  " + m.Program.Name + ` alerts maintenance start --for 2h --only wallet-2 --reason "new disk"`,
		Args:    cobra.NoArgs,
	}
	path := m.Flag(c)
	span := c.Flags().Duration("for", 0, "how long, such as 2h (required)")
	only := c.Flags().StringSlice("only", nil, "what the work is on: a `WALLET`, node, database, ...; everything if left out")
	reason := c.Flags().String("reason", "", "why, for those who are told")
	by := c.Flags().String("by", cmp.Or(os.Getenv("SUDO_USER"), os.Getenv("USER")), "`NAME` of who does it")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *span <= 0 || *span > alerts.MaxMaintenance {
			return program.Misuse(fmt.Errorf("--for must be more than 0 and at most %v, such as 2h", alerts.MaxMaintenance))
		}
		s, err := m.settings(*path)
		if err != nil {
			return err
		}
		watched, err := subjects(*path)
		if err != nil {
			return err
		}
		for _, name := range *only {
			if !slices.Contains(watched, name) {
				return program.Misuse(fmt.Errorf("--only %s: nothing of that name is watched: %s", name, strings.Join(watched, ", ")))
			}
		}
		now := time.Now()
		w := alerts.Maintenance{From: now, Until: now.Add(*span), Only: *only, Reason: *reason, By: *by}
		if err := s.ask(c.Context(), http.MethodPost, "/maintenance", w, &w.Number); err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "Maintenance %d is under way until %s. All are told.\nTo end it before: %s alerts maintenance end %[1]d\n",
			w.Number, output.Second(w.Until), m.Program.Name)
		return err
	}
	return c
}

func (m Commands) listMaintenance() *cobra.Command {
	return m.showing("List what is under way", func(now Standing) any { return maintenanceView(now.Maintenance) }, writeMaintenance)
}

func writeMaintenance(out io.Writer, now Standing) error {
	if len(now.Maintenance) == 0 {
		return writeLines(out, "No maintenance is under way.")
	}
	for _, w := range now.Maintenance {
		if err := writeLines(out, maintenanceText(w)); err != nil {
			return err
		}
	}
	return nil
}

func (m Commands) endMaintenance() *cobra.Command {
	c := &cobra.Command{
		Use:   "end [NUMBER]",
		Short: "End one before its time; all of them without a number",
		Long: `end ends a maintenance before its time. What is still wrong is told at once.

Exit code 1 says that no such maintenance is under way.`,
		Args: cobra.MaximumNArgs(1),
	}
	path := m.Flag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		number := 0
		if len(args) > 0 {
			var err error
			if number, err = strconv.Atoi(args[0]); err != nil || number < 1 {
				return program.Misuse(fmt.Errorf("%q is no maintenance's number: %s alerts maintenance list has them", args[0], m.Program.Name))
			}
		}
		s, err := m.settings(*path)
		if err != nil {
			return err
		}
		end := fmt.Sprintf("/maintenance/%d/end", number)
		if err := refusedIsNo(s.ask(c.Context(), http.MethodPost, end, nil, &struct{}{})); err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), "It is over. All are told, and what is still wrong.")
		return err
	}
	return c
}

// maintenanceText is one maintenance in a sentence.
func maintenanceText(m alerts.Maintenance) string {
	text := fmt.Sprintf("Maintenance %d of %s since %s until %s", m.Number, cmp.Or(strings.Join(m.Only, ", "), "everything"),
		output.Second(m.From), output.Second(m.Until))
	if m.By != "" {
		text += ", by " + m.By
	}
	if m.Reason != "" {
		text += ": " + m.Reason
	}
	return text
}

// maintenanceJSON is one maintenance in the JSON of the commands.
type maintenanceJSON struct {
	Number int       `json:"number"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	Only   []string  `json:"only"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	Untold int       `json:"untold"` // incidents that came and went in it
}

func maintenanceView(windows []alerts.Maintenance) []maintenanceJSON {
	view := []maintenanceJSON{}
	for _, m := range windows {
		view = append(view, maintenanceJSON{m.Number, m.From, m.Until, append([]string{}, m.Only...), m.Reason, m.By, m.Untold})
	}
	return view
}
