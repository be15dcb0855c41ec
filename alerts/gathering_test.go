package alerts

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// see tells the desk of one look at several conditions, which are all as bad.
func (d *Desk) see(severity Severity, keys ...Key) {
	alert := trouble()
	alert.Severity = severity
	for _, key := range keys {
		d.Bad(key, time.Now(), alert)
	}
}

func TestWhatOpensTogetherIsOneNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &letterbox{}
		desk := newDesk(box, alice, bob)
		desk.see(Warn, "a")
		desk.see(Crit, "b", "c")
		time.Sleep(time.Second)
		desk.see(Warn, "a")
		desk.see(Crit, "b", "c")
		time.Sleep(moment)
		synctest.Wait()
		for _, to := range []string{alice, bob} {
			require.Equal(t, []string{"#2 opened, #3 opened, #1 opened"}, box.told(to), "the worst first")
		}
		first := box.kept[0].Incident
		for _, p := range box.kept[0].With {
			require.Equal(t, first.ID, p.Incident.Thread())
		}

		// Each has its own end, in the thread of all.
		desk.Good("c", time.Now(), "")
		synctest.Wait()
		require.NoError(t, desk.AcknowledgeAll(1, "ann", time.Now()))
		synctest.Wait()
		require.Equal(t, []string{"#2 opened, #3 opened, #1 opened", "#3 resolved", "#2 acknowledged, #1 acknowledged"}, box.told(alice))
		require.Equal(t, first.ID, box.kept[2].Incident.Thread())
		require.NoError(t, desk.Close(t.Context()))
	})
}

func TestNothingWaitsForLong(t *testing.T) {
	for name, c := range map[string]struct {
		doubt bool
		wait  time.Duration
	}{"alone": {false, moment}, "beside something doubtful": {true, DefaultRules().Gather}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				box := &letterbox{}
				desk := newDesk(box, alice)
				if c.doubt {
					desk.see(Warn, "b")
				}
				desk.see(Crit, "a", "a")
				begin := time.Now()
				time.Sleep(time.Minute)
				require.NoError(t, desk.Close(t.Context()))
				require.Equal(t, []string{"#1 opened"}, box.told(alice))
				require.Equal(t, c.wait, box.times[0].Sub(begin))
			})
		})
	}
}

// A second look that clears the doubt lets it go; one that confirms it joins.
func TestDoubtIsSettledByTheNextLook(t *testing.T) {
	for name, want := range map[string][]string{"well": {"#1 opened"}, "bad": {"#1 opened, #2 opened"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				box := &letterbox{}
				desk := newDesk(box, alice)
				desk.see(Warn, "b")
				desk.see(Crit, "a", "a")
				time.Sleep(time.Second)
				if name == "bad" {
					desk.see(Crit, "b")
				} else {
					desk.Good("b", time.Now(), "")
				}
				time.Sleep(moment)
				synctest.Wait()
				require.Equal(t, want, box.told(alice))
				require.NoError(t, desk.Close(t.Context()))
			})
		})
	}
}

func TestAnObserversClockDelaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &letterbox{}
		desk := newDesk(box, alice)
		for range 2 {
			desk.Bad(key, time.Now().Add(time.Hour), trouble())
		}
		time.Sleep(moment)
		synctest.Wait()
		require.Equal(t, []string{"#1 opened"}, box.told(alice))
		require.NoError(t, desk.Close(t.Context()))
	})
}

func TestWhatWaitsForOthersIsToldAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &letterbox{}
		desk := newDesk(box, alice)
		desk.see(Crit, "a", "a")
		require.NoError(t, desk.Close(t.Context()))
		require.Equal(t, []string{"#1 opened"}, box.told(alice))
	})
}
