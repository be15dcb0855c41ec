package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/vsp"
	"scrutineer/vsp/chain"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/wallet"
)

func walletsResyncCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "resync [NAME...]",
		Short: "Bring wallets every ticket and choice that they lack",
		Long: `resync compares each wallet with all that it should hold and brings what is
missing: voting keys, tickets, choices. Without names it does so for every
wallet. The service does the same by itself when a wallet comes back, and every
ten minutes.

Exit code 1 says that a wallet still lacks something.`,
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, names []string) error {
		return withStore(c.Context(), *path, func(ctx context.Context, s *settings, store *sqlstore.Store) error {
			if err := s.keepWallets(names); err != nil {
				return program.Misuse(err)
			}
			tickets, err := heldTickets(ctx, store)
			if err != nil {
				return err
			}
			log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError}))
			r := resync{out: c.OutOrStdout(), log: log, meter: newProgress(c.ErrOrStderr()), tickets: len(tickets)}
			return r.run(ctx, s, tickets)
		})
	}
	return c
}

// keepWallets leaves only the wallets of these names in the settings, or all if none is given.
func (s *settings) keepWallets(names []string) error {
	if len(names) == 0 {
		return nil
	}
	var kept []Daemon
	var configs []dcrrpc.Config
	var all []string
	for i, w := range s.Wallet {
		all = append(all, w.Name)
		if slices.Contains(names, w.Name) {
			kept, configs = append(kept, w), append(configs, s.wallets[i])
		}
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return fmt.Errorf("there is no wallet %q: there are %s", name, strings.Join(all, ", "))
		}
	}
	s.Wallet, s.wallets = kept, configs
	return nil
}

// resync is one run of vsp wallets resync.
type resync struct {
	out     io.Writer
	log     *slog.Logger // why a ticket is not taken
	meter   progress
	tickets int // that each wallet should hold
}

const (
	resyncLook = time.Second // between two looks at how far it is

	// resyncStall is how long nothing may get better before a wallet is given up. A wallet that is rescanning, or whose disk
	// is slow, needs some seconds for a ticket.
	resyncStall = time.Minute
)

// run has a pool of its own bring the tickets. It ends when every wallet has them, or none gets any further.
func (r *resync) run(ctx context.Context, s *settings, tickets []vsp.Ticket) error {
	ctx, cancel := context.WithCancel(ctx)
	node := dcrrpc.NewNode(s.node)
	defer node.Close()
	pool := newPool(s, chain.New(node, s.profile, r.log), r.log)
	for i := range tickets {
		t := &tickets[i]
		pool.Hold(vsp.Held{Ticket: t.Hash, PurchaseHeight: t.PurchaseHeight, VotingKey: t.VotingKey, Choices: t.Choices})
	}
	ended := make(chan struct{})
	go func() { defer close(ended); pool.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	states, err := r.wait(ctx, pool)
	r.meter.end()
	if err != nil {
		return err
	}
	return r.report(states)
}

// wait returns the wallets' last states.
func (r *resync) wait(ctx context.Context, pool *wallet.Pool) ([]vsp.VoterState, error) {
	ticker := time.NewTicker(resyncLook)
	defer ticker.Stop()
	least, better := -1, time.Now()
	for {
		states := pool.States()
		missing, unseen := 0, false
		for _, s := range states {
			missing += s.Missing
			unseen = unseen || s.Problem == vsp.Unseen
		}
		if least < 0 || missing < least {
			least, better = missing, time.Now()
		}
		r.meter.show("%d of %d held", r.tickets*len(states)-missing, r.tickets*len(states))
		if missing == 0 && !unseen || hopeless(states) || time.Since(better) > resyncStall {
			return states, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.New("interrupted: the service goes on by itself")
		case <-ticker.C:
		}
	}
}

// hopeless reports whether nothing more can come of waiting: who lacks something cannot take it.
func hopeless(states []vsp.VoterState) bool {
	for _, s := range states {
		if s.Problem == vsp.Unseen || s.Missing > 0 && s.Problem != vsp.Unreachable && s.Problem != vsp.Locked {
			return false
		}
	}
	return true
}

func (r *resync) report(states []vsp.VoterState) error {
	lacking := 0
	for _, s := range states {
		text := fmt.Sprintf("%s: has all %s", s.Name, plural(r.tickets, "ticket"))
		switch {
		case s.Problem == vsp.Unreachable:
			lacking++
			text = fmt.Sprintf("%s: cannot be reached: %s", s.Name, s.Detail)
		case s.Missing > 0:
			lacking++
			text = fmt.Sprintf("%s: lacks %d of %s (%s)", s.Name, s.Missing,
				plural(r.tickets, "ticket"), s.Detail)
		}
		for _, line := range wrap(text, columns) {
			fmt.Fprintln(r.out, line)
		}
	}
	if lacking > 0 {
		return program.AnswerNo(fmt.Errorf("%d of %s could not be brought up to date", lacking, plural(len(states), "wallet")))
	}
	return nil
}
