package main

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/alerts"
	"scrutineer/cmd/program"
)

func alertsMaintenanceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "maintenance",
		Short: "Announce work, during which nobody is mailed about what it breaks",
		Long: `maintenance announces work. What it breaks meanwhile is noted and mailed to
nobody, but for this: that no wallet is left to vote, that a vote was missed, and,
with --only, whatever else goes wrong. It ends by itself, and then what is still
wrong is told at once. All are mailed when it begins and when it ends.`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(maintenanceStartCommand(), maintenanceListCommand(), maintenanceEndCommand())
	return c
}

func maintenanceStartCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "start",
		Short:   "Begin, for a time",
		Example: `  vsp alerts maintenance start --for 2h --only wallet-2 --reason "new disk"`,
		Args:    cobra.NoArgs,
	}
	path := configFlag(c)
	span := c.Flags().Duration("for", 0, "how long, such as 2h (required)")
	only := c.Flags().StringSlice("only", nil, "what the work is on: a `WALLET`, node, database, ...; everything if left out")
	reason := c.Flags().String("reason", "", "why, for those who are told")
	by := c.Flags().String("by", cmp.Or(os.Getenv("SUDO_USER"), os.Getenv("USER")), "`NAME` of who does it")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *span <= 0 || *span > alerts.MaxMaintenance {
			return program.Misuse(fmt.Errorf("--for must be more than 0 and at most %v, such as 2h", alerts.MaxMaintenance))
		}
		s, err := alertSettings(*path)
		if err != nil {
			return err
		}
		for _, name := range *only {
			if known := s.subjects(); !slices.Contains(known, name) {
				return program.Misuse(fmt.Errorf("--only %s: nothing of that name is watched: %s", name, strings.Join(known, ", ")))
			}
		}
		now := time.Now()
		m := alerts.Maintenance{From: now, Until: now.Add(*span), Only: *only, Reason: *reason, By: *by}
		if err := askService(c.Context(), s, http.MethodPost, "/maintenance", m, &m.Number); err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "Maintenance %d is under way until %s. All are told.\nTo end it before: vsp alerts maintenance end %[1]d\n",
			m.Number, second(m.Until))
		return err
	}
	return c
}

func maintenanceListCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List what is under way",
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
			return writeJSON(c.OutOrStdout(), maintenanceView(now.Maintenance))
		}
		if len(now.Maintenance) == 0 {
			_, err := fmt.Fprintln(c.OutOrStdout(), "No maintenance is under way.")
			return err
		}
		for _, m := range now.Maintenance {
			for n, line := range wrap(maintenanceText(m), columns-4) {
				if _, err := fmt.Fprintln(c.OutOrStdout(), indent(n)+line); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return c
}

func maintenanceEndCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "end [NUMBER]",
		Short: "End one before its time; all of them without a number",
		Long: `end ends a maintenance before its time. What is still wrong is told at once.

Exit code 1 says that no such maintenance is under way.`,
		Args: cobra.MaximumNArgs(1),
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		number := 0
		if len(args) > 0 {
			var err error
			if number, err = strconv.Atoi(args[0]); err != nil || number < 1 {
				return program.Misuse(fmt.Errorf("%q is no maintenance's number: vsp alerts maintenance list has them", args[0]))
			}
		}
		s, err := alertSettings(*path)
		if err != nil {
			return err
		}
		end := fmt.Sprintf("/maintenance/%d/end", number)
		if err := refusedIsNo(askService(c.Context(), s, http.MethodPost, end, nil, &struct{}{})); err != nil {
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
		second(m.From), second(m.Until))
	if m.By != "" {
		text += ", by " + m.By
	}
	if m.Reason != "" {
		text += ": " + m.Reason
	}
	return text
}

// maintenanceJSON is one maintenance of vsp alerts list.
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

// subjects is all that maintenance can be announced for, by the parts of keys.
func (s *settings) subjects() []string {
	names := []string{"node", "database", "fees", "backup", "disk", "certificate", "heartbeat"}
	for _, w := range s.Wallet {
		names = append(names, w.Name)
	}
	return names
}
