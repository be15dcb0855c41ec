package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// logged is a log whose lines are kept.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// lines returns the lines that have a word.
func (l *logged) lines(word string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var with []string
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, word) {
			with = append(with, line)
		}
	}
	return with
}

// TestCompanionTellsOfAnOutage goes along with a trial in which the VSP is down for half an hour: a line as the warning begins
// for each endpoint, one as it ends, and the metrics to match. Until the journal is there nothing is known, and that is said once.
func TestCompanionTellsOfAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trial := testTrial(t, time.Minute, 7*24*time.Hour)
		_, err := trial.createKey()
		require.NoError(t, err)
		c, err := newCourse(trial)
		require.NoError(t, err)
		c.account = chainOf(20, 500)
		said := new(logged)
		with := newCompanion(c, time.Now().Add(3*time.Minute+lead), slog.New(slog.NewTextHandler(said, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { c.askChain(ctx, func() {}) })
		group.Go(func() { with.run(ctx) })
		time.Sleep(3 * time.Minute)
		require.Len(t, said.lines("warnings and metrics stand still"), 1)

		down := between(time.Now(), 2*time.Hour, 2*time.Hour+30*time.Minute)
		group.Go(func() { watchIn(ctx, t, trial, &world{vspDown: down, nodeDown: never, takes: time.Second}) })
		time.Sleep(2 * time.Hour)
		require.Empty(t, said.lines("level=WARN msg=/"))
		time.Sleep(20 * time.Minute)
		require.Len(t, said.lines("level=WARN msg=\"/ was down in"), 1)
		require.Len(t, said.lines("level=WARN msg=\"/api/v3/vspinfo was down in"), 1)
		time.Sleep(time.Hour)
		require.Len(t, said.lines("warning=burn"), 4, "two began, two ended")
		require.Len(t, said.lines("no longer: "), 2)

		w := httptest.NewRecorder()
		with.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		for _, want := range []string{`vspverify_slots_total{endpoint="/",state="down"} 30`, `vspverify_votes_made_total 20`,
			`vspverify_warnings{kind="burn"} 0`, `vspverify_rounds_late_total{vantage="local"} 0`, `vspverify_ledger_up 1`} {
			require.Contains(t, w.Body.String(), want+"\n")
		}
		cancel()
		group.Wait()
	})
}

// TestCompanionHarmsNothing: a chain that cannot be asked and a journal that is not there leave the trial alone.
func TestCompanionHarmsNothing(t *testing.T) {
	trial := testTrial(t, time.Minute, time.Hour)
	trial.MetricsListen = "127.0.0.1:1:1"
	_, err := trial.createKey()
	require.NoError(t, err)
	_, _, err = trial.accompany(t.Context(), time.Now(), nil, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "listen for metrics")

	trial.MetricsListen = "127.0.0.1:0"
	said := new(logged)
	_, stop, err := trial.accompany(t.Context(), time.Now(), nil, slog.New(slog.NewTextHandler(said, nil)))
	require.NoError(t, err)
	eventually(t, "the trouble to be told of", func() bool { return len(said.lines("stand still")) == 1 })
	stop()
}
