package alerting

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/alerts"
	"scrutineer/alerts/email"
	"scrutineer/cmd/output"
	"scrutineer/cmd/program"
)

// invitation is who is to be told everything for a while.
type invitation struct {
	To, Nonce string
	For       time.Duration
}

// Guest is the commands about who gets every mail for a while.
func (m Commands) Guest() *cobra.Command {
	c := &cobra.Command{
		Use:   "guest",
		Short: "Let somebody get every mail for a while, such as a reviewer",
		Long: `A guest gets every mail that operators get, and nothing after its time, not even
mails that wait. It is forgotten by itself. Restarts change nothing about it.

This is how alerts are shown to a reviewer (vspverify drill), who says what to type.`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(m.addGuest(), m.listGuests(), m.removeGuest())
	return c
}

func (m Commands) addGuest() *cobra.Command {
	var i invitation
	c := &cobra.Command{
		Use:   "add ADDRESS --for TIME",
		Short: "Mail everything to ADDRESS, too, until the time is over",
		Long: `add has the running service mail everything to ADDRESS as well, from now on and for
as long as is said. Who is a guest already stays until the new end, with the new nonce.

Exit code 1 says that the service refused, and why.`,
		Args: cobra.ExactArgs(1),
	}
	path := m.Flag(c)
	c.Flags().DurationVar(&i.For, "for", 0, "how long, such as 2h")
	c.Flags().StringVar(&i.Nonce, "nonce", "", "the `TEXT` that each mail to it carries, so that the reviewer knows it")
	_ = c.MarkFlagRequired("for") // it fails only for a flag that is not there
	c.RunE = func(c *cobra.Command, args []string) error {
		i.To = args[0]
		if err := email.CheckRecipient(i.To); err != nil {
			return program.Misuse(err)
		}
		s, err := m.settings(*path)
		if err != nil {
			return err
		}
		var g alerts.Guest
		if err := refusedIsNo(s.ask(c.Context(), http.MethodPost, "/guests", i, &g)); err != nil {
			return err
		}
		return writeLines(c.OutOrStdout(), guestSentence(g)+".")
	}
	return c
}

func (m Commands) listGuests() *cobra.Command {
	return m.showing("List who gets every mail for a while", func(now Standing) any { return guestsView(now.Guests) }, writeGuests)
}

func writeGuests(out io.Writer, now Standing) error {
	if len(now.Guests) == 0 {
		return writeLines(out, "There is no guest.")
	}
	for _, g := range now.Guests {
		if err := writeLines(out, guestSentence(g)+"."); err != nil {
			return err
		}
	}
	return nil
}

func (m Commands) removeGuest() *cobra.Command {
	c := &cobra.Command{
		Use:   "remove ADDRESS",
		Short: "Mail nothing more to a guest, not even what waits",
		Args:  cobra.ExactArgs(1),
	}
	path := m.Flag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		s, err := m.settings(*path)
		if err != nil {
			return err
		}
		err = refusedIsNo(s.ask(c.Context(), http.MethodDelete, "/guests/"+url.PathEscape(args[0]), nil, &struct{}{}))
		if err != nil {
			return err
		}
		return writeLines(c.OutOrStdout(), args[0]+" gets nothing more.")
	}
	return c
}

func guestSentence(g alerts.Guest) string {
	text := fmt.Sprintf("%s gets every mail until %s UTC", g.To, output.Second(g.Until))
	if g.Nonce != "" {
		text += ", with the nonce " + g.Nonce
	}
	return text
}

// guestJSON is a guest in the JSON of the commands.
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

// handleGuests answers the commands about guests.
func (d *Duty) handleGuests(mux *http.ServeMux) {
	mux.HandleFunc("POST /guests", func(w http.ResponseWriter, r *http.Request) {
		var i invitation
		var g alerts.Guest
		err := json.NewDecoder(io.LimitReader(r.Body, 1<<12)).Decode(&i)
		if err == nil {
			err = email.CheckRecipient(i.To)
		}
		if err == nil {
			g, err = d.Desk.Invite(i.To, i.Nonce, i.For, time.Now())
		}
		answer(w, g, err)
	})
	mux.HandleFunc("DELETE /guests/{address}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, struct{}{}, d.Desk.Dismiss(r.PathValue("address"), time.Now()))
	})
}
