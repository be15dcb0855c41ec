package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"

	"scrutineer/alerts"
	"scrutineer/cmd/alerting"
	"scrutineer/verifier"
)

// letterbox keeps what would be mailed.
type letterbox struct {
	mu      sync.Mutex
	notices []alerts.Notice
}

func (l *letterbox) Send(_ context.Context, n alerts.Notice) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notices = append(l.notices, n)
	return nil
}

// events are what was mailed of the conditions with a prefix, in order, as event and key.
func (l *letterbox) events(prefix string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	add := func(event alerts.Event, i alerts.Incident) {
		if strings.HasPrefix(string(i.Key), prefix) {
			all = append(all, string(event)+" "+string(i.Key))
		}
	}
	for _, n := range l.notices {
		add(n.Event, n.Incident)
		for _, part := range n.With {
			add(part.Event, part.Incident)
		}
	}
	return all
}

// sentinel is a sentry whose mails a box takes, and which outlives it in a store.
func sentinel(t *testing.T, box *letterbox, store alerts.Store) *sentry {
	rules := alerts.DefaultRules()
	rules.Remind = 0
	desk, err := alerts.NewDesk(alerts.Config{Sender: box, Store: store, Recipients: []string{"a@example.org"}, Rules: rules,
		Retry: alerts.DefaultRetry(), Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return &sentry{duty: &alerting.Duty{Desk: desk}, log: slog.New(slog.DiscardHandler)}
}

// watchAndTell watches a world and tells of it, as vspverify run does, until ctx ends. Then the process is as if killed.
func watchAndTell(ctx context.Context, t *testing.T, trial *trial, w *world, box *letterbox, store alerts.Store) {
	c, err := newCourse(trial)
	require.NoError(t, err)
	c.account = chainOf(20, 500)
	s := sentinel(t, box, store)
	with := newCompanion(c, time.Now(), slog.New(slog.DiscardHandler))
	with.sentry = s
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { c.askChain(ctx, func() {}) })
	group.Go(func() { with.run(ctx) })
	watchIn(ctx, t, trial, w)
	cancel()
	group.Wait()
	require.NoError(t, s.duty.Desk.Close(context.Background()))
}

// TestRunTellsOfAnOutageAndOfItsOwnTrouble: each once and under its own name. While our own node is away nothing is told of the
// VSP, though it is down, nor that it is over, though it is.
func TestRunTellsOfAnOutageAndOfItsOwnTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trial := testTrial(t, time.Minute, 7*24*time.Hour)
		trial.target.Name = trial.Name
		_, err := trial.createKey()
		require.NoError(t, err)
		began, box := time.Now(), &letterbox{}
		vspDown := func(at time.Time) bool {
			return between(began, 5*time.Minute, 25*time.Minute)(at) || between(began, 32*time.Minute, 38*time.Minute)(at) ||
				between(began, 50*time.Minute, 58*time.Minute)(at)
		}
		nodeDown := func(at time.Time) bool {
			return between(began, 30*time.Minute, 40*time.Minute)(at) || between(began, 54*time.Minute, 68*time.Minute)(at)
		}
		// The process is killed while the second outage that is seen is open, and started again when it is over.
		store := &alerts.Memory{}
		ctx, cancel := context.WithTimeout(t.Context(), 57*time.Minute)
		watchAndTell(ctx, t, trial, &world{vspDown: vspDown, nodeDown: nodeDown, takes: time.Second}, box, store)
		cancel()
		require.Equal(t, []string{"opened vsp/down", "resolved vsp/down", "opened vsp/down"}, box.events("vsp/"))
		time.Sleep(6 * time.Minute)
		ctx, cancel = context.WithTimeout(t.Context(), 5*time.Minute) // our node is away still
		watchAndTell(ctx, t, trial, &world{vspDown: vspDown, nodeDown: nodeDown, takes: time.Second}, box, store)
		cancel()
		require.Len(t, box.events("vsp/"), 3, "nothing was seen that ends it")
		ctx, cancel = context.WithTimeout(t.Context(), 10*time.Minute)
		watchAndTell(ctx, t, trial, &world{vspDown: vspDown, nodeDown: nodeDown, takes: time.Second}, box, store)
		cancel()
		require.Equal(t, []string{"opened vsp/down", "resolved vsp/down", "opened vsp/down", "resolved vsp/down"}, box.events("vsp/"))
		require.Equal(t, []string{"opened own/node", "resolved own/node", "opened own/node", "resolved own/node"}, box.events("own/node"))
		gate := "gate/uptime//api/v3/vspinfo"
		require.Equal(t, []string{"opened " + gate, "resolved " + gate}, box.events(gate)[:2], "before it is lost")
		require.Empty(t, box.events("votes/"))
	})
}

