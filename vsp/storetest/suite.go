package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/vsp"
)

// guarantee is one thing every Store promises, and how it is seen to be kept by a Store that is empty at first.
type guarantee struct {
	name  string
	check func(t *testing.T, s vsp.Store)
}

// Run checks every guarantee, each on a Store of its own. Open returns an empty one; what it needs to undo goes into
// t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) vsp.Store) {
	all := slices.Concat(ticketGuarantees, updateGuarantees, changeGuarantees, selectGuarantees, scanGuarantees,
		feeIndexGuarantees, touchGuarantees, leaseGuarantees, altSignerGuarantees, contextGuarantees)
	for _, g := range all {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel() // a Store waits for its disk most of the time
			g.check(t, open(t))
		})
	}
}

// hash returns the nth of some hashes that are not in byte order.
func hash(n int) chainhash.Hash { return chainhash.HashH([]byte{byte(n), byte(n >> 8), byte(n >> 16)}) }

// ticket returns the nth of some tickets, fresh from asking for a fee address.
func ticket(n int) vsp.Ticket {
	return vsp.Ticket{
		Hash:       hash(n),
		Commitment: "SsCommitment",
		Fee: vsp.Fee{
			XPub:    "spub",
			Index:   uint32(n),
			Address: "SsFee",
			Amount:  123456,
			Expires: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
			Status:  vsp.FeeNone,
		},
	}
}

// insert puts tickets into the store in their order.
func insert(t *testing.T, s vsp.Store, tickets ...vsp.Ticket) {
	t.Helper()
	for _, ticket := range tickets {
		require.NoError(t, s.Insert(t.Context(), ticket))
	}
}

// forget sees to it that there is no such ticket, which may be paid for.
func forget(t require.TestingT, s vsp.Store, hash chainhash.Hash) {
	_, err := s.Update(context.Background(), hash, func(t *vsp.Ticket) (*vsp.Change, error) {
		t.Fee.Status = vsp.FeeNone
		return nil, nil
	})
	if !errors.Is(err, vsp.ErrNoTicket) {
		require.NoError(t, err)
	}
	require.NoError(t, s.Remove(context.Background(), hash))
}

// is requires that the store has exactly this ticket.
func is(t require.TestingT, s vsp.Store, want vsp.Ticket) {
	got, err := s.Ticket(context.Background(), want.Hash)
	require.NoError(t, err)
	same(t, want, got)
}

// same requires that got is what a Store makes of want. Voting keys are compared apart: they do not show in a message.
func same(t require.TestingT, want, got vsp.Ticket) {
	want = stored(want)
	require.Equal(t, want, got)
	require.True(t, want.VotingKey == got.VotingKey, "the voting key differs")
}

// hashes returns which tickets these are.
func hashes(tickets []vsp.Ticket) []chainhash.Hash {
	var of []chainhash.Hash
	for _, t := range tickets {
		of = append(of, t.Hash)
	}
	return of
}

// tickets generates tickets of all shapes, most of which no service would make.
func tickets() *rapid.Generator[vsp.Ticket] {
	hash := rapid.Custom(func(t *rapid.T) chainhash.Hash {
		return chainhash.Hash(rapid.SliceOfN(rapid.Byte(), chainhash.HashSize, chainhash.HashSize).Draw(t, "bytes"))
	})
	choices := rapid.OneOf(
		rapid.Just[map[string]string](nil),
		rapid.MapOfN(rapid.String(), rapid.String(), 0, 3))
	return rapid.Custom(func(t *rapid.T) vsp.Ticket {
		return vsp.Ticket{
			Hash:           hash.Draw(t, "hash"),
			Registered:     times().Draw(t, "registered"),
			Commitment:     rapid.String().Draw(t, "commitment"),
			Confirmed:      rapid.Bool().Draw(t, "confirmed"),
			PurchaseHeight: rapid.Int64().Draw(t, "purchase height"),
			Fee:            fees(hash).Draw(t, "fee"),
			VotingKey:      vsp.Secret(rapid.String().Draw(t, "voting key")),
			Choices: vsp.Choices{
				Agendas:  choices.Draw(t, "agendas"),
				TSpends:  choices.Draw(t, "tspends"),
				Treasury: choices.Draw(t, "treasury"),
			},
			ChoicesSetAt: rapid.Int64().Draw(t, "choices set at"),
			Outcome:      rapid.SampledFrom(outcomes).Draw(t, "outcome"),
			SpentHeight:  rapid.Int64().Draw(t, "spent height"),
			SpentBy:      hash.Draw(t, "spent by"),
		}
	})
}

func fees(hash *rapid.Generator[chainhash.Hash]) *rapid.Generator[vsp.Fee] {
	return rapid.Custom(func(t *rapid.T) vsp.Fee {
		return vsp.Fee{
			XPub:     rapid.String().Draw(t, "xpub"),
			Index:    rapid.Uint32().Draw(t, "index"),
			Address:  rapid.String().Draw(t, "address"),
			Amount:   dcrutil.Amount(rapid.Int64().Draw(t, "amount")),
			Expires:  times().Draw(t, "expires"),
			Status:   rapid.SampledFrom(feeStatuses).Draw(t, "status"),
			TxHash:   hash.Draw(t, "tx hash"),
			Tx:       rapid.OneOf(rapid.Just[[]byte](nil), rapid.SliceOfN(rapid.Byte(), 0, 300)).Draw(t, "tx"),
			Received: times().Draw(t, "received"),
			Paid:     dcrutil.Amount(rapid.Int64().Draw(t, "paid")),
			Height:   rapid.Int64().Draw(t, "height"),
		}
	})
}

// times generates the zero time, and times of every fraction of a second.
func times() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "zero") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(0, 1<<34).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
	})
}

var (
	outcomes    = []vsp.Outcome{vsp.NoOutcome, vsp.Voted, vsp.Missed, vsp.Expired}
	feeStatuses = []vsp.FeeStatus{vsp.FeeNone, vsp.FeeReceived, vsp.FeeBroadcast, vsp.FeeConfirmed, vsp.FeeError}
)
