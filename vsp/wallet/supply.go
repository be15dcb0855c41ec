package wallet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
)

// inFlight is how many tickets a wallet is brought at once. Its database takes one change at a time, so more only hide the
// way there and back, which is 50 ms to a wallet on another continent.
const inFlight = 16

// supply brings the wallet what it lacks whenever there may be something.
func (v *voter) supply(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.wake:
		}
		err := v.settle(ctx)
		if ctx.Err() != nil {
			return
		}
		v.complain(err)
	}
}

// complain logs why tickets could not be brought, once until it is something else. What keeps the wallet away is said by
// watch.
func (v *voter) complain(err error) {
	if errors.Is(err, dcrrpc.ErrUnreachable) {
		return
	}
	text := ""
	if err == nil {
		v.relieve()
	} else {
		text = err.Error()
		v.blame(text)
	}
	if text != "" && text != v.complaint {
		v.log.Error("cannot bring tickets", "err", err)
	}
	v.complaint = text
}

// settle compares all tickets if that is due, then brings what is owed. An error ends it; watch calls it again.
func (v *voter) settle(ctx context.Context) error {
	if v.away() {
		return nil
	}
	serial, err := v.rpc.Connect(ctx)
	if err != nil {
		return err
	}
	if serial != v.audited || v.pool.options.Now().Sub(v.auditedAt) >= v.pool.options.AuditEvery {
		if err := v.audit(ctx, serial); err != nil {
			return err
		}
	}
	for {
		batch := v.due()
		if len(batch) == 0 {
			return nil
		}
		if err := v.bringAll(ctx, batch); err != nil {
			return err
		}
	}
}

// audit asks the wallet for every ticket that it is believed to hold, and makes a debt of all that is missing or different.
func (v *voter) audit(ctx context.Context, serial uint64) error {
	if serial != v.audited {
		v.refused.clear()
		v.withdrawn.clear()
	}
	var lost atomic.Int64
	if believed := v.believed(); len(believed) > 0 {
		treasury, err := v.treasuryPolicies(ctx)
		if err != nil {
			return err
		}
		err = v.each(ctx, believed, func(ctx context.Context, w want) error {
			if !v.wants(w) {
				return nil
			}
			has, sound, err := v.compare(ctx, w, treasury)
			if err == nil && !sound && v.owe(w, !has) {
				lost.Add(1)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if lost.Load() > 0 {
		v.log.Warn("wallet has lost tickets or choices", "tickets", lost.Load())
	}
	v.audited, v.auditedAt = serial, v.pool.options.Now()
	return nil
}

// compare reports whether the wallet has a ticket, and has it with its choices.
func (v *voter) compare(ctx context.Context, w want, treasury treasuryPolicies) (has, sound bool, err error) {
	choices, has, err := v.rpc.VoteChoices(ctx, w.Ticket)
	if err != nil || !has {
		return false, false, err
	}
	changes, err := v.policyChanges(ctx, w, treasury)
	if err != nil {
		return true, false, err
	}
	return true, len(changes) == 0 && len(v.agendaChanges(w, choices)) == 0, nil
}

// bringAll gives the wallet what it is owed. An error says that there is no point in going on for now; what is wrong with
// one ticket only puts that one off.
//
// Policies come first: a wallet takes them for tickets that it does not have, so that none votes without them, and a new
// wallet has nothing to vote with while they are set; see setPolicy. A ticket is brought even where its policies fail.
func (v *voter) bringAll(ctx context.Context, batch []want) error {
	treasury, err := v.treasuryPolicies(ctx)
	if err != nil {
		return err
	}
	var failed sync.Map // the error of a ticket's policies, by ticket
	err = v.each(ctx, batch, func(ctx context.Context, w want) error {
		if !v.owes(w) {
			return nil
		}
		err := v.bringPolicies(ctx, w, treasury)
		if err != nil && !fatal(err) {
			failed.Store(w.Ticket, err)
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	var late atomic.Bool
	err = v.each(ctx, batch, func(ctx context.Context, w want) error {
		if !v.owes(w) {
			return nil
		}
		added, err := v.bring(ctx, w)
		if added && v.drawable(w) {
			late.Store(true)
		}
		if cause, ok := failed.Load(w.Ticket); ok && err == nil {
			err = cause.(error)
		}
		if err == nil {
			v.credit(w)
		}
		return err
	})
	if late.Load() {
		v.late()
	}
	return err
}

// bring makes the wallet hold one ticket with its choices on agendas, and reports whether it had to be added.
func (v *voter) bring(ctx context.Context, w want) (added bool, err error) {
	var choices []dcrrpc.Choice
	var has bool
	if !v.absent(w) {
		if choices, has, err = v.rpc.VoteChoices(ctx, w.Ticket); err != nil {
			return false, err
		}
	}
	if !has {
		if err := v.add(ctx, w); err != nil {
			return false, err
		}
		if choices, has, err = v.rpc.VoteChoices(ctx, w.Ticket); err != nil {
			return false, err
		}
		if !has {
			return false, errNotTaken
		}
		added = true
	}
	return added, v.carryOut(ctx, w, v.agendaChanges(w, choices))
}

// each carries out an act for some tickets, several at once, and puts off those for which it fails, unless the error stands
// in the way of all alike: then no more are begun. Those under way are not broken off, as what a wallet was asked for it does
// nevertheless, and might do after what it is asked for next.
func (v *voter) each(ctx context.Context, tickets []want, act func(context.Context, want) error) error {
	var group errgroup.Group
	group.SetLimit(inFlight)
	var over atomic.Bool
	for _, w := range tickets {
		group.Go(func() error {
			if over.Load() {
				return nil
			}
			err := act(ctx, w)
			if fatal(err) {
				over.Store(true)
				return err
			}
			if err != nil {
				v.postpone(w, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// What keeps a wallet from taking a ticket.
var (
	errNode  = errors.New("our node cannot be asked for the ticket")
	errReorg = errors.New("the ticket is not in a block any more")

	// A wallet ignores a ticket that no key of its own can vote with.
	errNotTaken = errors.New("the wallet does not have the ticket after it was added")
)

// fatal reports whether an error stands in the way of all tickets alike.
func fatal(err error) bool {
	return errors.Is(err, dcrrpc.ErrUnreachable) || errors.Is(err, errNode) || errors.Is(err, context.Canceled) ||
		dcrrpc.IsCode(err, dcrrpc.CodeLocked)
}

// add imports one ticket.
func (v *voter) add(ctx context.Context, w want) error {
	tx, err := v.pool.chain.Transaction(ctx, w.Ticket)
	switch {
	case errors.Is(err, vsp.ErrNoTransaction):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", errNode, err)
	case tx.Confirmations == 0:
		return errReorg
	}
	if err := v.rpc.ImportVotingKey(ctx, string(w.VotingKey)); err != nil {
		return err
	}
	return v.rpc.AddTransaction(ctx, tx.Block, tx.Tx)
}
