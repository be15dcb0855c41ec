package vsp_test

import (
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

func TestProgress(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		r.mine(1)
		start := r.clock.Now()
		require.Equal(t, vsp.Progress{Leading: true, Tip: r.tip().Position, Scanned: r.tip().Position, At: start}, r.Progress())

		paid, unpaid := r.chain.Buy(r.holder(1)), r.chain.Buy(r.holder(2))
		fee := r.pays(paid, nil)
		r.offered(unpaid)
		r.mine(1)
		p := r.Progress()
		require.Equal(t, 2, p.Unconfirmed)
		require.Equal(t, 1, p.Waiting)
		require.Zero(t, p.Unsent)

		r.chainFault.set(failing("Publish", errFault))
		r.clock.advance(time.Hour)
		r.mine(vsp.Confirmations - 1)
		p = r.Progress()
		require.Zero(t, p.Unconfirmed)
		require.Zero(t, p.Waiting)
		require.Equal(t, 1, p.Unsent)
		require.Equal(t, start, p.OldestUnsent)
		require.Equal(t, r.clock.Now(), p.At)
		require.Zero(t, p.Held)

		// A node or a store that is away stops the work, which shows in how long ago it was done.
		r.clock.advance(time.Hour)
		r.chainFault.set(func(string) (bool, error) { return false, errFault })
		wait()
		require.Equal(t, start.Add(time.Hour), r.Progress().At)
		require.Equal(t, 1, r.Progress().Unsent)

		r.chainFault.set(failing("Publish", vsp.ErrRefused))
		wait()
		p = r.Progress()
		require.Zero(t, p.Unsent)
		require.Zero(t, p.OldestUnsent)
		require.Zero(t, p.InError, "errors are gone through with the next block")
		r.mine(1)
		require.Equal(t, 1, r.Progress().InError)

		r.chainFault.set(nil)
		require.NoError(t, r.chain.Publish(t.Context(), fee)) // by its holder
		r.mine(vsp.Confirmations)
		r.mine(1)
		p = r.Progress()
		require.Zero(t, p.InError)
		require.Equal(t, 1, p.Held)
		require.Equal(t, r.tip().Position, p.Scanned)
		r.mine(r.maturing())
		r.chain.Vote(paid)
		r.mine(1)
		wait()
		require.Zero(t, r.Progress().Held)
	})
}

// The age of what is not sent is that of the oldest of which it is known.
func TestProgressOldest(t *testing.T) {
	living(t, func(t *testing.T, r *rig) {
		r.chainFault.set(failing("Publish", errFault))
		start := r.clock.Now()
		var hashes []chainhash.Hash
		for number := range uint32(3) {
			ticket := r.chain.Buy(r.holder(number))
			r.pays(ticket, nil)
			hashes = append(hashes, ticket.Hash())
			r.clock.advance(time.Minute)
		}
		_, err := r.store.Update(t.Context(), hashes[0], func(t *vsp.Ticket) (*vsp.Change, error) {
			t.Fee.Received = time.Time{} // it came from another store
			return nil, nil
		})
		require.NoError(t, err)
		r.mine(vsp.Confirmations)
		p := r.Progress()
		require.Equal(t, 3, p.Unsent)
		require.Equal(t, start.Add(time.Minute), p.OldestUnsent)
	})
}
