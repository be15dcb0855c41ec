package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/link"
	"scrutineer/verifier/probe"
)

// cable is a network without addresses, in which time costs nothing: it connects by names.
type cable struct {
	mu        sync.Mutex
	listeners map[string]*cableEnd
	cut       func(name string, at time.Time) bool // whose way is cut off
}

func (w *cable) listen(name string) *cableEnd {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &cableEnd{calls: make(chan net.Conn), gone: make(chan struct{})}
	w.listeners[name] = l
	return l
}

func (w *cable) dial(ctx context.Context, _, address string) (net.Conn, error) {
	name, _, _ := net.SplitHostPort(address)
	w.mu.Lock()
	l := w.listeners[name]
	w.mu.Unlock()
	if w.cut != nil && w.cut(name, time.Now()) {
		time.Sleep(30 * time.Second) // nothing comes back
		return nil, os.ErrDeadlineExceeded
	}
	here, there := net.Pipe()
	select {
	case l.calls <- there:
		return here, nil
	case <-l.gone:
		return nil, errors.New("nobody listens")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type cableEnd struct {
	calls chan net.Conn
	once  sync.Once
	gone  chan struct{}
}

func (l *cableEnd) Accept() (net.Conn, error) {
	select {
	case c := <-l.calls:
		return c, nil
	case <-l.gone:
		return nil, net.ErrClosed
	}
}
func (l *cableEnd) Close() error   { l.once.Do(func() { close(l.gone) }); return nil }
func (l *cableEnd) Addr() net.Addr { return &net.UnixAddr{Name: "cable"} }

// outpost is a vantage of the test's, with what it needs to be started again.
type outpost struct {
	setup *postSetup
	own   link.Key
	key   journal.Key
	world *world
	now   func() time.Time
}

// newOutpost sets up a vantage, and names it in the trial.
func newOutpost(t *testing.T, trial *trial, name string, w *world) *outpost {
	dir := t.TempDir()
	if trial.vantages == nil {
		var err error
		trial.link, err = link.CreateKey(filepath.Join(dir, "trial.key"))
		require.NoError(t, err)
	}
	origin, err := journal.Origin(trial.Name, name)
	require.NoError(t, err)
	s := &postSetup{postConfig: postConfig{Name: name, Trial: trial.Name, LinkKey: filepath.Join(dir, "link.key"), Journal: filepath.Join(dir, "journal"),
		JournalKey: filepath.Join(dir, "journal.key")}, origin: origin, peer: trial.link.Public()}
	own, key, err := s.makeKeys()
	require.NoError(t, err)
	trial.vantages = append(trial.vantages, linkTo{name: name, address: name + ":1", link: own.Public(), journal: key.Public()})
	return &outpost{setup: s, own: own, key: key, world: w, now: time.Now}
}

// start runs the vantage until stop is called.
func (o *outpost) start(t *testing.T, on net.Listener) (stop func()) {
	p, err := openPost(o.setup, o.key, slog.New(slog.DiscardHandler), o.now)
	require.NoError(t, err)
	p.equip = func(v *probe.Vantage) (listener, func()) {
		v.Node, v.HTTP = o.world, &http.Client{Transport: o.world}
		return silence{}, func() {}
	}
	config, err := o.own.Server(o.setup.peer)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.serve(ctx, on, config) }()
	return sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

func newCable(t *testing.T, trial *trial) *cable {
	w := &cable{listeners: make(map[string]*cableEnd)}
	t.Cleanup(func() { time.Sleep(2 * time.Minute) }) // until connections have said goodbye, and gave up on who does not answer
	trial.dial = w.dial
	return w
}

// merged reads what a report rests on.
func merged(t *testing.T, trial *trial) *verifier.Record {
	s, err := trial.source()
	require.NoError(t, err)
	record, _, err := s.read(0)
	require.NoError(t, err)
	_ = record.Evidence() // which puts it in order
	return record
}

// shares counts the slots of the VSP's statements, and each vantage's that it was there.
func shares(r *verifier.Record, min int) (verifier.Share, map[string]int) {
	w := r.Window()
	alive := make(map[string]int)
	for _, p := range verifier.Presences(w, r.Seen, r.Beats) {
		alive[p.Vantage] = p.Share().Up
	}
	return verifier.Uptimes(w, r.Seen, r.Beats, min)[0].Share(), alive
}

// codesOf lists how the pulls of a vantage ended, without those that are as the one before.
func codesOf(r *verifier.Record, name string) (codes []verifier.PullCode) {
	for _, p := range r.Witness(name).Pulls {
		if len(codes) == 0 || codes[len(codes)-1] != p.Code {
			codes = append(codes, p.Code)
		}
	}
	return codes
}

func between(began time.Time, from, to time.Duration) func(time.Time) bool {
	return func(at time.Time) bool { return at.Sub(began) >= from && at.Sub(began) < to }
}

// TestMajority: three vantages, of which one is cut off from the trial for a while, one has trouble of its own for a while, and
// our own node is away for a while.
func TestMajority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		down := between(began, 15*time.Minute, 20*time.Minute)
		trial := testTrial(t, time.Minute, time.Hour)
		trial.policy.MinVantages = 2
		net := newCable(t, trial)
		paris := newOutpost(t, trial, "paris", &world{nodeDown: never,
			vspDown: func(at time.Time) bool { return down(at) || between(began, 5*time.Minute, 10*time.Minute)(at) }})
		lima := newOutpost(t, trial, "lima", &world{vspDown: down, nodeDown: never})
		defer paris.start(t, net.listen("paris"))()
		defer lima.start(t, net.listen("lima"))()
		cut := between(began, 25*time.Minute, 4*time.Hour)
		net.cut = func(name string, at time.Time) bool { return name == "lima" && cut(at) }
		local := &world{vspDown: down, nodeDown: between(began, 30*time.Minute, 35*time.Minute)}

		watchIn(t.Context(), t, trial, local)
		record := merged(t, trial)
		share, alive := shares(record, 2)
		require.Equal(t, verifier.Share{Up: 50, Down: 5, Unknown: 5}, share, "paris' own five minutes do not count; nor do those when it saw alone")
		require.Equal(t, 55, alive["local"])
		require.InDelta(t, 60, alive["paris"], 1, "what its first minute was it may not have been told in time")
		require.InDelta(t, 25, alive["lima"], 1)
		require.Equal(t, []verifier.PullCode{verifier.PullOK, verifier.PullUnreachable}, codesOf(record, "lima"))
		require.Equal(t, []verifier.PullCode{verifier.PullOK}, codesOf(record, "paris"))

		// lima went on by itself. What it saw comes with the next pull, and counts where it was seen.
		time.Sleep(time.Until(began.Add(5 * time.Hour)))
		watchIn(t.Context(), t, trial, local)
		record = merged(t, trial)
		share, alive = shares(record, 2)
		require.Equal(t, verifier.Share{Up: 55, Down: 5}, share)
		require.InDelta(t, 60, alive["lima"], 1)
		require.Equal(t, 55, alive["local"])
	})
}

