package main

import (
	"context"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/verifier/votes"
)

// terminal keeps what is written to it.
type terminal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

// all returns everything written so far.
func (t *terminal) all() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// shown returns the screen as it was drawn last.
func (t *terminal) shown() string {
	screens := strings.Split(t.all(), toTop)
	return strings.NewReplacer(restOfLine, "", restOfAll, "", "\r", "").Replace(screens[len(screens)-1])
}

// TestDisplayGoesAlong shows a trial from before it begins: it follows the journal, takes up the chain when it comes, waits for
// nothing, and leaves the terminal as it was.
func TestDisplayGoesAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trial := testTrial(t, time.Minute, 7*24*time.Hour)
		key, err := trial.createKey()
		require.NoError(t, err)
		require.NotZero(t, key)
		c, err := newCourse(trial)
		require.NoError(t, err)
		var asked atomic.Int64
		var reachable atomic.Bool
		c.account = func(ctx context.Context, q votes.Query) (votes.Ledger, *verifier.Census, error) {
			if asked.Add(1); !reachable.Load() {
				<-ctx.Done() // as slow as a node can be
				return votes.Ledger{}, nil, ctx.Err()
			}
			return chainOf(7, 400)(ctx, q)
		}
		width, height := 80, 24
		out := new(terminal)
		d := &display{out: out, size: func() (int, int) { return width, height }, course: c, tick: time.Second}
		ctx, cancel := context.WithCancel(t.Context())
		ended, resized := make(chan error), make(chan os.Signal)
		go func() { ended <- d.run(ctx, resized) }()
		time.Sleep(10 * time.Second)
		require.Contains(t, out.shown(), "the trial has not begun")

		watching, stop := context.WithCancel(t.Context())
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			watchIn(watching, t, trial, &world{vspDown: never, nodeDown: never, takes: time.Second})
		}()
		time.Sleep(3*time.Minute + 10*time.Second)
		require.Contains(t, out.shown(), "3m of 7d")
		require.Contains(t, out.shown(), "the chain was not read yet")
		fits(t, out.shown(), width, height)
		time.Sleep(5 * time.Minute)
		require.Contains(t, out.shown(), "our own node is not available")
		reachable.Store(true)
		time.Sleep(30 * time.Minute)
		require.Contains(t, out.shown(), "7 made, 0 missed")
		require.LessOrEqual(t, asked.Load(), int64(6), "in 40 minutes")
		synctest.Wait()
		width, height = 100, 30
		resized <- syscall.SIGWINCH
		synctest.Wait()
		require.Contains(t, out.shown(), "last 39 slots")

		stop()
		<-watched
		time.Sleep(2 * time.Second)
		require.Contains(t, out.shown(), "stopped")
		cancel()
		require.NoError(t, <-ended)
		require.True(t, strings.HasPrefix(out.all(), enterScreen))
		require.True(t, strings.HasSuffix(out.all(), leaveScreen))
		require.Equal(t, 1, strings.Count(out.all(), leaveScreen))
	})
}

// TestDisplaySaysThatNothingIsWritten: run was killed, and the journal says nothing of that.
func TestDisplaySaysThatNothingIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trial := testTrial(t, time.Minute, 7*24*time.Hour)
		book, _, err := trial.openJournal()
		require.NoError(t, err)
		_, err = trial.begin(book)
		require.NoError(t, err)
		require.NoError(t, book.Close())
		c, err := newCourse(trial)
		require.NoError(t, err)
		c.account = chainOf(0, 0)
		time.Sleep(2 * time.Minute)
		require.NotContains(t, drawn(t, c, 80, 24), "Nothing was written")
		time.Sleep(2 * time.Minute)
		require.Contains(t, drawn(t, c, 80, 24), "Nothing was written for 4m: is vspverify run at work?")
	})
}
