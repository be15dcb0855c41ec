package testnet

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp/vspapi"
)

// minePace is how far apart blocks are at least: a VSP that has minutes on a real network gets some time between them.
const minePace = 100 * time.Millisecond

// mine is the command.
func mine(ctx context.Context, p *play, args []string) error {
	switch {
	case len(args) == 1:
		blocks, err := number(args[0])
		if err != nil {
			return err
		}
		for range blocks {
			if err := p.step(ctx); err != nil {
				return err
			}
		}
		return nil
	case len(args) < 2 || args[0] != "until":
		return errUsage
	}
	what, event, err := p.event(args[1:])
	if err != nil {
		return err
	}
	state := ""
	for {
		if err := p.follow(ctx); err != nil {
			return err
		}
		var done bool
		if done, state = event(ctx); done {
			p.say("%s: %s", what, state)
			return nil
		}
		if err := p.step(ctx); err != nil {
			return fmt.Errorf("mine until %s: %w; last seen: %s", what, err, state)
		}
	}
}

// step makes a block, or waits for one if they come by themselves.
func (p *play) step(ctx context.Context) error {
	if p.runs {
		before := p.fates.Height
		return p.until(ctx, "a block", func(context.Context) (bool, string) { return p.fates.Height > before, "none" })
	}
	next := time.After(minePace)
	if err := p.network.Chain.Mine(ctx, 1); err != nil {
		return err
	}
	select {
	case <-next:
		return p.follow(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// event is something that the chain is mined until.
type event = func(context.Context) (done bool, state string)

func (p *play) event(words []string) (what string, e event, err error) {
	switch {
	case slices.Equal(words, []string{"confirmed"}):
		return "every fee is confirmed", p.confirmed, nil
	case slices.Equal(words, []string{"spent"}):
		return "every ticket is spent", func(context.Context) (bool, string) {
			paid := p.paid()
			return len(p.unspent(paid)) == 0, p.describe(paid)
		}, nil
	case len(words) == 2 && (words[1] == "votes" || words[1] == "misses"):
		more, err := number(words[0])
		votes, misses := p.fates.Count(p.paid())
		return fmt.Sprintf("%d more %s", more, words[1]), func(context.Context) (bool, string) {
			paid := p.paid()
			voted, missed := p.fates.Count(paid)
			if words[1] == "votes" {
				return voted-votes >= more, p.describe(paid)
			}
			return missed-misses >= more, p.describe(paid)
		}, err
	}
	return "", nil, errUsage
}

// confirmed reports whether the VSP counts every ticket whose fee it has acknowledged.
func (p *play) confirmed(ctx context.Context) (bool, string) {
	front, err := p.frontEnd()
	if err != nil {
		return false, err.Error()
	}
	info, err := front.info(ctx)
	counted := info.Voting + info.Voted + info.Missed + info.Expired
	paid := len(p.paid())
	return err == nil && counted >= int64(paid), fmt.Sprintf("block %d: %d of %d fees confirmed, error: %v", p.fates.Height, counted, paid, err)
}

// run is the command.
func run(_ context.Context, p *play, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	pace, err := time.ParseDuration(args[0])
	if err != nil {
		return errUsage
	}
	p.network.Chain.Run(pace)
	p.runs = true
	return nil
}

// pauseChain is the command.
func pauseChain(ctx context.Context, p *play, args []string) error {
	if len(args) != 0 {
		return errUsage
	}
	p.runs = false
	if err := p.network.Chain.Pause(); err != nil {
		return err
	}
	return p.follow(ctx)
}

// buy is the command.
func buy(ctx context.Context, p *play, args []string) error {
	if len(args) == 0 || len(args) > 2 || len(args) == 2 && args[1] != "unregistered" {
		return errUsage
	}
	count, err := number(args[0])
	if err != nil {
		return err
	}
	if len(args) == 2 {
		return p.buyUnregistered(ctx, count)
	}
	tickets, err := p.network.Buy(ctx, count)
	if err != nil {
		return err
	}
	p.chosenAt = time.Now()
	p.bought = append(p.bought, tickets...)
	return p.registered(tickets)
}

// buyUnregistered buys with a wallet that knows of no VSP.
func (p *play) buyUnregistered(ctx context.Context, count int) (err error) {
	if err := p.network.StartClient(ctx, "", ""); err != nil {
		return err
	}
	if p.unmanaged, err = p.network.Buy(ctx, count); err != nil {
		return err
	}
	return p.network.StartClient(ctx, p.witness.URL, p.vsp.PublicKey)
}

// processUnmanaged is the command.
func processUnmanaged(ctx context.Context, p *play, args []string) error {
	if len(args) != 0 {
		return errUsage
	}
	if err := some(p.unmanaged, "unregistered tickets"); err != nil {
		return err
	}
	for _, ticket := range p.unmanaged {
		if err := p.network.Client.RPC.Call(ctx, nil, "processunmanagedticket", ticket); err != nil {
			return err
		}
	}
	p.chosenAt = time.Now()
	p.bought = append(p.bought, p.unmanaged...)
	return p.registered(p.unmanaged)
}

// registered makes sure that the VSP has acknowledged tickets: the wallet keeps it to itself where it has not.
func (p *play) registered(tickets []chainhash.Hash) error {
	paid := p.witness.to(vspapi.PathPayFee)
	for _, ticket := range tickets {
		if _, ok := paid[ticket]; !ok {
			return fmt.Errorf("ticket %s was bought, and the VSP has not acknowledged its fee%s", ticket, p.network.Client.tail())
		}
	}
	return nil
}

// heard is the command: the holder's wallet, which asks by itself now and then, was told of each ticket that its fee is
// confirmed.
func heard(ctx context.Context, p *play, args []string) error {
	if len(args) != 0 {
		return errUsage
	}
	tickets := p.unspent(p.bought)
	if err := some(tickets, "tickets of the holder's wallet"); err != nil {
		return err
	}
	return p.until(ctx, "the holder's wallet to hear of its fees", func(context.Context) (bool, string) {
		return p.witness.heard(tickets)
	})
}