// TestRunIsSilentWhileAllIsWell: not a single mail.
func TestRunIsSilentWhileAllIsWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trial := testTrial(t, time.Minute, 7*24*time.Hour)
		_, err := trial.createKey()
		require.NoError(t, err)
		box := &letterbox{}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		defer cancel()
		watchAndTell(ctx, t, trial, &world{vspDown: never, nodeDown: never, takes: time.Second}, box, nil)
		require.Empty(t, box.events(""))
	})
}

// TestAWatchThatEndsIsTold: though nothing can be stored any more. When rounds are written again it is over, and the end of the
// trial ends the rest.
func TestAWatchThatEndsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &letterbox{}
		var room atomic.Bool
		store := &alerts.Memory{Fail: func(alerts.Change) (bool, error) {
			if room.Load() {
				return true, nil
			}
			return false, syscall.ENOSPC
		}}
		s := sentinel(t, box, store)
		s.failed(fmt.Errorf("append to journal: %w", syscall.ENOSPC))
		synctest.Wait()
		time.Sleep(time.Second)
		require.Equal(t, []string{"opened own/watch"}, box.events(""))
		room.Store(true)
		require.NoError(t, s.duty.Desk.Close(context.Background()))

		s = sentinel(t, box, store)
		p := slotPicture(t, []lookedAt{healthy})
		s.look(p, time.Now())
		require.Len(t, box.events(""), 1, "no slot is new")
		down := healthy
		down.info = verifier.Refused
		p = slotPicture(t, []lookedAt{healthy}, []lookedAt{down}, []lookedAt{down})
		s.look(p, time.Now())
		time.Sleep(time.Minute)
		require.Equal(t, []string{"opened own/watch", "resolved own/watch", "opened vsp/down"}, box.events(""))
		s.over()
		time.Sleep(time.Second)
		require.Equal(t, "resolved vsp/down", box.events("")[3])
		require.NoError(t, s.duty.Desk.Close(context.Background()))
	})
}

// TestARestartIsNoSecondLook: a slot that the process before this one told of is not told again.
func TestARestartIsNoSecondLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, store := &letterbox{}, &alerts.Memory{}
		down := healthy
		down.info = verifier.Refused
		look := func(slots ...[]lookedAt) {
			s := sentinel(t, box, store)
			s.look(slotPicture(t, slots...), time.Now())
			time.Sleep(time.Minute)
			require.NoError(t, s.duty.Desk.Close(context.Background()))
		}
		look([]lookedAt{healthy})
		look([]lookedAt{healthy}, []lookedAt{down}, []lookedAt{down})
		require.Equal(t, []string{"opened vsp/down"}, box.events("vsp/"))
		look([]lookedAt{healthy}, []lookedAt{down}, []lookedAt{down}, []lookedAt{healthy})
		require.Equal(t, []string{"opened vsp/down", "resolved vsp/down"}, box.events("vsp/"))
		for range 3 {
			look([]lookedAt{healthy}, []lookedAt{down}, []lookedAt{down}, []lookedAt{healthy})
		}
		require.Len(t, box.events("vsp/"), 2, "what is over was not seen again")
	})
}

// TestHelpNamesEveryKey: the section as it is shown can be used as it is, and leaves nothing out.
func TestHelpNamesEveryKey(t *testing.T) {
	var shown struct {
		Alerts *alerting.Config `toml:"alerts"`
	}
	require.NoError(t, toml.NewDecoder(strings.NewReader(alertsHelp)).DisallowUnknownFields().Decode(&shown))
	for i := range reflect.TypeFor[alerting.Config]().NumField() {
		key := reflect.TypeFor[alerting.Config]().Field(i).Tag.Get("toml")
		require.Regexp(t, `(?m)^    (`+key+` = |\[alerts\.`+key+`\])`, alertsHelp)
	}
	for line := range strings.Lines(alertsHelp) {
		require.LessOrEqual(t, len(strings.TrimRight(line, "\n")), 88, line)
	}
}

func TestMistakesInAlertsAreNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trial.toml")
	require.NoError(t, os.WriteFile(path, []byte("url = \"https://vsp.example.org\"\n[alerts]\nsmtp = \"mail.example.org\"\nto = [\"nobody\"]\n"), 0o600))
	_, err := load(path)
	for _, key := range []string{"alerts.smtp", "alerts.to", "alerts.from"} {
		require.ErrorContains(t, err, key)
	}
}
