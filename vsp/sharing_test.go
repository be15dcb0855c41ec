package vsp_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// choosing has a process set how a ticket votes on one agenda.
func (r *rig) choosing(f *front, ticket vsptest.Ticket, choice string) {
	r.t.Helper()
	r.clock.advance(time.Second)
	_, err := f.SetVoteChoices(r.t.Context(), ticket.Request(vspapi.SetVoteChoicesRequest{
		Timestamp: r.clock.Now().Unix(), TicketHash: ticket.Hash().String(),
		VoteChoices: map[string]string{"maxtreasuryspend": choice},
	}))
	require.NoError(r.t, err)
}

func choice(f *front, ticket vsptest.Ticket) string {
	held, _ := f.voters.Held(ticket.Hash())
	return held.Choices.Agendas["maxtreasuryspend"]
}

// What one process is told, the wallets hear of from the one that leads.
func TestSharing(t *testing.T) {
	pair(t, func(t *testing.T, r *rig, leader, other *front) {
		ticket := r.chain.Ticket(r.holder(2))
		answer, err := other.FeeAddress(t.Context(), r.feeAddressRequest(ticket))
		require.NoError(t, err)
		r.mineFor(vsp.Confirmations, leader, other)
		require.True(t, r.stored(ticket.Hash()).Confirmed)
		fee := r.chain.Pay(answer.FeeAddress, amount(answer.FeeAmount))
		_, err = other.PayFee(t.Context(), r.payFeeRequest(ticket, fee))
		require.NoError(t, err)
		require.Equal(t, vsp.FeeBroadcast, r.stored(ticket.Hash()).Fee.Status)
		pause()
		require.Equal(t, 2, leader.voters.Wanted())
		r.choosing(other, ticket, "yes")
		pause()
		require.Equal(t, "yes", choice(leader, ticket))
		r.choosing(leader, ticket, "no")
		pause()
		require.Equal(t, "no", choice(leader, ticket))
		leaders(t, leader, other)

		notes, err := r.store.Touched(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, notes, "they are heard once")
		require.EqualValues(t, 1, other.Events()[vsp.EventFeeReceived])
		require.EqualValues(t, 0, leader.Events()[vsp.EventFeeReceived])
		require.EqualValues(t, 2, leader.Events()[vsp.EventTicketConfirmed]+r.Events()[vsp.EventTicketConfirmed])
	})
}

// A note is kept until the wallets have heard of it.
func TestTouchesKept(t *testing.T) {
	for _, op := range []string{"Touched", "Ticket", "Heard"} {
		for name, fail := range map[string]func(string) (bool, error){"not done": failing(op, errFault), "done": committed(op)} {
			t.Run(op+" "+name, func(t *testing.T) {
				pair(t, func(t *testing.T, r *rig, leader, other *front) {
					ticket := r.only(t)
					r.choosing(other, ticket, "yes") // the leader is yet to ask
					r.storeFault.set(fail)
					time.Sleep(10 * time.Second)
					require.Equal(t, 1, leader.log.count("telling wallets of updated tickets fails"))
					r.storeFault.set(nil)
					pause()
					require.Equal(t, "yes", choice(leader, ticket))
					require.Equal(t, 1, leader.log.count("telling wallets of updated tickets works again"))
				})
			})
		}
	}
}

// only returns the ticket that a pair begins with.
func (r *rig) only(t *testing.T) vsptest.Ticket {
	all, err := r.store.Select(t.Context(), vsp.Filter{})
	require.NoError(t, err)
	require.Len(t, all, 1)
	seen, err := r.chain.Transaction(t.Context(), all[0].Hash)
	require.NoError(t, err)
	return vsptest.Ticket{Holder: r.holder(1), Tx: seen.Tx}
}

// Nothing is missed when the lease goes over, whenever that is.
func TestTouchesWhileNobodyLeads(t *testing.T) {
	pair(t, func(t *testing.T, r *rig, leader, other *front) {
		ticket := r.only(t)
		leader.die()
		r.choosing(other, ticket, "yes")
		until(t, 7*time.Second, "the wallets to hear", func() bool { return choice(other, ticket) == "yes" })
	})
}

// More notes than are heard at once are heard all.
func TestTouchesMany(t *testing.T) {
	pair(t, func(t *testing.T, r *rig, leader, other *front) {
		ticket := r.only(t)
		var all sync.WaitGroup
		for range 600 {
			all.Go(func() {
				_, err := r.store.Update(context.Background(), ticket.Hash(), func(*vsp.Ticket) (*vsp.Change, error) { return nil, nil })
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		r.choosing(other, ticket, "yes")
		pause()
		require.Equal(t, "yes", choice(leader, ticket))
		notes, err := r.store.Touched(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, notes)
	})
}

// Who does not lead tells the same of the VSP as who does, a little later.
func TestCountsOfFollower(t *testing.T) {
	pair(t, func(t *testing.T, r *rig, leader, other *front) {
		r.mineFor(vsp.Confirmations, leader, other)
		counts, known := leader.Counts()
		require.True(t, known)
		require.Equal(t, vsp.Counts{Voting: 1}, counts)
		time.Sleep(15 * time.Second)
		for _, f := range []*front{leader, other} {
			info, err := f.Info(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 1, info.Voting)
			require.EqualValues(t, r.tip().Height, info.BlockHeight)
			require.Equal(t, r.tip().Position, f.Progress().Tip)
		}
		r.mineFor(1, other)
		info, err := other.Info(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, r.tip().Height, info.BlockHeight, "its own node has told it")
	})
}
