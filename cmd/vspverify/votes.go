package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/verifier/blocks"
	"scrutineer/verifier/votes"
)

const votesHelp = `votes accounts for tickets from the chain alone: when each was bought, became live,
won the lottery, and whether the next block carries its vote. Every lottery is drawn
anew, and proven by the final state in the header of the next block. Any node of the
network will do, and no trust in it: what it could bend would not match.

FILE has one ticket hash per line; # begins a comment; - is standard input.

Without --from the account begins where the first of the tickets was bought, which takes
a node with a transaction index (--txindex). A window that does not begin at block 1 is
reached by undoing all blocks from the tip down to it. This needs automatic revocation
(DCP-0009) in force throughout.

An outcome is final with 6 confirmations and marked * before that. --json writes one
object with from, to, tip, tip_hash, final_states_checked, final_states_matched, mismatch
(only if one did not), totals (tickets, voted, missed, expired, live, immature, unknown,
provisional) and tickets: for each its ticket, outcome, final and, where known, the
heights bought, live, won and decided, how many winners voted in that last block
(voters), and its vote (tx, bits, version).

Exit codes: 0 all final states matched and no ticket was missed, 1 one did not match or
was missed, 2 used wrongly, 3 could not look.`

// ledgerRequest is what votes is asked for on the command line.
type ledgerRequest struct {
	nodeFlags
	tickets  string
	from, to int64
	json     bool
}

func votesCommand() *cobra.Command {
	var r ledgerRequest
	c := &cobra.Command{
		Use:   "votes --node URL --cert FILE --user NAME --pass-file FILE --tickets FILE",
		Short: "Account for tickets from the chain alone: won, voted, missed, expired",
		Long:  votesHelp,
		Args:  cobra.NoArgs,
	}
	r.nodeFlags.add(c)
	c.Flags().StringVar(&r.tickets, "tickets", "", "`FILE` of ticket hashes, - for standard input")
	c.Flags().Int64Var(&r.from, "from", 0, "first `HEIGHT` to account for; default: where the first ticket was bought")
	c.Flags().Int64Var(&r.to, "to", 0, "last `HEIGHT` to account for; default: the tip")
	c.Flags().BoolVar(&r.json, "json", false, "write JSON")
	_ = c.MarkFlagRequired("tickets") // it fails only for a flag that is not there
	c.RunE = func(c *cobra.Command, _ []string) error {
		if r.from < 0 || r.to < 0 || c.Flags().Changed("from") && r.from < 1 || r.to != 0 && r.from > r.to {
			return program.Misuse(errors.New("--from and --to are heights, 1 or more, the first not over the last"))
		}
		return r.run(c.Context(), c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
	}
	return c
}

func (r *ledgerRequest) run(ctx context.Context, in io.Reader, out, progress io.Writer) error {
	tickets, err := r.readTickets(in)
	if err != nil {
		return program.Misuse(err)
	}
	config, err := r.nodeFlags.config()
	if err != nil {
		return program.Misuse(err)
	}
	node := blocks.Open(config)
	defer node.Close()
	ledger, err := r.tally(ctx, node, tickets, progress)
	if err != nil {
		return explain(err)
	}
	if r.json {
		err = json.NewEncoder(out).Encode(ledger)
	} else {
		err = writeLedger(out, &ledger)
	}
	if err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return verdict(&ledger)
}

func (r *ledgerRequest) tally(ctx context.Context, node *blocks.Node, tickets []chainhash.Hash, progress io.Writer) (votes.Ledger, error) {
	profile, err := node.Network(ctx)
	if err != nil {
		return votes.Ledger{}, err
	}
	if err := node.Synced(ctx); err != nil {
		return votes.Ledger{}, err
	}
	from := r.from
	if from == 0 {
		if from, err = r.begin(ctx, node, tickets); err != nil {
			return votes.Ledger{}, err
		}
	}
	meter := newMeter(progress)
	defer meter.clear()
	return votes.Tally(ctx, node, profile.Params, votes.Query{Tickets: tickets, From: from, To: r.to, Progress: meter.show})
}

// begin returns the block that the first ticket is in, or the window's last one if there is none up to it.
func (r *ledgerRequest) begin(ctx context.Context, node *blocks.Node, tickets []chainhash.Hash) (int64, error) {
	first, err := node.FirstPurchase(ctx, tickets)
	if errors.Is(err, blocks.ErrNoIndex) {
		return 0, program.Misuse(fmt.Errorf("%w, so that it cannot say where the tickets were bought: give --from (1 accounts for the whole chain)", err))
	}
	if err != nil {
		return 0, err
	}
	last, err := node.Height(ctx)
	if r.to != 0 {
		last = r.to
	}
	if first == 0 || first > last {
		first = last
	}
	return first, err
}

func (r *ledgerRequest) readTickets(in io.Reader) ([]chainhash.Hash, error) {
	name := r.tickets
	if name == "-" {
		name = "standard input"
	} else {
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--tickets: %w", err)
		}
		in = bytes.NewReader(raw)
	}
	tickets, err := votes.ReadTickets(in)
	if err != nil {
		return nil, fmt.Errorf("--tickets: %s: %w", name, err)
	}
	if len(tickets) == 0 {
		return nil, fmt.Errorf("--tickets: %s: no tickets in it", name)
	}
	return tickets, nil
}
