package vsp_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/vsp"
)

// pair runs a test in a bubble, with a ticket that wallets should hold and two processes, of which the first leads.
func pair(t *testing.T, test func(t *testing.T, r *rig, leader, other *front)) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		r.paid(r.chain.Buy(r.holder(1)))
		r.mine(vsp.Confirmations)
		stop()
		leader := r.front()
		synctest.Wait()
		require.True(t, leader.Leading(), "at once")
		other := r.front()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.True(t, leader.Leading())
		leaders(t, leader, other)
		require.Equal(t, 1, leader.voters.Wanted())
		test(t, r, leader, other)
		leader.stop()
		other.stop()
	})
}

func TestLeaseGivenBack(t *testing.T) {
	pair(t, func(t *testing.T, r *rig, leader, other *front) {
		leader.stop()
		require.False(t, leader.Leading())
		until(t, 1100*time.Millisecond, "the other to lead", other.Leading)
		leaders(t, leader, other)
		pause()
		require.Equal(t, 1, other.voters.Wanted())
		require.Equal(t, 1, other.log.count("this process leads"))
		require.Equal(t, 1, leader.log.count("this process does not lead any more"))
	})
}

func TestLeaseAfterDeath(t *testing.T) {
	pair(t, func(t *testing.T, r *rig, leader, other *front) {
		leader.die()
		require.Equal(t, 1, leader.log.count("lease not given back: another process leads once it has run out"))
		took := until(t, 6100*time.Millisecond, "the other to lead", other.Leading)
		require.Greater(t, took, 3*time.Second, "nobody leads before the lease has run out")
		pause()
		require.Equal(t, 1, other.voters.Wanted())
		r.mineFor(vsp.Confirmations, other)
		info, err := other.Info(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, info.Voting, "the work goes on")
	})
}

// A leader that cannot reach the Store stops before another begins, and not before it has to.
func TestLeaseCutOff(t *testing.T) {
	for name, cut := range map[string]func(f *front){
		"the store fails":                func(f *front) { f.lease.set(failing("Lead", errFault)) },
		"the store hangs":                func(f *front) { f.lease.hangs.Store(true) },
		"the store fails after the fact": func(f *front) { f.lease.set(committed("Lead")) },
	} {
		t.Run(name, func(t *testing.T) {
			pair(t, func(t *testing.T, r *rig, leader, other *front) {
				start := time.Now()
				cut(leader)
				until(t, 5*time.Second, "the leader to stop", func() bool { leaders(t, leader, other); return !leader.Leading() })
				stopped := time.Since(start)
				require.Greater(t, stopped, 2900*time.Millisecond)
				require.False(t, other.Leading())
				require.Equal(t, 1, leader.log.count("renewing the lease fails"))
				leader.lease.set(nil)
				leader.lease.hangs.Store(false)
				until(t, 8*time.Second, "another tenure", func() bool { return len(leaders(t, leader, other)) == 1 })
				require.Greater(t, time.Since(start)-stopped, 900*time.Millisecond, "clocks may differ a little")
			})
		})
	}
}

// The Store counts from when it was asked, and not from when its answer came.
func TestLeaseAnswerLate(t *testing.T) {
	pair(t, func(t *testing.T, r *rig, leader, other *front) {
		for range 10 {
			leader.lease.late.Store(true)
			time.Sleep(2100 * time.Millisecond) // into a renewal, and by and by at another moment of it
			leader.lease.set(failing("Lead", errFault))
			until(t, 9*time.Second, "the other to lead", func() bool { leaders(t, leader, other); return other.Leading() })
			leader.lease.late.Store(false)
			leader.lease.set(nil)
			leader, other = other, leader
		}
	})
}

