package vsp

import (
	"context"
	"errors"
	"fmt"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
)

const (
	// scanChunk is how many blocks are scanned before what was found is stored: what a kill costs at most.
	scanChunk = 32

	// reorgDepth is how many scanned blocks are remembered, to find where the chain has forked. After a restart it is how
	// far the scan goes back instead. dcrd's main chain has never lost more than a few.
	reorgDepth = 288
)

// following is the loop that finds out how tickets ended.
type following struct {
	*tenure
	scanning step
}

func (n *tenure) newFollowing() *following {
	return &following{tenure: n, scanning: step{service: n.Service, name: "scanning blocks for outcomes"}}
}

func (l *following) pass(ctx context.Context) { l.scanning.done(ctx, l.scan(ctx)) }

// scan goes through the blocks from where the last scan ended to the tip. A tip below that, or beside it, is a node that has
// yet to catch up: what is true of the chain shows once it is longer.
func (l *following) scan(ctx context.Context) error {
	for {
		tip, err := l.Chain.Tip(ctx)
		if err != nil {
			return fmt.Errorf("ask for the tip: %w", err)
		}
		from, err := l.Store.Position(ctx)
		if err != nil {
			return fmt.Errorf("look up where the scan has ended: %w", err)
		}
		if from == (Position{}) {
			if from, err = l.begin(ctx, tip); err != nil {
				return err
			}
		}
		l.scannedTo.Store(&from)
		if tip.Height <= from.Height {
			return nil
		}
		if err := l.scanChunk(ctx, from, tip); err != nil {
			return err
		}
	}
}

// begin makes the first Position: the tip, as nothing was promised before, unless there are tickets that came from another
// store. Those may have ended since they were bought.
func (l *following) begin(ctx context.Context, tip Tip) (Position, error) {
	tickets, err := l.Store.Select(ctx, Filter{Confirmed: new(true), Outcome: []Outcome{NoOutcome}})
	if err != nil {
		return Position{}, fmt.Errorf("look up tickets, to begin the scan: %w", err)
	}
	first := tip.Position
	for _, t := range tickets {
		first.Height = min(first.Height, t.PurchaseHeight)
	}
	if first.Height < tip.Height {
		if first, err = l.position(ctx, first.Height); err != nil {
			return Position{}, err
		}
	}
	return first, l.settle(ctx, Position{}, first, nil)
}

// scanChunk scans the next blocks and stores what it found. Where they do not follow on the last one, it goes back to the
// last block that they have in common.
func (l *following) scanChunk(ctx context.Context, from Position, tip Tip) error {
	at, found := from, []Spend(nil)
	var passed []Position
	for at.Height < min(from.Height+scanChunk, tip.Height) {
		block, err := l.Chain.Block(ctx, at.Height+1)
		if errors.Is(err, ErrNoBlock) && at != from {
			break // the tip has gone back meanwhile
		}
		if err != nil {
			return fmt.Errorf("fetch block %d: %w", at.Height+1, err)
		}
		if block.Header.PrevBlock != at.Hash {
			if at == from {
				return l.rewind(ctx, from)
			}
			break // forked while we were reading: the blocks before may be of either branch
		}
		ended, err := l.ends(ctx, block)
		if err != nil {
			return fmt.Errorf("block %d: %w", at.Height+1, err)
		}
		at = Position{at.Height + 1, block.BlockHash()}
		found, passed = append(found, ended...), append(passed, at)
	}
	if at == from {
		return nil
	}
	if err := l.settle(ctx, from, at, found); err != nil {
		return err
	}
	for _, p := range passed {
		l.scanned[p.Height] = p.Hash
		delete(l.scanned, p.Height-reorgDepth)
	}
	return nil
}

