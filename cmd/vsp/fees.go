package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
)

func feesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "fees",
		Short: "List the fees that were received, as CSV",
		Long: `fees prints a line of CSV for each fee that was received, oldest first, and on
stderr what they add up to. Days are UTC, and both are included. What a fee of
an imported ticket has paid, and when, may not be known: it is empty then,
counts as what was asked for, and is left out where --from or --to is given.`,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	asJSON := jsonFlag(c)
	from := c.Flags().String("from", "", "only fees received on `DAY` (2026-11-23) or later")
	to := c.Flags().String("to", "", "only fees received on `DAY` or before")
	c.RunE = func(c *cobra.Command, _ []string) error {
		within, err := newPeriod(*from, *to)
		if err != nil {
			return program.Misuse(err)
		}
		return withStore(c.Context(), *path, func(ctx context.Context, _ *settings, store *sqlstore.Store) error {
			fees, err := feesWithin(ctx, store, within)
			if err != nil {
				return err
			}
			if *asJSON {
				return writeJSON(c.OutOrStdout(), newAccount(fees))
			}
			if err := writeFees(c.OutOrStdout(), fees); err != nil {
				return err
			}
			return newAccount(fees).write(c.ErrOrStderr())
		})
	}
	return c
}

// period is days from and to, of which the zero time means any.
type period struct{ from, to time.Time }

func newPeriod(from, to string) (p period, err error) {
	if p.from, err = day("--from", from); err != nil {
		return p, err
	}
	if p.to, err = day("--to", to); err != nil {
		return p, err
	}
	if !p.to.IsZero() && p.to.Before(p.from) {
		return p, fmt.Errorf("--to %s is before --from %s", to, from)
	}
	return p, nil
}

func day(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	d, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return d, fmt.Errorf("%s %q is no day: write it like 2026-11-23", flag, text)
	}
	return d, nil
}

func (p period) includes(t time.Time) bool {
	if t.IsZero() {
		return p == period{}
	}
	return !t.Before(p.from) && (p.to.IsZero() || t.Before(p.to.AddDate(0, 0, 1)))
}

// feesWithin returns the tickets whose fee was received in a period, in the order in which the fees were.
func feesWithin(ctx context.Context, store *sqlstore.Store, within period) ([]vsp.Ticket, error) {
	tickets, err := store.Select(ctx, vsp.Filter{
		Fee: []vsp.FeeStatus{vsp.FeeReceived, vsp.FeeBroadcast, vsp.FeeConfirmed, vsp.FeeError},
	})
	if err != nil {
		return nil, err
	}
	tickets = slices.DeleteFunc(tickets, func(t vsp.Ticket) bool { return !within.includes(t.Fee.Received) })
	slices.SortStableFunc(tickets, func(a, b vsp.Ticket) int { return a.Fee.Received.Compare(b.Fee.Received) })
	return tickets, nil
}

func writeFees(out io.Writer, tickets []vsp.Ticket) error {
	table := csv.NewWriter(out)
	_ = table.Write([]string{"received_utc", "ticket", "address", "index", "asked_atoms", "asked_dcr", "paid_atoms", "paid_dcr",
		"transaction", "height", "status"}) // an error shows at the end
	for _, t := range tickets {
		f := t.Fee
		var received, paidAtoms, paidCoins, at string
		if !f.Received.IsZero() {
			received = second(f.Received)
		}
		if f.Paid != 0 {
			paidAtoms, paidCoins = atoms(f.Paid), coins(f.Paid)
		}
		if f.Height != 0 {
			at = strconv.FormatInt(f.Height, 10)
		}
		_ = table.Write([]string{received, t.Hash.String(), f.Address, strconv.FormatUint(uint64(f.Index), 10),
			atoms(f.Amount), coins(f.Amount), paidAtoms, paidCoins, f.TxHash.String(), at, string(f.Status)})
	}
	table.Flush()
	return table.Error()
}

func atoms(a dcrutil.Amount) string { return strconv.FormatInt(int64(a), 10) }

// account is fees and what they add up to, in atoms.
type account struct {
	Fees      []listedFee `json:"fees"`
	Confirmed sum         `json:"confirmed"`
	Pending   sum         `json:"pending"` // received or broadcast
	Refused   sum         `json:"refused"` // by the network: not earned
}

type listedFee struct {
	Ticket string `json:"ticket"`
	feeView
}

type sum struct {
	Count int            `json:"count"`
	Atoms dcrutil.Amount `json:"atoms"`
}

func newAccount(tickets []vsp.Ticket) account {
	a := account{Fees: []listedFee{}}
	for _, t := range tickets {
		a.Fees = append(a.Fees, listedFee{t.Hash.String(), viewTicket(t).Fee})
		into := &a.Pending
		switch t.Fee.Status {
		case vsp.FeeConfirmed:
			into = &a.Confirmed
		case vsp.FeeError:
			into = &a.Refused
		}
		into.Count++
		into.Atoms += cmp.Or(t.Fee.Paid, t.Fee.Amount)
	}
	return a
}

func (a account) write(out io.Writer) error {
	for _, of := range []struct {
		name string
		sum  sum
	}{{"confirmed", a.Confirmed}, {"pending", a.Pending}, {"refused", a.Refused}} {
		if _, err := fmt.Fprintf(out, "%-9s %6d fees  %18s DCR\n", of.name, of.sum.Count, coins(of.sum.Atoms)); err != nil {
			return err
		}
	}
	return nil
}