// TestVantageGoesOnAlone: the trial's machine is away for a while, and the vantage for another.
func TestVantageGoesOnAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		healthy := &world{vspDown: never, nodeDown: never}
		trial := testTrial(t, time.Minute, 80*time.Minute)
		net := newCable(t, trial)
		paris := newOutpost(t, trial, "paris", healthy)
		stop := paris.start(t, net.listen("paris"))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute+30*time.Second)
		watchIn(ctx, t, trial, healthy)
		cancel()
		time.Sleep(20 * time.Minute)
		go func() {
			time.Sleep(10*time.Minute + 10*time.Second)
			stop()
			time.Sleep(20 * time.Minute)
			stop = paris.start(t, net.listen("paris"))
		}()
		watchIn(t.Context(), t, trial, healthy)
		stop()

		record := merged(t, trial)
		share, alive := shares(record, 1)
		require.Equal(t, verifier.Share{Up: 80}, share)
		require.InDelta(t, 60, alive["local"], 2)
		require.InDelta(t, 60, alive["paris"], 2)
		require.Equal(t, []verifier.PullCode{verifier.PullOK, verifier.PullUnreachable, verifier.PullOK}, codesOf(record, "paris"))
		slots := make(map[time.Time]int) // none is watched twice
		for _, o := range record.Seen {
			if o.Kind == verifier.KindNode && o.Vantage == "paris" {
				slots[o.At.Truncate(time.Minute)]++
			}
		}
		for at, n := range slots {
			require.LessOrEqual(t, n, 2, "at %v: the look and one that parts", at)
		}
	})
}

// TestTwoHistories: a vantage that comes back with another journal under the same key has its name on it, and nothing that it
// says from then on counts.
func TestTwoHistories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		healthy := &world{vspDown: never, nodeDown: never}
		trial := testTrial(t, time.Minute, 75*time.Minute)
		net := newCable(t, trial)
		paris := newOutpost(t, trial, "paris", healthy)
		stop := paris.start(t, net.listen("paris"))
		go func() {
			time.Sleep(30*time.Minute + 10*time.Second)
			stop()
			paris.setup.Journal += "2"
			paris.world = &world{vspDown: func(time.Time) bool { return true }, nodeDown: never}
			stop = paris.start(t, net.listen("paris"))
		}()
		watchIn(t.Context(), t, trial, healthy)
		record := merged(t, trial)
		share, alive := shares(record, 1)
		require.Equal(t, verifier.Share{Up: 75}, share, "nothing of the second history counts")
		require.InDelta(t, 30, alive["paris"], 1)
		codes := codesOf(record, "paris")
		require.Equal(t, []verifier.PullCode{verifier.PullOK, verifier.PullBehind, verifier.PullRewritten}, codes)
		last := record.Witness("paris").Rewritten()
		shown, err := paris.key.Public().Open(last.Proof)
		require.NoError(t, err)
		require.Greater(t, shown.Size, last.Entries, "the checkpoint that proves it is kept")

		count := len(record.Witness("paris").Pulls)
		watchIn(t.Context(), t, trial, healthy)
		require.Len(t, merged(t, trial).Witness("paris").Pulls, count, "nobody asks it again")
		stop()
	})
}

