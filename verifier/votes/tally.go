package votes

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
)

// Query is what a ledger is asked for.
type Query struct {
	Tickets []chainhash.Hash // repeated ones count once
	From    int64            // first block to account for, at least 1
	To      int64            // last block; 0 is the tip

	// Progress, if set, is called after each block read with how many of how many are done.
	Progress func(done, total int64)
}

// list is the tickets asked for, each once, in the order asked.
type list struct {
	tickets []chainhash.Hash
	at      map[chainhash.Hash]int32 // into tickets
}

func newList(tickets []chainhash.Hash) list {
	l := list{make([]chainhash.Hash, 0, len(tickets)), make(map[chainhash.Hash]int32, len(tickets))}
	for _, ticket := range tickets {
		if _, listed := l.at[ticket]; !listed {
			l.at[ticket] = int32(len(l.tickets))
			l.tickets = append(l.tickets, ticket)
		}
	}
	return l
}

func (l list) has(ticket chainhash.Hash) bool {
	_, listed := l.at[ticket]
	return listed
}

// readings is how often Tally begins anew when the chain moves under it.
const readings = 5

// Tally accounts for tickets over a window of blocks. Whose the other tickets are does not matter, but all take part in
// the lottery. The window may lie anywhere: from block 1 the live tickets are followed from the start; from elsewhere they
// are rewound from the tip to the window's start, and every block since is read.
//
// An error means that we could not look, and says nothing about any ticket. A header that contradicts the account is no
// error: the ledger then ends before it and says so.
func Tally(ctx context.Context, blocks Blocks, params *chaincfg.Params, q Query) (Ledger, error) {
	own := newList(q.Tickets)
	for reading := 1; ; reading++ {
		ledger, err := tally(ctx, blocks, params, q, own)
		if !errors.Is(err, ErrMoved) || reading == readings {
			return ledger, err
		}
	}
}

func tally(ctx context.Context, blocks Blocks, params *chaincfg.Params, q Query, own list) (Ledger, error) {
	tip, err := blocks.Tip(ctx)
	if err != nil {
		return Ledger{}, err
	}
	if q.To == 0 {
		q.To = tip.Height
	}
	if q.From < 1 || q.From > q.To || q.To > tip.Height {
		return Ledger{}, fmt.Errorf("account for blocks %d to %d: the chain has blocks 1 to %d", q.From, q.To, tip.Height)
	}
	first := max(1, q.From-int64(params.TicketMaturity)) // what was bought from there on may become live in the window
	c, err := readChain(ctx, blocks, params, tip, first, own, q.Progress)
	if err != nil {
		return Ledger{}, err
	}
	live, err := c.rewind(q.From)
	if err != nil {
		return Ledger{}, err
	}
	a, err := newAccount(c, live, q.From, own)
	if err != nil {
		return Ledger{}, err
	}
	for height := q.From; height <= q.To && a.proves(height); height++ {
		if err := a.connect(height); err != nil {
			return Ledger{}, fmt.Errorf("account for block %d: %w", height, err)
		}
	}
	return a.ledger, nil
}

// account is a ledger being written, and the state of the lottery after its last block.
type account struct {
	*chain
	from    int64
	live    *pool
	lottery lottery
	own     list
	ledger  Ledger // with an entry for each of own, in the same order
}

func newAccount(c *chain, live *pool, from int64, own list) (*account, error) {
	a := &account{chain: c, from: from, live: live, own: own}
	a.ledger = Ledger{From: from, To: from - 1, Tip: c.tip.Height, TipHash: c.tip.Hash, Entries: make([]Entry, len(own.tickets))}
	for i, ticket := range own.tickets {
		a.ledger.Entries[i] = Entry{Ticket: ticket, Outcome: Unknown}
	}
	for ticket := range live.all() {
		if entry := a.entry(ticket); entry != nil {
			entry.Outcome = Live
		}
	}
	for height := c.first; height < from; height++ {
		a.buy(height)
	}
	return a, a.hold(from - 1)
}

// entry returns the entry of a ticket, nil if it was not asked for.
func (a *account) entry(ticket chainhash.Hash) *Entry {
	i, listed := a.own.at[ticket]
	if !listed {
		return nil
	}
	return &a.ledger.Entries[i]
}

// hold holds the lottery after a block.
func (a *account) hold(height int64) error {
	l, err := a.draw(a.live, height)
	if err != nil {
		return err
	}
	a.lottery = l
	for _, ticket := range l.winners {
		if entry := a.entry(ticket); entry != nil {
			entry.Won = height
		}
	}
	return nil
}

// proves holds the account against the header of the next block.
func (a *account) proves(height int64) bool {
	t := a.at(height)
	state := State{PoolSize: a.live.size, FinalState: a.lottery.finalState}
	if state != t.before {
		a.ledger.Mismatch = &Mismatch{Height: height, Header: t.before, Account: state}
		return false
	}
	if height > a.votesFrom() {
		a.ledger.Checked++
	}
	return true
}

// connect takes a block into the account: winners leave the pool, then what has expired, then new tickets join (dcrd
// blockchain/stake, connectNode), and the next lottery is drawn.
func (a *account) connect(height int64) error {
	t := a.at(height)
	for _, ticket := range t.voted {
		if !slices.Contains(a.lottery.winners, ticket) {
			return fmt.Errorf("it carries a vote of ticket %v, which did not win", ticket)
		}
	}
	for _, ticket := range a.lottery.winners {
		a.live.remove(ticket)
		a.settle(t, ticket, Missed)
	}
	a.expire(t)
	for _, ticket := range a.maturing(height) {
		if !a.live.add(ticket) {
			return fmt.Errorf("ticket %v becomes live a second time", ticket)
		}
		if entry := a.entry(ticket); entry != nil {
			entry.Outcome, entry.Live = Live, height
		}
	}
	a.buy(height)
	a.ledger.To = height
	return a.hold(height)
}

// expire takes out the tickets whose time ends with this block: those known to have become live TicketExpiry blocks ago,
// and where that was before the window, those revoked without having won.
func (a *account) expire(t turn) {
	became := t.height - int64(a.params.TicketExpiry)
	due := t.revoked
	if became >= a.from {
		due = a.maturing(became)
	}
	for _, ticket := range due {
		if a.live.remove(ticket) {
			a.settle(t, ticket, Expired)
		}
	}
}

// settle decides a ticket in a block: by its vote if there is one, else as said.
func (a *account) settle(t turn, ticket chainhash.Hash, outcome Outcome) {
	entry := a.entry(ticket)
	if entry == nil {
		return
	}
	entry.Outcome, entry.Decided = outcome, t.height
	entry.Final = a.tip.Height-t.height+1 >= Confirmations
	if outcome != Expired {
		entry.Voters = len(t.voted)
	}
	if slices.Contains(t.voted, ticket) {
		entry.Outcome, entry.Vote = Voted, t.ballot(ticket)
	}
}

func (a *account) buy(height int64) {
	for _, ticket := range a.at(height).bought {
		if entry := a.entry(ticket); entry != nil {
			entry.Bought = height
			if entry.Outcome == Unknown {
				entry.Outcome = Immature
			}
		}
	}
}
