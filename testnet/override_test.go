package testnet

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"scrutineer/verifier"
)

// shopped is the command: blocks come until the mystery shopper has paid for so many tickets and changed the choices of each.
func shopped(ctx context.Context, p *play, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	want, err := number(args[0])
	if err != nil {
		return err
	}
	for {
		changed := 0
		for _, promise := range p.witness.given() {
			if promise.paid && len(promise.chosen) > 1 {
				changed++
			}
		}
		if changed >= want {
			return nil
		}
		if err := p.step(ctx); err != nil {
			return fmt.Errorf("%d of %d tickets have changed their choices: %w", changed, want, err)
		}
	}
}

// override is the command: behind the holders' backs the voting wallets are told to vote otherwise with every ticket, as an
// operator may who has their keys.
func override(ctx context.Context, p *play, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	tickets := p.unspent(p.paid())
	if err := some(tickets, "tickets to vote with"); err != nil {
		return err
	}
	for _, host := range p.network.Voting {
		for _, ticket := range tickets {
			if err := host.Wallet.SetVoteChoice(ctx, args[0], args[1], ticket); err != nil {
				return err
			}
		}
	}
	return nil
}

// says is the command: the report says this of a row.
func rowSays(_ context.Context, p *play, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	i := slices.IndexFunc(p.report.Rows, func(f verifier.Finding) bool { return f.Row == args[0] })
	if i < 0 {
		return fmt.Errorf("the report has no row %s", args[0])
	}
	if text := strings.Join(p.report.Rows[i].Says, " "); !strings.Contains(text, args[1]) {
		return fmt.Errorf("of %s the report says: %s", args[0], text)
	}
	return nil
}