// ends returns how tickets of ours end in a block.
func (l *following) ends(ctx context.Context, block *wire.MsgBlock) ([]Spend, error) {
	var found []Spend
	for _, tx := range block.STransactions {
		var hash chainhash.Hash
		voted := stake.IsSSGen(tx)
		switch {
		case voted:
			hash = tx.TxIn[1].PreviousOutPoint.Hash // the first input makes the reward
		case stake.IsSSRtx(tx):
			hash = tx.TxIn[0].PreviousOutPoint.Hash
		default:
			continue
		}
		t, known, err := l.stored(ctx, hash)
		if err != nil {
			return nil, err
		}
		if !known {
			continue
		}
		spend := Spend{Ticket: hash, Outcome: Voted, Height: int64(block.Header.Height), By: tx.TxHash()}
		if !voted {
			if spend.Outcome, err = l.revoked(ctx, t, spend.Height); err != nil {
				return nil, err
			}
		}
		found = append(found, spend)
	}
	return found, nil
}

// revoked tells why a ticket was revoked at a height. The network revokes a ticket by itself in the block that it misses,
// or in the one that is its last (DCP-0009).
func (l *following) revoked(ctx context.Context, t Ticket, height int64) (Outcome, error) {
	purchase := t.PurchaseHeight
	if purchase == 0 {
		seen, err := l.Chain.Transaction(ctx, t.Hash)
		if err != nil {
			return NoOutcome, fmt.Errorf("look for ticket %v on the chain: %w", t.Hash, err)
		}
		purchase = seen.Height
	}
	if height == purchase+int64(l.Profile.Params.TicketMaturity)+int64(l.Profile.Params.TicketExpiry) {
		return Expired, nil
	}
	return Missed, nil
}

// settle stores how tickets ended, and lets the wallets forget them. Where the Store does not say whether it did, where it
// stands counts.
func (l *following) settle(ctx context.Context, from, p Position, found []Spend) error {
	if err := l.Store.Settle(ctx, from, p, found); err != nil {
		l.unheld.Store(true)
		if at, readErr := l.Store.Position(ctx); errors.Is(err, ErrMoved) || readErr != nil || at != p {
			return fmt.Errorf("store outcomes up to block %d: %w", p.Height, err)
		}
	}
	l.scannedTo.Store(&p)
	wake(l.uncounted)
	var ended []chainhash.Hash
	for _, spend := range found {
		l.happened(ctx, endings[spend.Outcome], spend.Ticket, "height", spend.Height, "by", spend.By)
		ended = append(ended, spend.Ticket)
	}
	l.holdEach(ctx, ended)
	return nil
}

// rewind takes back what was found in blocks that are no longer of the main chain.
func (l *following) rewind(ctx context.Context, from Position) error {
	fork, err := l.fork(ctx, from)
	if err != nil {
		return err
	}
	taken, err := l.Store.Rewind(ctx, from, fork)
	if err != nil {
		l.unheld.Store(true)
		return fmt.Errorf("take back outcomes above block %d: %w", fork.Height, err)
	}
	l.Log.WarnContext(ctx, "chain reorganised", "from", from.Height, "fork", fork.Height, "outcomes_taken_back", len(taken))
	l.scannedTo.Store(&fork)
	wake(l.uncounted)
	for height := range l.scanned {
		if height > fork.Height {
			delete(l.scanned, height)
		}
	}
	for _, hash := range taken {
		l.happened(ctx, EventOutcomeTakenBack, hash)
	}
	l.holdEach(ctx, taken)
	return nil
}

// fork returns the last block that was scanned and is still of the main chain. What is not remembered is not trusted.
func (l *following) fork(ctx context.Context, from Position) (Position, error) {
	oldest := max(from.Height-reorgDepth, 0)
	for height := from.Height - 1; height > oldest; height-- {
		remembered, ok := l.scanned[height]
		if !ok {
			break
		}
		at, err := l.position(ctx, height)
		if err != nil || at.Hash == remembered {
			return at, err
		}
	}
	return l.position(ctx, oldest)
}

// position returns the main chain's block at a height.
func (l *following) position(ctx context.Context, height int64) (Position, error) {
	block, err := l.Chain.Block(ctx, height)
	if err != nil {
		return Position{}, fmt.Errorf("fetch block %d, to go on from it: %w", height, err)
	}
	return Position{height, block.BlockHash()}, nil
}
