package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"scrutineer/vsp"
	"scrutineer/vsp/sqlstore"
)

func xpubCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "xpub",
		Short: "Look at the keys that fees are paid to, or change to another",
	}
	c.AddCommand(xpubStatusCommand(), xpubRotateCommand())
	return c
}

func xpubStatusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "Tell how far the cold wallet must look ahead to see every fee",
		Long: `status tells of each extended public key how many addresses were given out, and
how many of them were paid. An address is given out for every ticket, paid for
or not, so that fees lie further apart than a wallet looks by itself: it would
not see them.`,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return withStore(c.Context(), *path, func(ctx context.Context, s *settings, store *sqlstore.Store) error {
			branches, err := branchesOf(ctx, s, store)
			if err != nil {
				return err
			}
			if *asJSON {
				return writeJSON(c.OutOrStdout(), branches)
			}
			return writeBranches(c.OutOrStdout(), s, branches)
		})
	}
	return c
}

// branch is what became of the fee addresses of one extended public key.
type branch struct {
	XPub     string `json:"xpub"`
	Present  bool   `json:"present"`             // new tickets get its addresses
	Last     uint32 `json:"last_index"`          // that was given out; 0 if none was
	Paid     int    `json:"paid"`                // addresses with a confirmed fee
	LastPaid uint32 `json:"last_paid"`           // the highest index of those
	Unpaid   uint32 `json:"longest_unpaid"`      // the longest run of addresses without one, index 0 and what was given out last included
	GapLimit uint32 `json:"gap_limit"`           // a wallet that looks so far ahead sees every fee
	From     int64  `json:"from_height"`         // no fee is in a block before; 0 if not known
	Advice   string `json:"dcrctl,omitempty"`    // what makes an existing wallet watch all that was given out
	Rescan   string `json:"rescan,omitempty"`    // and then find what was paid before
	Restore  string `json:"dcrwallet,omitempty"` // the option for a wallet that is made anew from its seed
}

func branchesOf(ctx context.Context, s *settings, store *sqlstore.Store) ([]branch, error) {
	indexes, err := store.FeeIndexes(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(indexes, func(i sqlstore.FeeIndex) bool { return i.XPub == s.FeeXPub }) {
		indexes = append(indexes, sqlstore.FeeIndex{XPub: s.FeeXPub})
	}
	tickets, err := store.Select(ctx, vsp.Filter{Fee: []vsp.FeeStatus{vsp.FeeConfirmed}})
	if err != nil {
		return nil, err
	}
	branches := make([]branch, len(indexes))
	for i, index := range indexes {
		b := newBranch(index.XPub, index.Last, tickets)
		b.Present = index.XPub == s.FeeXPub
		b.advise(s.Network)
		branches[i] = b
	}
	slices.SortStableFunc(branches, func(a, b branch) int { return -cmp.Compare(number(a.Present), number(b.Present)) })
	return branches, nil
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// newBranch tells of one key from the tickets whose fee is confirmed. Fees that are under way do not count as paid: the cold
// wallet may never see them.
func newBranch(xpub string, last uint32, tickets []vsp.Ticket) branch {
	b := branch{XPub: xpub, Last: last}
	var paid []uint32
	for _, t := range tickets {
		if t.Fee.XPub != xpub {
			continue
		}
		paid = append(paid, t.Fee.Index)
		if h := t.PurchaseHeight; h != 0 && (b.From == 0 || h < b.From) {
			b.From = h
		}
	}
	slices.Sort(paid)
	paid = slices.Compact(paid)
	b.Paid = len(paid)
	next := uint32(0) // the first index after the last that was paid
	for _, index := range paid {
		b.Unpaid = max(b.Unpaid, index-next)
		next, b.LastPaid = index+1, index
	}
	if last >= next && last > 0 {
		b.Unpaid = max(b.Unpaid, last-next+1)
	}
	// A wallet watches as many addresses after the last that was used (dcrwallet wallet/addresses.go), so that the one
	// after the longest run must still be among them.
	b.GapLimit = b.Unpaid + 1
	return b
}

// advise fills in what to type. The account is the operator's to name.
func (b *branch) advise(network string) {
	if b.Last == 0 {
		return
	}
	control := "dcrctl --wallet"
	switch network {
	case "testnet3", "testnet":
		control += " --testnet"
	case "simnet":
		control += " --simnet"
	}
	b.Advice = fmt.Sprintf("%s accountsyncaddressindex ACCOUNT 0 %d", control, b.Last)
	b.Rescan = fmt.Sprintf("%s rescanwallet %d", control, b.From)
	b.Restore = fmt.Sprintf("--gaplimit=%d", generous(b.GapLimit))
}

// generous is a gap limit that will do for a while: gaps grow with every ticket that is not paid for.
func generous(gap uint32) uint32 {
	if gap <= usualGap/2 {
		return usualGap
	}
	return (2*gap + 99) / 100 * 100
}

// usualGap is how far a wallet looks ahead if nobody tells it otherwise (dcrwallet wallet/addresses.go, DefaultGapLimit).
const usualGap = 20

func writeBranches(out io.Writer, s *settings, branches []branch) error {
	var text strings.Builder
	for i, b := range branches {
		if i > 0 {
			text.WriteString("\n")
		}
		of := ""
		if b.Present {
			of = " (the present one)"
		}
		fmt.Fprintf(&text, "%s%s\n", abbreviated(b.XPub), of)
		if b.Last == 0 {
			text.WriteString("  no address was given out yet\n")
			continue
		}
		fmt.Fprintf(&text, "  given out      %s\n", pluralOf(int(b.Last), "address", "addresses"))
		fmt.Fprintf(&text, "  paid           %d, the last at index %d\n", b.Paid, b.LastPaid)
		fmt.Fprintf(&text, "  longest gap    %s without a confirmed fee\n", pluralOf(int(b.Unpaid), "address", "addresses"))
		verdict := fmt.Sprintf("a wallet's own %d will do", usualGap)
		if b.GapLimit > usualGap {
			verdict = fmt.Sprintf("a wallet's own %d MISSES FEES", usualGap)
		}
		fmt.Fprintf(&text, "  gap limit      at least %d: %s\n", b.GapLimit, verdict)
		fmt.Fprintf(&text, "  To make a wallet see all of them, ACCOUNT being its name there:\n")
		fmt.Fprintf(&text, "    %s\n    %s\n", b.Advice, b.Rescan)
		fmt.Fprintf(&text, "  For a wallet that is restored from its seed: dcrwallet %s\n", b.Restore)
	}
	_, err := io.WriteString(out, text.String())
	return err
}
