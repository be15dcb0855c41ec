package main

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"scrutineer/cmd/program"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/vspapi"
)

func ticketsExportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "export",
		Short: "Write a list of tickets for reviewers",
		Long: `export writes a list of the tickets whose fee was paid: these the VSP has to
vote with. The list tells nothing of their holders. vspverify votes --tickets
reads it as it is.

--signed signs it with the VSP's key, so that a reviewer knows whose it is.`,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	signed := c.Flags().Bool("signed", false, "sign the list with the VSP's key")
	output := c.Flags().StringP("output", "o", "-", "write to `FILE`, which must not be there yet; - is standard output")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return withStore(c.Context(), *path, func(ctx context.Context, s *settings, store *sqlstore.Store) error {
			list, err := ticketList(ctx, s, store, time.Now())
			if err != nil {
				return err
			}
			text, err := list.MarshalText()
			if *signed {
				text, err = vspapi.SignTicketList(s.signingKey, list)
			}
			if err != nil {
				return err
			}
			if *output == "-" {
				_, err = c.OutOrStdout().Write(text)
				return err
			}
			if err := program.WriteNew(*output, text); err != nil {
				return fmt.Errorf("write the list: %w", err)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s in %s\n", plural(len(list.Tickets), "ticket"), *output)
			return err
		})
	}
	return c
}

// ticketList is the list of the tickets that were paid for.
func ticketList(ctx context.Context, s *settings, store *sqlstore.Store, now time.Time) (vspapi.TicketList, error) {
	list := vspapi.TicketList{Network: s.profile.Name, Key: s.signingKey.Public().(ed25519.PublicKey), Time: now.UTC()}
	position, err := store.Position(ctx)
	if err != nil {
		return list, err
	}
	list.Height = position.Height
	tickets, err := store.Select(ctx, vsp.Filter{Fee: []vsp.FeeStatus{vsp.FeeReceived, vsp.FeeBroadcast, vsp.FeeConfirmed}})
	if err != nil {
		return list, err
	}
	for _, t := range tickets {
		list.Tickets = append(list.Tickets, vspapi.ListedTicket{Hash: t.Hash, PurchaseHeight: t.PurchaseHeight,
			Registered: t.Registered, FeeStatus: string(t.Fee.Status), Outcome: string(t.Outcome), SpentHeight: t.SpentHeight})
	}
	return list, nil
}