// TestVantageWithAWrongClock: what it sees is not counted while its clock is off by more than a slot.
func TestVantageWithAWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		trial := testTrial(t, time.Minute, 2*time.Hour)
		net := newCable(t, trial)
		paris := newOutpost(t, trial, "paris", &world{vspDown: between(began, 40*time.Minute, 60*time.Minute), nodeDown: never})
		wrong := between(began, 30*time.Minute, 80*time.Minute)
		paris.now = func() time.Time {
			if now := time.Now(); wrong(now) {
				return now.Add(3 * time.Minute)
			}
			return time.Now()
		}
		defer paris.start(t, net.listen("paris"))()
		watchIn(t.Context(), t, trial, &world{vspDown: never, nodeDown: between(began, 20*time.Minute, 2*time.Hour)})
		record := merged(t, trial)
		share, alive := shares(record, 1)
		require.Equal(t, 0, share.Down)
		// Its slots 30 to 79 do not count; and when its clock is set back, it waits for the slot after the last one it watched.
		require.InDelta(t, 67, alive["paris"], 2)
		require.InDelta(t, 53, share.Unknown, 2)
		off := 0
		for _, p := range record.Witness("paris").Pulls {
			if p.ClockOff != 0 {
				require.Equal(t, 3*time.Minute, p.ClockOff)
				off++
			}
		}
		require.NotZero(t, off)
	})
}

// TestStrangersAreRefused: a vantage that is not the one whose key was told, and a trial that is not.
func TestStrangersAreRefused(t *testing.T) {
	for _, side := range []string{"vantage", "trial"} {
		synctest.Test(t, func(t *testing.T) {
			healthy := &world{vspDown: never, nodeDown: never}
			trial := testTrial(t, time.Minute, 10*time.Minute)
			net := newCable(t, trial)
			paris := newOutpost(t, trial, "paris", healthy)
			other, err := link.CreateKey(filepath.Join(t.TempDir(), "other.key"))
			require.NoError(t, err)
			if side == "vantage" {
				paris.own = other
			} else {
				trial.link = other
			}
			defer paris.start(t, net.listen("paris"))()
			watchIn(t.Context(), t, trial, healthy)
			record := merged(t, trial)
			require.Equal(t, []verifier.PullCode{verifier.PullUnreachable}, codesOf(record, "paris"))
			share, alive := shares(record, 1)
			require.Equal(t, verifier.Share{Up: 10}, share)
			require.NotContains(t, alive, "paris")
			if side == "vantage" {
				require.Contains(t, record.Witness("paris").Pulls[0].Detail, link.ErrStranger.Error())
			}
		})
	}
}

// TestVantageOfAnotherTrial says what does not agree.
func TestVantageOfAnotherTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		healthy := &world{vspDown: never, nodeDown: never}
		first := testTrial(t, time.Minute, 10*time.Minute)
		net := newCable(t, first)
		paris := newOutpost(t, first, "paris", healthy)
		defer paris.start(t, net.listen("paris"))()
		watchIn(t.Context(), t, first, healthy)

		second := testTrial(t, time.Minute, 10*time.Minute) // of the same name, begun later
		second.link, second.vantages, second.dial = first.link, first.vantages, first.dial
		watchIn(t.Context(), t, second, healthy)
		record := merged(t, second)
		require.Equal(t, []verifier.PullCode{verifier.PullRefused}, codesOf(record, "paris"))
		require.Contains(t, record.Witness("paris").Pulls[0].Detail, "here it began at")
		_, alive := shares(record, 1)
		require.Equal(t, map[string]int{"local": 10}, alive)
	})
}

// TestPlanChanges: what is planned otherwise the vantage takes up.
func TestPlanChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		healthy := &world{vspDown: never, nodeDown: never, takes: 12 * time.Second}
		trial := testTrial(t, time.Minute, time.Hour)
		net := newCable(t, trial)
		paris := newOutpost(t, trial, "paris", healthy)
		defer paris.start(t, net.listen("paris"))()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		watchIn(ctx, t, trial, healthy)
		cancel()
		trial.policy.TargetLatency = 3 * time.Second
		watchIn(t.Context(), t, trial, healthy)
		counted := make(map[verifier.Code]int)
		for _, o := range merged(t, trial).Seen {
			if o.Kind == verifier.KindInfo && o.Vantage == "paris" {
				counted[o.Code]++
			}
		}
		require.InDelta(t, 20, counted[verifier.Slow], 2, fmt.Sprint(counted))
		require.InDelta(t, 40, counted[verifier.OK], 2, fmt.Sprint(counted))
	})
}
