package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/sqlstore"
)

func walletsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "wallets",
		Short: "Look at the voting wallets, or bring them what they lack",
	}
	c.AddCommand(walletsStatusCommand(), walletsResyncCommand())
	return c
}

func walletsStatusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "Ask every wallet whether it can vote, and which tickets it lacks",
		Long: `status asks every wallet itself whether it can vote, and for every ticket that
it should hold. Since when a wallet is as it is, the running service is asked
(metrics_listen).

Exit code 1 says that fewer wallets are ready than new tickets need.`,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return withStore(c.Context(), *path, func(ctx context.Context, s *settings, store *sqlstore.Store) error {
			views, err := walletsStatus(ctx, s, store, newProgress(c.ErrOrStderr()))
			if err != nil {
				return err
			}
			write := writeWallets
			if *asJSON {
				write = func(out io.Writer, views []walletView) error { return writeJSON(out, views) }
			}
			if err := write(c.OutOrStdout(), views); err != nil {
				return err
			}
			return enoughReady(views, s.gate)
		})
	}
	return c
}

func walletsStatus(ctx context.Context, s *settings, store *sqlstore.Store, meter progress) ([]walletView, error) {
	tickets, err := heldTickets(ctx, store)
	if err != nil {
		return nil, err
	}
	hashes := make([]chainhash.Hash, len(tickets))
	for i := range tickets {
		hashes[i] = tickets[i].Hash
	}
	var newest int64
	var asking sync.WaitGroup
	asking.Go(func() { newest = nodeHeight(ctx, s) }) // at the same time: a wallet that hangs must not age the others' answers
	views := lookAtWallets(ctx, s, hashes, func(asked int) {
		meter.show("%d of %d answers", asked, len(hashes)*len(s.wallets))
	})
	asking.Wait()
	meter.end()
	for _, v := range views {
		newest = max(newest, v.Height)
	}
	since := serviceSince(ctx, s)
	for i := range views {
		v := &views[i]
		v.Ready = v.Problem == "" && (s.gate.MaxLag == 0 || newest-v.Height <= s.gate.MaxLag)
		if known, ok := since[v.Name]; ok {
			v.Since = &known
		}
	}
	return views, nil
}

// heldTickets returns the tickets that every wallet should hold.
func heldTickets(ctx context.Context, store *sqlstore.Store) ([]vsp.Ticket, error) {
	tickets, err := store.Select(ctx, vsp.Filter{
		Confirmed: new(true),
		Fee:       []vsp.FeeStatus{vsp.FeeBroadcast, vsp.FeeConfirmed},
		Outcome:   []vsp.Outcome{vsp.NoOutcome},
	})
	if err != nil {
		return nil, err
	}
	held := tickets[:0]
	for i := range tickets {
		if tickets[i].Ready() {
			held = append(held, tickets[i])
		}
	}
	return held, nil
}

// nodeHeight returns the node's tip, or 0 if it cannot be asked: then the wallets are compared with each other.
func nodeHeight(ctx context.Context, s *settings) int64 {
	config := s.node
	config.Timeout = walletTimeout
	node := dcrrpc.NewNode(config)
	defer node.Close()
	height, _, err := node.BestBlock(ctx)
	if err != nil {
		return 0
	}
	return height
}

func writeWallets(out io.Writer, views []walletView) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WALLET\tREADY\tPROBLEM\tSINCE (UTC)\tHEIGHT\tMISSING\tVERSION")
	for _, v := range views {
		var since time.Time
		if v.Since != nil {
			since = *v.Since
		}
		missing := dash
		if v.Missing != nil {
			missing = fmt.Sprint(*v.Missing)
		}
		release, _, _ := strings.Cut(v.Version, "+") // who built it has no room
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.Name, yesNo(v.Ready), orDash(v.Problem), minute(since),
			height(v.Height), missing, orDash(release))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, v := range views {
		if v.Detail == "" {
			continue
		}
		for _, line := range wrap(v.Name+": "+v.Detail, columns) {
			fmt.Fprintln(out, line)
		}
	}
	return nil
}

// enoughReady returns an error if new tickets need more wallets than are ready.
func enoughReady(views []walletView, gate vsp.Gate) error {
	ready := 0
	for _, v := range views {
		if v.Ready {
			ready++
		}
	}
	if ready >= gate.Wallets {
		return nil
	}
	return program.AnswerNo(errors.New(readiness(ready, len(views), gate.Wallets)))
}

func readiness(ready, of, need int) string {
	return fmt.Sprintf("%d of %s ready to vote: new tickets need %d (acceptance.wallets)", ready, plural(of, "wallet"), need)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
