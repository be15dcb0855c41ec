package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/vspapi"
)

func ticketsShowCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "show HASH",
		Short: "Show all that is known of one ticket",
		Long: `show prints what is stored of a ticket, what its holder asked for and when, and
asks every wallet whether it holds the ticket. The beginning of a hash will do
where it is of one ticket only. A voting key is never shown.`,
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return withStore(c.Context(), *path, func(ctx context.Context, s *settings, store *sqlstore.Store) error {
			known, err := lookUpTicket(ctx, s, store, args[0])
			if err != nil {
				return err
			}
			if *asJSON {
				return writeJSON(c.OutOrStdout(), known)
			}
			return known.write(c.OutOrStdout())
		})
	}
	return c
}

// dossier is all that is known of one ticket.
type dossier struct {
	ticketView
	AltSigner *altSignerView `json:"alt_signer"`
	Changes   []changeView   `json:"changes"`
	Wallets   []holderView   `json:"wallets"`
}

type altSignerView struct {
	Address string    `json:"address"`
	Set     time.Time `json:"set"`
}

// changeView is an accepted request. It can be shown whole, as the proof of what was asked for, unless it may carry a voting
// key.
type changeView struct {
	Answered  time.Time `json:"answered"`
	Act       string    `json:"act"`
	Request   string    `json:"request,omitempty"`
	Signature string    `json:"signature,omitempty"`
}

func lookUpTicket(ctx context.Context, s *settings, store *sqlstore.Store, prefix string) (*dossier, error) {
	t, err := findTicket(ctx, store, prefix)
	if err != nil {
		return nil, err
	}
	known := &dossier{ticketView: viewTicket(t), Changes: []changeView{}, Wallets: askHolders(ctx, s, t.Hash)}
	changes, err := store.Changes(ctx, t.Hash)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		known.Changes = append(known.Changes, viewChange(c))
	}
	signer, err := store.AltSigner(ctx, t.Hash)
	switch {
	case errors.Is(err, vsp.ErrNoAltSigner):
	case err != nil:
		return nil, err
	default:
		known.AltSigner = &altSignerView{signer.Address, time.Unix(signer.Change.Answered, 0).UTC()}
	}
	return known, nil
}

// findTicket returns the one ticket whose hash begins so.
func findTicket(ctx context.Context, store *sqlstore.Store, prefix string) (vsp.Ticket, error) {
	prefix = strings.ToLower(prefix)
	if len(prefix) == chainhash.MaxHashStringSize {
		hash, err := chainhash.NewHashFromStr(prefix)
		if err != nil {
			return vsp.Ticket{}, program.Misuse(fmt.Errorf("%q is no ticket's hash: %w", prefix, err))
		}
		t, err := store.Ticket(ctx, *hash)
		if errors.Is(err, vsp.ErrNoTicket) {
			return t, program.AnswerNo(fmt.Errorf("ticket %s is not registered here", prefix))
		}
		return t, err
	}
	if prefix == "" || strings.Trim(prefix, "0123456789abcdef") != "" || len(prefix) > chainhash.MaxHashStringSize {
		return vsp.Ticket{}, program.Misuse(fmt.Errorf("%q is no ticket's hash, nor the beginning of one", prefix))
	}
	all, err := store.Select(ctx, vsp.Filter{})
	if err != nil {
		return vsp.Ticket{}, err
	}
	all = slices.DeleteFunc(all, func(t vsp.Ticket) bool { return !strings.HasPrefix(t.Hash.String(), prefix) })
	if len(all) > 1 {
		return vsp.Ticket{}, program.Misuse(fmt.Errorf("%d tickets begin with %s: give more of the hash", len(all), prefix))
	}
	if len(all) == 0 {
		return vsp.Ticket{}, program.AnswerNo(fmt.Errorf("no ticket that is registered here begins with %s", prefix))
	}
	return all[0], nil
}

