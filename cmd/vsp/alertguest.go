package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/alerts"
	"scrutineer/alerts/email"
	"scrutineer/cmd/program"
)

// invitation is who is to be told everything for a while.
type invitation struct {
	To, Nonce string
	For       time.Duration
}

func alertsGuestCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "guest",
		Short: "Let somebody get every mail for a while, such as a reviewer",
		Long: `A guest gets every mail that operators get, and nothing after its time, not even
mails that wait. It is forgotten by itself. Restarts change nothing about it.

This is how alerts are shown to a reviewer (vspverify drill), who says what to type.`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(guestAddCommand(), guestListCommand(), guestRemoveCommand())
	return c
}

func guestAddCommand() *cobra.Command {
	var i invitation
	c := &cobra.Command{
		Use:   "add ADDRESS --for TIME",
		Short: "Mail everything to ADDRESS, too, until the time is over",
		Long: `add has the running service mail everything to ADDRESS as well, from now on and for
as long as is said. Who is a guest already stays until the new end, with the new nonce.

Exit code 1 says that the service refused, and why.`,
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.Flags().DurationVar(&i.For, "for", 0, "how long, such as 2h")
	c.Flags().StringVar(&i.Nonce, "nonce", "", "the `TEXT` that each mail to it carries, so that the reviewer knows it")
	_ = c.MarkFlagRequired("for") // it fails only for a flag that is not there
	c.RunE = func(c *cobra.Command, args []string) error {
		i.To = args[0]
		if err := email.CheckRecipient(i.To); err != nil {
			return program.Misuse(err)
		}
		s, err := alertSettings(*path)
		if err != nil {
			return err
		}
		var g alerts.Guest
		if err := refusedIsNo(askService(c.Context(), s, http.MethodPost, "/guests", i, &g)); err != nil {
			return err
		}
		return writeLines(c.OutOrStdout(), guestSentence(g)+".")
	}
	return c
}

func guestListCommand() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List who gets every mail for a while", Args: cobra.NoArgs}
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
			return writeJSON(c.OutOrStdout(), guestsView(now.Guests))
		}
		if len(now.Guests) == 0 {
			return writeLines(c.OutOrStdout(), "There is no guest.")
		}
		for _, g := range now.Guests {
			if err := writeLines(c.OutOrStdout(), guestSentence(g)+"."); err != nil {
				return err
			}
		}
		return nil
	}
	return c
}

func guestRemoveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "remove ADDRESS",
		Short: "Mail nothing more to a guest, not even what waits",
		Args:  cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		s, err := alertSettings(*path)
		if err != nil {
			return err
		}
		err = refusedIsNo(askService(c.Context(), s, http.MethodDelete, "/guests/"+url.PathEscape(args[0]), nil, &struct{}{}))
		if err != nil {
			return err
		}
		return writeLines(c.OutOrStdout(), args[0]+" gets nothing more.")
	}
	return c
}

// refusedIsNo tells a refusal from not having been able to ask.
func refusedIsNo(err error) error {
	if refused := new(refusal); errors.As(err, &refused) {
		return program.AnswerNo(err)
	}
	return err
}

func guestSentence(g alerts.Guest) string {
	text := fmt.Sprintf("%s gets every mail until %s UTC", g.To, second(g.Until))
	if g.Nonce != "" {
		text += ", with the nonce " + g.Nonce
	}
	return text
}

// writeLines writes a sentence in lines that fit.
func writeLines(out io.Writer, text string) error {
	for n, line := range wrap(text, columns-4) {
		if _, err := fmt.Fprintln(out, indent(n)+line); err != nil {
			return err
		}
	}
	return nil
}

// guestJSON is a guest in the JSON of vsp alerts.
type guestJSON struct {
	To    string    `json:"to"`
	Nonce string    `json:"nonce"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

func guestsView(guests []alerts.Guest) []guestJSON {
	view := []guestJSON{}
	for _, g := range guests {
		view = append(view, guestJSON{g.To, g.Nonce, g.Since, g.Until})
	}
	return view
}

// handleGuests answers vsp alerts guest.
func (d *duty) handleGuests(mux *http.ServeMux) {
	mux.HandleFunc("POST /guests", func(w http.ResponseWriter, r *http.Request) {
		var i invitation
		var g alerts.Guest
		err := json.NewDecoder(io.LimitReader(r.Body, 1<<12)).Decode(&i)
		if err == nil {
			err = email.CheckRecipient(i.To)
		}
		if err == nil {
			g, err = d.desk.Invite(i.To, i.Nonce, i.For, time.Now())
		}
		answer(w, g, err)
	})
	mux.HandleFunc("DELETE /guests/{address}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, struct{}{}, d.desk.Dismiss(r.PathValue("address"), time.Now()))
	})
}
