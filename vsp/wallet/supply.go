package wallet

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
)

// inFlight is how many tickets a wallet is brought at once: its database takes one change at a time, so more only hide the
// way there and back.
const inFlight = 8

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
	text := ""
	if err != nil && !errors.Is(err, dcrrpc.ErrUnreachable) {
		text = err.Error()
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

// away reports whether the wallet did not answer when it was last looked at.
func (v *voter) away() bool {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	return v.state.Problem == vsp.Unreachable || v.state.Problem == vsp.Unseen
}

// audit asks the wallet for every wanted ticket and makes a debt of all that is missing or different.
func (v *voter) audit(ctx context.Context, serial uint64) error {
	v.refused.clear()
	treasury, err := v.treasuryPolicies(ctx)
	if err != nil {
		return err
	}
	var lost atomic.Int64
	err = v.each(ctx, v.wanted(), func(ctx context.Context, w want) error {
		sound, err := v.sound(ctx, w, treasury)
		switch {
		case err != nil:
			return err
		case sound:
			v.credit(w)
		case v.owe(w):
			lost.Add(1)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if lost.Load() > 0 {
		v.log.Warn("wallet has lost tickets or choices", "tickets", lost.Load())
	}
	v.audited, v.auditedAt = serial, v.pool.options.Now()
	return nil
}

// sound reports whether the wallet has a ticket with its choices.
func (v *voter) sound(ctx context.Context, w want, treasury treasuryPolicies) (bool, error) {
	choices, has, err := v.rpc.VoteChoices(ctx, w.Ticket)
	if err != nil || !has {
		return false, err
	}
	changes, err := v.changes(ctx, w, choices, treasury)
	return err == nil && len(changes) == 0, err
}

// bringAll gives the wallet what it is owed. An error says that there is no point in going on for now; what is wrong with
// one ticket only puts that one off.
func (v *voter) bringAll(ctx context.Context, batch []want) error {
	treasury, err := v.treasuryPolicies(ctx)
	if err != nil {
		return err
	}
	var late atomic.Bool
	err = v.each(ctx, batch, func(ctx context.Context, w want) error {
		added, err := v.bring(ctx, w, treasury)
		if added && v.drawable(w) {
			late.Store(true)
		}
		return err
	})
	if late.Load() {
		v.late()
	}
	return err
}

// bring makes the wallet hold one ticket with its choices, and reports whether it had to be added.
func (v *voter) bring(ctx context.Context, w want, treasury treasuryPolicies) (added bool, err error) {
	choices, has, err := v.rpc.VoteChoices(ctx, w.Ticket)
	if err != nil {
		return false, err
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
	if err := v.choose(ctx, w, choices, treasury); err != nil {
		return added, err
	}
	v.credit(w)
	return added, nil
}

// comingBlocks is by how many blocks the tip may be higher than at the last look at the wallet.
const comingBlocks = 2

// drawable reports whether a ticket may have been drawn already.
func (v *voter) drawable(w want) bool {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	return w.PurchaseHeight+int64(v.pool.profile.Params.TicketMaturity) <= v.state.Height+comingBlocks
}

// each carries out an act for some tickets, several at once, and puts off those for which it fails, unless the error stands
// in the way of all alike.
func (v *voter) each(ctx context.Context, tickets []want, act func(context.Context, want) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inFlight)
	for _, w := range tickets {
		group.Go(func() error {
			err := act(ctx, w)
			if fatal(err) {
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
