package alerts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func (d *Desk) badFor(seconds int) {
	repeat(seconds, func(now time.Time) { d.Bad(key, now, trouble()) })
}

func (d *Desk) goodFor(seconds int) {
	repeat(seconds, func(now time.Time) { d.Good(key, now, "Nothing was missed.") })
}

func TestEachChangeIsToldOnceToEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &letterbox{}
		desk := newDesk(box, alice, bob, alice)
		start := time.Now()
		desk.goodFor(60)
		desk.badFor(1)
		desk.goodFor(60)
		require.Empty(t, box.kept, "one bad observation is not held to be trouble")

		desk.badFor(200)
		desk.goodFor(200)
		require.NoError(t, desk.Close(t.Context()))
		for _, to := range []string{alice, bob} {
			require.Equal(t, []string{"#1 opened", "#1 resolved"}, box.told(to))
		}
		end := box.kept[len(box.kept)-1]
		require.Equal(t, "Nothing was missed.", end.Outcome)
		require.Equal(t, start.Add(121*time.Second).UTC(), end.Incident.Since)
		require.Equal(t, 200*time.Second, end.Incident.Resolved.Sub(end.Incident.Since))
		require.Equal(t, start.Add(122*time.Second+moment), box.times[0], "told a moment after the second bad observation")
	})
}

func TestSilenceResolvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &letterbox{}
		desk := newDesk(box, alice)
		desk.badFor(2)
		time.Sleep(95 * time.Minute)
		require.NoError(t, desk.Close(t.Context()))
		require.Equal(t, []string{"#1 opened", "#1 reminded", "#1 reminded", "#1 reminded"}, box.told(alice))
		last := box.kept[3]
		require.Equal(t, 3, last.Incident.Reminders)
		require.Equal(t, 90*time.Minute, last.At.Sub(box.kept[0].At))
		require.Equal(t, last.Incident.Since.Add(time.Second), last.Incident.LastBad, "a reminder says how old its knowledge is")
	})
}

func TestNoReminderOfWhatIsWellOrOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &letterbox{}
		desk := newDesk(box, alice)
		desk.badFor(2)
		desk.goodFor(1)
		desk.badFor(2) // reopened; now its recovery must settle
		desk.goodFor(1)
		time.Sleep(2 * time.Hour)
		require.Equal(t, []string{"#1 opened", "#1 resolved", "#1 reopened"}, box.told(alice))
		desk.goodFor(1)
		time.Sleep(2 * time.Hour)
		require.NoError(t, desk.Close(t.Context()))
		time.Sleep(2 * time.Hour)
		require.Equal(t, []string{"#1 opened", "#1 resolved", "#1 reopened", "#1 resolved"}, box.told(alice))
	})
}

func TestWorseIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &letterbox{}
		desk := newDesk(box, alice)
		worse := trouble()
		worse.Severity = Crit
		repeat(10, func(now time.Time) {
			desk.Bad(key, now, trouble())
			desk.Bad(key, now, worse)
			desk.Bad(key, now, trouble())
		})
		desk.goodFor(1)
		require.NoError(t, desk.Close(t.Context()))
		require.Equal(t, []string{"#1 opened", "#1 resolved"}, box.told(alice), "it was critical when it opened")
		require.Equal(t, Crit, box.kept[1].Incident.Severity)

		box = &letterbox{}
		desk = newDesk(box, alice)
		desk.badFor(3)
		repeat(3, func(now time.Time) { desk.Bad(key, now, worse) })
		desk.badFor(3)
		repeat(3, func(now time.Time) { desk.Bad(key, now, worse) })
		require.NoError(t, desk.Close(t.Context()))
		require.Equal(t, []string{"#1 opened", "#1 worsened"}, box.told(alice))
	})
}

func TestFlappingIsOneIncidentAndNoStorm(t *testing.T) {
	for _, c := range []struct {
		bad, good int // seconds
		changes   int // told in six hours, of up to 21,600
		incidents int
	}{
		{bad: 1, good: 1, changes: 0, incidents: 0},
		{bad: 2, good: 2, changes: 3, incidents: 1},        // opened, resolved, reopened
		{bad: 45, good: 45, changes: 5, incidents: 1},      // and resolved after 30 s, reopened
		{bad: 10, good: 200, changes: 9, incidents: 1},     // and after 60 s and 120 s
		{bad: 300, good: 590, changes: 13, incidents: 1},   // up to a pause of 480 s
		{bad: 300, good: 1300, changes: 28, incidents: 14}, // rare changes are told, each on its own
	} {
		t.Run(fmt.Sprintf("bad %d s, good %d s", c.bad, c.good), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				box := &letterbox{}
				desk := newDesk(box, alice)
				desk.docket.rules.Remind = 0
				for start := time.Now(); time.Since(start) < 6*time.Hour; {
					desk.badFor(c.bad)
					desk.goodFor(c.good)
				}
				require.NoError(t, desk.Close(t.Context()))
				require.Equal(t, c.changes, len(box.kept))
				ids := map[string]bool{}
				for _, n := range box.kept {
					ids[n.Incident.ID] = true
				}
				require.Len(t, ids, c.incidents)
			})
		})
	}
}

