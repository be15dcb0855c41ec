package testnet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"golang.org/x/sync/errgroup"

	"scrutineer/vsp/vspapi"
)

// offerTickets is the command. While crashing: as soon as a third of the fees are acknowledged, the machine is killed, and
// started again a second later.
func offerTickets(ctx context.Context, p *play, args []string) error {
	if len(args) != 1 && (len(args) != 4 || args[1] != "while" || args[2] != "crashing") {
		return errUsage
	}
	count, err := number(args[0])
	if err != nil {
		return err
	}
	tickets, err := p.holder.buy(ctx, count)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		acknowledged, err := p.holder.registerAll(ctx, tickets)
		if err == nil && acknowledged != count {
			err = fmt.Errorf("%d of %d tickets registered", acknowledged, count)
		}
		done <- err
	}()
	if len(args) == 4 {
		err = p.crashAmid(ctx, args[3], count)
	}
	return errors.Join(err, <-done)
}

// crashAmid kills a machine amid registrations.
func (p *play) crashAmid(ctx context.Context, name string, count int) error {
	m, err := p.machine(name)
	if err != nil {
		return err
	}
	before := len(p.witness.to(vspapi.PathPayFee))
	answered := 0
	err = waitUntil(ctx, "registrations", func(context.Context) (bool, string) {
		answered = len(p.witness.to(vspapi.PathPayFee)) - before
		return answered >= count/3, fmt.Sprintf("%d of %d", answered, count)
	})
	if err != nil {
		return err
	}
	if err := m.crash(ctx); err != nil {
		return err
	}
	p.say("%s killed when %d of %d fees were acknowledged", name, answered, count)
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	return m.Start(ctx)
}

// batter is the command: it kills a machine at random moments while tickets are bought, registered, confirmed and drawn.
func batter(ctx context.Context, p *play, args []string) error {
	if len(args) != 3 || args[2] != "times" {
		return errUsage
	}
	m, err := p.machine(args[0])
	if err != nil {
		return err
	}
	times, err := number(args[1])
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	more, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.keepRegistering(ctx, more) })
	group.Go(func() error { return p.keepMining(ctx, more) })
	group.Go(func() error {
		defer stop()
		for i := range times {
			if err := p.killOnce(ctx, m, i); err != nil {
				return err
			}
		}
		return nil
	})
	err = group.Wait()
	p.say("%d tickets registered amid %d kills", len(p.holder.registered()), times)
	return err
}

const (
	// batterPace is between two blocks while a machine is battered.
	batterPace = 300 * time.Millisecond

	// A kill comes within longestLife after the start before, and the start within longestDeath after the kill. A VSP that was
	// killed needs up to six seconds to take its own lease over (vsp/lease.go).
	longestLife, longestDeath = 10 * time.Second, 500 * time.Millisecond

	// batterBatch is how many tickets are bought and registered at a time.
	batterBatch = 6
)

func (p *play) killOnce(ctx context.Context, m machine, i int) error {
	life, death := rand.N(longestLife), rand.N(longestDeath)
	if err := pause(ctx, life); err != nil {
		return err
	}
	answered := len(p.witness.to(vspapi.PathPayFee))
	if err := m.crash(ctx); err != nil {
		return err
	}
	height, err := p.network.Chain.Height(ctx)
	if err != nil {
		return err
	}
	p.say("kill %d of %s, %s after its start, at block %d with %d fees acknowledged", i+1, m.Name(), life.Round(time.Millisecond),
		height, answered)
	if err := pause(ctx, death); err != nil {
		return err
	}
	return m.Start(ctx)
}

// keepRegistering buys and registers tickets until more ends.
func (p *play) keepRegistering(ctx, more context.Context) error {
	// When more ends no blocks come any more that would have a ticket confirmed, and so held.
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(more, cancel)()
	for more.Err() == nil {
		// To buy is to mine blocks without a look at what is held: nothing must be left that they could make live.
		err := p.awaitHeld(waiting, int64(p.network.Chain.params.TicketMaturity))
		if waiting.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		tickets, err := p.holder.buy(ctx, batterBatch)
		if err != nil {
			return err
		}
		if _, err := p.holder.registerAll(ctx, tickets); err != nil {
			return err
		}
	}
	return nil
}

// keepMining mines until more ends.
func (p *play) keepMining(ctx, more context.Context) error {
	for more.Err() == nil {
		if err := p.awaitHeld(ctx, 1); err != nil {
			return err
		}
		if err := p.network.Chain.Mine(ctx, 1); err != nil {
			return err
		}
		if err := pause(ctx, batterPace); err != nil {
			return err
		}
	}
	return nil
}

// awaitHeld waits until every acknowledged ticket that can be drawn some blocks from now is held. Where blocks take minutes,
// as they do outside of tests, a VSP that starts again has the time for it.
func (p *play) awaitHeld(ctx context.Context, ahead int64) error {
	height, err := p.network.Chain.Height(ctx)
	if err != nil {
		return err
	}
	given := p.witness.given()
	var fresh []chainhash.Hash
	for hash, o := range p.holder.registered() {
		// A ticket is drawn by the block that makes it live at the earliest.
		if o.held || !given[hash].paid || o.height+int64(p.network.Chain.params.TicketMaturity) > height+ahead {
			continue
		}
		for _, host := range p.network.Voting {
			err := waitUntil(ctx, host.Wallet.Name()+" to hold a ticket in time", func(ctx context.Context) (bool, string) {
				err := p.holds(ctx, host.Wallet, hash, promiseOf(given, hash))
				if err != nil {
					_ = pause(ctx, lookPause)
				}
				return err == nil, fmt.Sprintf("ticket %s: %v", hash, err)
			})
			if err != nil {
				return err
			}
		}
		fresh = append(fresh, hash)
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := settle(ctx); err != nil {
		return err
	}
	p.holder.markHeld(fresh)
	return nil
}
