package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
)

func ticketsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "tickets",
		Short: "List, show and export tickets",
		Args:  cobra.NoArgs,
	}
	c.AddCommand(ticketsListCommand(), ticketsShowCommand(), ticketsExportCommand())
	return c
}

// noOutcome is what the empty outcome is called on the command line.
const noOutcome = "none"

func ticketsListCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List tickets, oldest first",
		Long: `list prints a line for each ticket, oldest first. The hash is cut short: vsp
tickets show takes it as it is printed. --json has all of it.`,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	asJSON := jsonFlag(c)
	fees := c.Flags().StringSlice("fee", nil, "only tickets whose fee is `STATUS`: none, received, broadcast, confirmed, error")
	outcomes := c.Flags().StringSlice("outcome", nil, "only tickets that ended as `OUTCOME`: voted, missed, expired, or none yet")
	unconfirmed := c.Flags().Bool("unconfirmed", false, "only tickets that are not confirmed")
	_ = c.RegisterFlagCompletionFunc("fee", cobra.FixedCompletions(
		[]string{"none", "received", "broadcast", "confirmed", "error"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("outcome", cobra.FixedCompletions(
		[]string{"voted", "missed", "expired", noOutcome}, cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(c *cobra.Command, _ []string) error {
		filter, err := ticketFilter(*fees, *outcomes, *unconfirmed)
		if err != nil {
			return program.Misuse(err)
		}
		return withStore(c.Context(), *path, func(ctx context.Context, _ *settings, store *sqlstore.Store) error {
			tickets, err := store.Select(ctx, filter)
			if err != nil {
				return err
			}
			if *asJSON {
				return writeTicketsJSON(c.OutOrStdout(), tickets)
			}
			return writeTickets(c.OutOrStdout(), tickets)
		})
	}
	return c
}

// ticketFilter returns the filter that flags ask for.
func ticketFilter(fees, outcomes []string, unconfirmed bool) (vsp.Filter, error) {
	var f vsp.Filter
	known := []vsp.FeeStatus{vsp.FeeNone, vsp.FeeReceived, vsp.FeeBroadcast, vsp.FeeConfirmed, vsp.FeeError}
	for _, text := range fees {
		status := vsp.FeeStatus(text)
		if !slices.Contains(known, status) {
			return f, fmt.Errorf("--fee %s: use none, received, broadcast, confirmed or error", text)
		}
		f.Fee = append(f.Fee, status)
	}
	for _, text := range outcomes {
		outcome := vsp.Outcome(text)
		if text == noOutcome {
			outcome = vsp.NoOutcome
		} else if !slices.Contains([]vsp.Outcome{vsp.Voted, vsp.Missed, vsp.Expired}, outcome) {
			return f, fmt.Errorf("--outcome %s: use voted, missed, expired or none", text)
		}
		f.Outcome = append(f.Outcome, outcome)
	}
	if unconfirmed {
		f.Confirmed = new(false)
	}
	return f, nil
}

// shortHash is how much of a hash is printed where a line has to hold more. Two tickets of one VSP never share so much.
const shortHash = 16

func writeTickets(out io.Writer, tickets []vsp.Ticket) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TICKET\tREGISTERED (UTC)\tBOUGHT\tFEE\tOUTCOME\tENDED")
	for _, t := range tickets {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", t.Hash.String()[:shortHash], minute(t.Registered), height(t.PurchaseHeight),
			t.Fee.Status, orDash(string(t.Outcome)), height(t.SpentHeight))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s\n", plural(len(tickets), "ticket"))
	return err
}

func writeTicketsJSON(out io.Writer, tickets []vsp.Ticket) error {
	shown := make([]ticketView, len(tickets))
	for i := range tickets {
		shown[i] = viewTicket(tickets[i])
	}
	return writeJSON(out, shown)
}

// ticketView is a ticket as programs are shown it. Heights and times are left out where they are not known.
type ticketView struct {
	Hash           string     `json:"hash"`
	Registered     *time.Time `json:"registered,omitempty"`
	Commitment     string     `json:"commitment"`
	Confirmed      bool       `json:"confirmed"`
	PurchaseHeight int64      `json:"purchase_height,omitempty"`
	Fee            feeView    `json:"fee"`
	HasVotingKey   bool       `json:"has_voting_key"`
	Choices        choices    `json:"choices"`
	Outcome        string     `json:"outcome"`
	SpentHeight    int64      `json:"spent_height,omitempty"`
	SpentBy        string     `json:"spent_by,omitempty"`
}

type choices struct {
	Agendas  map[string]string `json:"agendas"`
	TSpends  map[string]string `json:"tspends"`
	Treasury map[string]string `json:"treasury"`
	SetAt    *time.Time        `json:"set_at,omitempty"` // as the holder claims
}

// feeView is a fee; amounts are in atoms.
type feeView struct {
	Status   string     `json:"status"`
	XPub     string     `json:"xpub"`
	Index    uint32     `json:"index"`
	Address  string     `json:"address"`
	Amount   int64      `json:"amount"`
	Expires  *time.Time `json:"expires,omitempty"`
	Received *time.Time `json:"received,omitempty"`
	Paid     int64      `json:"paid,omitempty"`
	TxHash   string     `json:"tx_hash,omitempty"`
	Height   int64      `json:"height,omitempty"`
}

func viewTicket(t vsp.Ticket) ticketView {
	v := ticketView{
		Hash: t.Hash.String(), Registered: known(t.Registered), Commitment: t.Commitment, Confirmed: t.Confirmed,
		PurchaseHeight: t.PurchaseHeight, HasVotingKey: t.VotingKey != "", Outcome: string(t.Outcome), SpentHeight: t.SpentHeight,
		Choices: choices{Agendas: given(t.Choices.Agendas), TSpends: given(t.Choices.TSpends), Treasury: given(t.Choices.Treasury)},
		Fee: feeView{Status: string(t.Fee.Status), XPub: t.Fee.XPub, Index: t.Fee.Index, Address: t.Fee.Address,
			Amount: int64(t.Fee.Amount), Expires: known(t.Fee.Expires), Received: known(t.Fee.Received), Paid: int64(t.Fee.Paid),
			Height: t.Fee.Height},
	}
	if t.ChoicesSetAt != 0 {
		v.Choices.SetAt = known(time.Unix(t.ChoicesSetAt, 0).UTC())
	}
	if t.SpentBy != (chainhash.Hash{}) {
		v.SpentBy = t.SpentBy.String()
	}
	if t.Fee.Status != vsp.FeeNone {
		v.Fee.TxHash = t.Fee.TxHash.String()
	}
	return v
}