func TestFailedAttempts(t *testing.T) {
	for _, apply := range []bool{false, true} {
		t.Run(fmt.Sprintf("stored %t", apply), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				attempts := map[string]int{}
				box := &letterbox{}
				box.Fail = func(_ context.Context, n Notice) (bool, error) {
					attempts[n.To+string(n.Event)]++
					if attempts[n.To+string(n.Event)] <= 3 {
						return apply, errors.New("451 try later")
					}
					return true, nil
				}
				desk := newDesk(box, alice)
				desk.badFor(10)
				desk.goodFor(60)
				require.NoError(t, desk.Close(t.Context()))
				if !apply {
					require.Equal(t, []string{"#1 opened", "#1 resolved"}, box.told(alice))
					return
				}
				// Copies cannot be ruled out then, but they are the same notice, and in order.
				require.Len(t, box.kept, 8)
				require.Equal(t, box.kept[0], box.kept[3])
				require.Equal(t, box.kept[4], box.kept[7])
				require.Equal(t, []Event{Opened, Resolved}, []Event{box.kept[3].Event, box.kept[4].Event})
			})
		})
	}
}

func TestDeadMailServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := time.Now().Add(165 * time.Minute) // not when a reminder is due
		box := &letterbox{Fail: func(context.Context, Notice) (bool, error) {
			if time.Now().Before(back) {
				return false, errors.New("connection refused")
			}
			return true, nil
		}}
		desk := newDesk(box, alice, bob)
		repeat(7200, func(now time.Time) {
			desk.Bad(key, now, trouble())
			desk.Bad("database/unreachable", now, trouble())
		})
		desk.goodFor(10)
		time.Sleep(time.Until(back.Add(61 * time.Second)))
		for _, to := range []string{alice, bob} {
			require.ElementsMatch(t, []string{"#1 opened, #2 opened", "#1 resolved"}, box.told(to), "all, once, without two hours of reminders")
		}
		require.Less(t, box.attempts, 4*3*60*2, "the pauses grow to a minute")
		require.NoError(t, desk.Close(t.Context()))
	})
}

func TestOneRecipientsTroubleIsNobodyElses(t *testing.T) {
	for name, fail := range map[string]func(ctx context.Context) error{
		"refused for good": func(context.Context) error { return fmt.Errorf("mail: %w", &Permanent{Err: errors.New("550")}) },
		"never taken":      func(context.Context) error { return errors.New("451") },
		"hanging":          func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				box := &letterbox{Fail: func(ctx context.Context, n Notice) (bool, error) {
					if n.To == alice {
						return false, fail(ctx)
					}
					return true, nil
				}}
				desk := newDesk(box, alice, bob, "carol@example.org")
				desk.badFor(10)
				desk.goodFor(1)
				synctest.Wait()
				for _, to := range []string{bob, "carol@example.org"} {
					require.Equal(t, []string{"#1 opened", "#1 resolved"}, box.told(to))
				}
				for i, at := range box.times {
					require.Equal(t, box.kept[i].At, at.UTC(), "told at once")
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				err := desk.Close(ctx)
				if name == "refused for good" {
					require.NoError(t, err)
					require.Equal(t, 2+4, box.attempts, "a refused notice is not tried again, the next one is")
					return
				}
				require.ErrorContains(t, err, "incident 1 opened to alice@example.org not delivered: ")
				require.ErrorContains(t, err, "incident 1 resolved to alice@example.org not delivered")
				require.NotContains(t, err.Error(), bob)
			})
		})
	}
}

func TestOneIncidentsTroubleIsNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &letterbox{Fail: func(_ context.Context, n Notice) (bool, error) {
			if n.Incident.Key == key {
				return false, errors.New("451 greylisted")
			}
			return true, nil
		}}
		desk := newDesk(box, alice)
		desk.badFor(2)
		repeat(2, func(now time.Time) { desk.Bad("database/unreachable", now, trouble()) })
		require.Equal(t, []string{"#2 opened"}, box.told(alice))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, desk.Close(ctx))
	})
}

func TestCloseTriesAtOnceAndIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		box := &letterbox{Fail: func(context.Context, Notice) (bool, error) {
			if down {
				return false, errors.New("connection refused")
			}
			return true, nil
		}}
		desk := newDesk(box, alice)
		desk.badFor(600)
		synctest.Wait()
		down = false
		start := time.Now()
		require.NoError(t, desk.Close(t.Context()))
		require.Equal(t, start, time.Now(), "no pause is waited out")
		require.Equal(t, []string{"#1 opened"}, box.told(alice))

		desk.goodFor(10)
		require.NoError(t, desk.Close(t.Context()))
		require.Len(t, box.kept, 1)
	})
}

func TestManyObservers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &letterbox{}
		desk := newDesk(box, alice, bob)
		var observers sync.WaitGroup
		for i := range 20 {
			observers.Go(func() {
				key := Key(fmt.Sprintf("wallet/%d", i))
				repeat(5, func(now time.Time) { desk.Bad(key, now, trouble()) })
				repeat(5, func(now time.Time) { desk.Good(key, now, "") })
			})
		}
		observers.Wait()
		require.NoError(t, desk.Close(t.Context()))
		require.Len(t, box.kept, 2+20*2, "one opening of all, and each end")
		seen := map[string]int{}
		for _, n := range box.kept {
			for _, told := range n.parts() {
				lane := n.To + told.Incident.ID
				seen[lane]++
				require.Equal(t, seen[lane], told.Seq, "in order within an incident")
			}
		}
		require.Len(t, seen, 20*2)
	})
}