// A leader that waits for its node when it loses the lease wants nothing of wallets any more, and leads again only after that.
func TestLeaseNodeStuck(t *testing.T) {
	pair(t, func(t *testing.T, r *rig, leader, other *front) {
		<-leader.node
		r.mineFor(1, leader)
		leader.lease.set(failing("Lead", errFault))
		until(t, 9*time.Second, "the other to lead", func() bool { leaders(t, leader, other); return other.Leading() })
		leader.lease.set(nil)
		other.stop()
		time.Sleep(10 * time.Second)
		require.False(t, leader.Leading())
		leader.node <- struct{}{}
		until(t, 2*time.Second, "the first to lead again", leader.Leading)
		require.Equal(t, 2, leader.log.count("this process leads"))
		pause()
		require.Equal(t, 1, leader.voters.Wanted())
	})
}

// What a leader asks of wallets after it has lost the lease is taken back.
func TestLeaseStoreStuck(t *testing.T) {
	pair(t, func(t *testing.T, r *rig, leader, other *front) {
		ticket := r.only(t)
		<-leader.reads
		r.choosing(other, ticket, "yes")
		pause()
		leader.lease.set(failing("Lead", errFault))
		until(t, 9*time.Second, "the other to lead", func() bool { leaders(t, leader, other); return other.Leading() })
		leader.reads <- struct{}{}
		pause()
		require.Zero(t, leader.voters.Wanted())
		require.Equal(t, "yes", choice(other, ticket))
	})
}

// Short trouble with the Store costs nobody the lease.
func TestLeaseShortTrouble(t *testing.T) {
	pair(t, func(t *testing.T, r *rig, leader, other *front) {
		for i := range 20 {
			leader.lease.hangs.Store(i%2 == 0)
			leader.lease.set(failing("Lead", errFault))
			time.Sleep(2 * time.Second)
			leader.lease.hangs.Store(false)
			leader.lease.set(nil)
			time.Sleep(2100 * time.Millisecond) // so that it begins at another moment of a second each time
		}
		synctest.Wait()
		require.True(t, leader.Leading())
		leaders(t, leader, other)
		require.Equal(t, 1, leader.log.count("this process leads"))
		require.Equal(t, 1, leader.voters.Wanted())
	})
}

// Who finds that another has the lease stops at once.
func TestLeaseTaken(t *testing.T) {
	pair(t, func(t *testing.T, r *rig, leader, other *front) {
		leader.lease.refused.Store(true)
		until(t, 1100*time.Millisecond, "the leader to stop", func() bool { return !leader.Leading() })
		require.Zero(t, leader.voters.Wanted())
		until(t, 6100*time.Millisecond, "the other to lead", func() bool { return len(leaders(t, leader, other)) == 1 })
	})
}

// Whatever fails, never do two lead; and with all well again one does, soon.
func TestLeaseChaos(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		synctest.Test(t, func(t *testing.T) { chaos(t, rand.New(rand.NewPCG(seed, 0))) })
	})
}

func chaos(t *testing.T, dice *rand.Rand) {
	r := newRig(t)
	fronts := make([]*front, 3)
	for i := range fronts {
		fronts[i] = r.front()
	}
	troubles := []func(f *front){
		func(f *front) { f.lease.set(failing("Lead", errFault)) },
		func(f *front) { f.lease.set(committed("Lead")) },
		func(f *front) { f.lease.hangs.Store(true) },
		func(f *front) { f.lease.late.Store(true) },
		(*front).heal,
		(*front).heal,
	}
	for range 40 {
		i := dice.IntN(len(fronts))
		if dice.IntN(8) == 0 {
			fronts[i].die()
			fronts[i] = r.front()
		} else {
			troubles[dice.IntN(len(troubles))](fronts[i])
		}
		for range dice.IntN(60) {
			synctest.Wait()
			leaders(t, fronts...)
			time.Sleep(time.Duration(dice.IntN(100)) * time.Millisecond)
		}
	}
	for _, f := range fronts {
		f.heal()
	}
	// A call that hangs ends after two seconds, and may have taken a lease of five for who does not know of it.
	until(t, 9*time.Second, "one to lead", func() bool { return len(leaders(t, fronts...)) == 1 })
	for _, f := range fronts {
		f.stop()
	}
	leaders(t, fronts...)
}