// viewChange names the act that a request was for. A request is shown where it says nothing but a holder's choices: then it
// has no room for a voting key.
func viewChange(c vsp.Change) changeView {
	v := changeView{Answered: time.Unix(c.Answered, 0).UTC(), Act: "setvotechoices"}
	var payment vspapi.PayFeeRequest
	if err := json.Unmarshal(c.Request, &payment); err != nil || payment.VotingKey != "" || payment.FeeTx != "" {
		v.Act = "payfee"
		return v
	}
	decoder := json.NewDecoder(bytes.NewReader(c.Request))
	decoder.DisallowUnknownFields()
	if decoder.Decode(new(vspapi.SetVoteChoicesRequest)) == nil {
		v.Request, v.Signature = string(c.Request), c.Signature
	}
	return v
}

func (d *dossier) write(out io.Writer) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		const margin = 12
		for _, text := range wrap(fmt.Sprintf(format, args...), columns-margin) {
			fmt.Fprintf(&b, "%-*s%s\n", margin, name, text)
			name = ""
		}
	}
	line("ticket", "%s", d.Hash)
	line("registered", "%s", orTime(d.Registered, "not known when"))
	if d.Confirmed {
		line("bought", "in block %d", d.PurchaseHeight)
	} else {
		line("bought", "not confirmed yet")
	}
	line("outcome", "%s", d.outcome())
	if d.SpentBy != "" {
		line("", "%s", d.SpentBy)
	}
	line("voting key", "%s", map[bool]string{true: "kept, sealed", false: "none yet"}[d.HasVotingKey])
	line("signer", "%s", d.Commitment)
	if d.AltSigner != nil {
		line("", "%s, since %s", d.AltSigner.Address, second(d.AltSigner.Set))
	}
	d.writeFee(line)
	d.writeChoices(line)
	for i, c := range d.Changes {
		line(onFirst(i, "requests"), "%s %s", second(c.Answered), c.Act)
	}
	for i, w := range d.Wallets {
		line(onFirst(i, "wallets"), "%s: %s", w.Name, w.text())
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (d *dossier) outcome() string {
	if d.Outcome == "" {
		return "may still vote"
	}
	text := d.Outcome
	if d.SpentHeight != 0 {
		text += fmt.Sprintf(" in block %d", d.SpentHeight)
	}
	if d.SpentBy != "" {
		text += ", by"
	}
	return text
}

func (d *dossier) writeFee(line func(name, format string, args ...any)) {
	f := d.Fee
	line("fee", "%s", f.Status)
	line("", "%s DCR were asked for, until %s", coins(amount(f.Amount)), orTime(f.Expires, dash))
	line("", "to %s, index %d", f.Address, f.Index)
	if f.TxHash == "" {
		return
	}
	paid := "an unknown amount was"
	if f.Paid != 0 {
		paid = coins(amount(f.Paid)) + " DCR were"
	}
	line("", "%s paid on %s by", paid, orTime(f.Received, "an unknown day"))
	line("", "%s", f.TxHash)
	if f.Height != 0 {
		line("", "in block %d", f.Height)
	}
}

func (d *dossier) writeChoices(line func(name, format string, args ...any)) {
	n := 0
	for _, of := range []struct {
		what    string
		choices map[string]string
	}{{"", d.Choices.Agendas}, {"tspend ", d.Choices.TSpends}, {"treasury ", d.Choices.Treasury}} {
		for _, key := range slices.Sorted(maps.Keys(of.choices)) {
			line(onFirst(n, "choices"), "%s%s: %s", of.what, abbreviated(key), orDash(of.choices[key]))
			n++
		}
	}
	if n == 0 {
		line("choices", "none: it abstains")
	}
}

// onFirst is a line's name where a list begins.
func onFirst(i int, name string) string {
	if i > 0 {
		return ""
	}
	return name
}

// abbreviated cuts out the middle of what has no room in a line.
func abbreviated(text string) string {
	const room, head, tail = 50, 30, 12
	if len(text) <= room {
		return text
	}
	return text[:head] + "..." + text[len(text)-tail:]
}

func orTime(t *time.Time, text string) string {
	if t == nil {
		return text
	}
	return second(*t) + " UTC"
}
