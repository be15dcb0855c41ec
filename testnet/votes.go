package testnet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp/dcrrpc"
)

// stallTime is how long a block may lack the votes it needs before something is done about it. Votes of another host take
// half a second: nodes announce transactions to each other in batches (dcrd peer.go, maxInvTrickleTimeout).
const stallTime = 3 * time.Second

// awaitVotes waits until the miner has the votes it needs for a block on tip: all five, or a majority if more cannot be
// had. It returns how many there are; dcrd itself waits another 2.5 s for the others.
func (c *Chain) awaitVotes(ctx context.Context, height int64, tip chainhash.Hash) (int, error) {
	all, needed := int(c.params.TicketsPerBlock), int(c.params.TicketsPerBlock)/2+1
	count, err := c.waitVotes(ctx, height, tip, all, c.patience())
	if err != nil || count >= needed {
		return count, err
	}
	if count, err = c.waitVotes(ctx, height, tip, needed, stallTime); err != nil || count >= needed {
		return count, err
	}
	return c.revive(ctx, height, tip)
}

// patience returns for how long all votes are worth waiting for: not at all if we have put out of action whoever has the
// votes of some tickets. The miner's wallet has its own; the voting hosts' have all the same, so one of them is enough.
func (c *Chain) patience() time.Duration {
	fit := len(c.network.Voting) == 0
	for _, host := range c.network.Voting {
		fit = fit || host.Wallet.votes()
	}
	if !fit || !c.network.MinerWallet.votes() {
		return 0
	}
	return c.network.Plan.Patience
}

// voters returns the wallets that vote.
func (c *Chain) voters() []*Wallet {
	voters := []*Wallet{c.network.MinerWallet}
	for _, host := range c.network.Voting {
		voters = append(voters, host.Wallet)
	}
	return voters
}

// waitVotes waits for want votes on tip, for at most the given time, and returns how many there are in the end.
func (c *Chain) waitVotes(ctx context.Context, height int64, tip chainhash.Hash, want int, atMost time.Duration) (int, error) {
	waitCtx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	count, err := c.countVotes(ctx, height, tip)
	if err != nil || count >= want || atMost == 0 {
		return count, err
	}
	var failed error
	_ = waitUntil(waitCtx, "votes", func(context.Context) (bool, string) {
		count, failed = c.countVotes(ctx, height, tip)
		return failed != nil || count >= want, ""
	})
	if failed == nil {
		failed = ctx.Err()
	}
	return count, failed
}

// countVotes counts the votes on tip that the miner's node has. Its mempool may hold votes on other blocks too.
func (c *Chain) countVotes(ctx context.Context, height int64, tip chainhash.Hash) (int, error) {
	if c.votes.block != tip {
		c.votes = votesSeen{tip, make(map[string]bool)}
	}
	var hashes []string
	if err := c.network.Miner.RPC.Call(ctx, &hashes, "getrawmempool", false, "votes"); err != nil {
		return 0, fmt.Errorf("count votes: %w", err)
	}
	count := 0
	for _, text := range hashes {
		on, known := c.votes.known[text]
		if !known {
			hash, err := chainhash.NewHashFromStr(text)
			if err != nil {
				return 0, fmt.Errorf("count votes: %w", err)
			}
			vote, err := c.network.Miner.RPC.Transaction(ctx, *hash)
			if dcrrpc.IsCode(err, dcrrpc.CodeNoTx) {
				continue // gone from the mempool since
			}
			if err != nil {
				return 0, fmt.Errorf("count votes: %w", err)
			}
			// A vote with another height is void: dcrd names the winners of a block with the height before when it is asked
			// for them just as the block comes (rpcwebsocket.go, handleRebroadcastWinners).
			block, votedOn := stake.SSGenBlockVotedOn(vote.Tx)
			on = block == tip && int64(votedOn) == height
			c.votes.known[text] = on
		}
		if on {
			count++
		}
	}
	return count, nil
}

// revive gets a chain going that lacks votes. First every node is asked to name the winners once more: a wallet that was
// away when they were drawn then votes. If that is not enough, wallets that we locked or ended are brought back, one after
// the other, until the block has its votes, and then put back as they were. So a drill costs one of its misses at most.
func (c *Chain) revive(ctx context.Context, height int64, tip chainhash.Hash) (int, error) {
	all, needed := int(c.params.TicketsPerBlock), int(c.params.TicketsPerBlock)/2+1
	log := c.network.Plan.Log
	log.Warn("too few votes, asking again", "block", height)
	for _, wallet := range c.voters() {
		if wallet.Node.follows() {
			if err := recallWinners(ctx, wallet.Node); err != nil {
				return 0, err
			}
		}
	}
	// Those that come now come one by one: the block is not to go without the last.
	count, err := c.waitVotes(ctx, height, tip, all, stallTime)
	if err != nil || count >= needed {
		return count, err
	}
	for _, wallet := range c.voters() {
		if !wallet.lendable() {
			continue
		}
		log.Warn("too few votes, bringing a wallet back for one block", "block", height, "wallet", wallet.Name())
		err := wallet.lend(ctx, func() (err error) {
			if err = recallWinners(ctx, wallet.Node); err == nil {
				count, err = c.waitVotes(ctx, height, tip, all, stallTime)
			}
			return err
		})
		if err != nil || count >= needed {
			return count, err
		}
	}
	return count, fmt.Errorf("%d votes, %d are needed and no wallet is left that could cast them%s", count, needed,
		c.network.MinerWallet.tail())
}

// recallWinners makes a node tell its wallets once more which tickets are to vote now; it tells all that listen, not only
// who asks (dcrd rpcwebsocket.go, handleRebroadcastWinners).
func recallWinners(ctx context.Context, node *Node) error {
	if err := node.RPC.Call(ctx, nil, "rebroadcastwinners"); err != nil {
		return fmt.Errorf("recall winners on %s: %w", node.Name(), err)
	}
	return nil
}

// lendable reports whether lend can make the wallet vote: it cannot where it is frozen, or its node is away.
func (w *Wallet) lendable() bool {
	return !w.votes() && w.Node.follows() && (w.fit() || !w.Running())
}

// lend makes an unfit wallet fit while act runs, then puts it back as it was.
func (w *Wallet) lend(ctx context.Context, act func() error) error {
	w.drill.Lock()
	defer w.drill.Unlock()
	if !w.Running() {
		locked := w.locked
		if err := w.startLocked(ctx); err != nil {
			return err
		}
		w.locked = locked
		return errors.Join(act(), w.Stop(ctx))
	}
	if err := w.unlock(ctx); err != nil {
		return err
	}
	err := act()
	return errors.Join(err, w.RPC.Call(ctx, nil, "walletlock"))
}
