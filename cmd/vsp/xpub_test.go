package main

import (
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/vsp"
)

// paidAt are tickets whose fee was paid to these indexes of a key.
func paidAt(xpub string, indexes ...uint32) []vsp.Ticket {
	var tickets []vsp.Ticket
	for i, index := range indexes {
		tickets = append(tickets, vsp.Ticket{Hash: chainhash.Hash{byte(i)}, PurchaseHeight: 1000 - int64(i),
			Fee: vsp.Fee{XPub: xpub, Index: index, Status: vsp.FeeConfirmed}})
	}
	return tickets
}

func TestGaps(t *testing.T) {
	tests := []struct {
		name string
		last uint32
		paid []uint32
		want uint32
	}{
		{"nothing given out", 0, nil, 0},
		{"nothing paid: index 0 is never given out, and unpaid", 5, nil, 6},
		{"all paid but index 0", 3, []uint32{1, 2, 3}, 1},
		{"a hole", 9, []uint32{9, 2, 1}, 6},
		{"the end is open", 12, []uint32{1, 4}, 8},
		{"twice the same", 2, []uint32{1, 1, 2}, 1},
	}
	for _, test := range tests {
		tickets := append(paidAt("x", test.paid...), paidAt("another", 4, 5, 6)...)
		b := newBranch("x", test.last, tickets)
		require.Equal(t, test.want, b.Unpaid, test.name)
		require.Equal(t, test.want+1, b.GapLimit, test.name)
	}
}

// TestGapLimitFindsEveryFee looks for fees as dcrwallet does: it watches so many addresses after the last that it has seen
// paid, beginning with index 0. The gap limit finds all, and one less does not.
func TestGapLimitFindsEveryFee(t *testing.T) {
	found := func(paid map[uint32]bool, gap, last uint32) (n int) {
		for index, watched := uint32(0), gap; index < watched && index <= last; index++ {
			if paid[index] {
				n++
				watched = index + 1 + gap
			}
		}
		return n
	}
	rapid.Check(t, func(t *rapid.T) {
		last := rapid.Uint32Range(1, 200).Draw(t, "last")
		indexes := rapid.SliceOfDistinct(rapid.Uint32Range(1, last), rapid.ID).Draw(t, "paid")
		b := newBranch("x", last, paidAt("x", indexes...))
		paid := map[uint32]bool{}
		for _, index := range append(indexes, last) { // the last that was given out may be paid next
			paid[index] = true
		}
		require.Equal(t, len(paid), found(paid, b.GapLimit, last))
		require.Less(t, found(paid, b.GapLimit-2, last), len(paid))
	})
}

func TestGenerousGapLimit(t *testing.T) {
	for gap, want := range map[uint32]uint32{1: 20, 10: 20, 11: 100, 50: 100, 51: 200, 1000: 2000} {
		require.Equal(t, want, generous(gap), gap)
		require.GreaterOrEqual(t, generous(gap), gap)
	}
}
