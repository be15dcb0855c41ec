package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/cmd/configfile"
	"scrutineer/verifier"
	"scrutineer/verifier/probe"
	"scrutineer/vsp/network"
	"scrutineer/vsp/vspapi"
)

var (
	signingKey = ed25519.NewKeyFromSeed([]byte("a key of nobody, for tests alone"))
	publicKey  = signingKey.Public().(ed25519.PublicKey)
)

// info is what a VSP in order says of itself, signed.
func info(height uint32, voted int64) (body []byte, signature string) {
	body, err := json.Marshal(vspapi.Info{APIVersions: []int64{3}, Timestamp: time.Now().Unix(), PubKey: publicKey, Network: "simnet",
		BlockHeight: height, Voted: voted, VotingWalletsOnline: 3, TotalVotingWallets: 3})
	if err != nil {
		panic(err)
	}
	return body, vspapi.Sign(signingKey, body)
}

// world is a VSP and a node of ours, in which time costs nothing.
type world struct {
	vspDown  func(time.Time) bool
	nodeDown func(time.Time) bool
	takes    time.Duration    // each answer of the VSP
	clock    func() time.Time // ours; nil: time.Now
}

// RoundTrip answers for the VSP.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	down := w.vspDown(time.Now())
	// Timers that have run out when they are made, of several goroutines in one bubble, kill the race detector
	// (golang.org/issue/78156).
	if w.takes > 0 {
		select {
		case <-time.After(w.takes):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if down {
		return nil, errors.New("connection reset")
	}
	if r.URL.Path == "/" {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}},
			Body: io.NopCloser(strings.NewReader("<p>A VSP."))}, nil
	}
	body, signature := info(100, 0)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{http.CanonicalHeaderKey(vspapi.ServerSignature): {signature}},
		Body: io.NopCloser(strings.NewReader(string(body)))}, nil
}

func (w *world) BestBlock(context.Context) (int64, chainhash.Hash, error) {
	return 100, chainhash.Hash{}, w.nodeErr()
}
func (w *world) PeerCount(context.Context) (int, error) { return 1, w.nodeErr() }
func (w *world) BlockHash(context.Context, int64) (chainhash.Hash, error) {
	profile, err := network.Lookup("simnet")
	return profile.Params.GenesisHash, errors.Join(err, w.nodeErr())
}

func (w *world) nodeErr() error {
	if w.nodeDown(time.Now()) {
		return errors.New("gone")
	}
	return nil
}

// silence hears nothing.
type silence struct{}

func (silence) Keep(context.Context) error   { return nil }
func (silence) Take() []verifier.Observation { return nil }

func never(time.Time) bool { return false }

// testTrial is a trial whose files are in a folder of the test.
func testTrial(t *testing.T, slot, whole time.Duration) *trial {
	profile, err := network.Lookup("simnet")
	require.NoError(t, err)
	c := defaults()
	dir := t.TempDir()
	c.URL = "http://vsp.example.org"
	c.Name, c.Journal, c.JournalKey = "vsp.example.org", filepath.Join(dir, "journal"), filepath.Join(dir, "journal.key")
	c.AlertDrill = filepath.Join(dir, "alert-drill.jsonl")
	c.Slot, c.Duration = configfile.Duration(slot), configfile.Duration(whole)
	return &trial{config: c, policy: verifier.DefaultPolicy(), target: verifier.Target{Name: c.Name, URL: c.URL, PubKey: publicKey, Network: profile}}
}

// watchIn watches a world from now on, as if vspverify had been started, until ctx ends or the trial is over.
func watchIn(ctx context.Context, t *testing.T, trial *trial, w *world) {
	require.NoError(t, watchOut(ctx, t, trial, w))
}

// watchOut is watchIn where the watch may end in an error.
func watchOut(ctx context.Context, t *testing.T, trial *trial, w *world) error {
	book, _, err := trial.openJournal()
	require.NoError(t, err)
	record, err := trial.begin(book)
	require.NoError(t, err)
	now := time.Now
	if w.clock != nil {
		now = w.clock
	}
	watcher := newWatcher(book, slog.New(slog.DiscardHandler), silence{}, &probe.Vantage{Name: localVantage,
		Target: trial.target, Policy: trial.policy, Node: w, HTTP: &http.Client{Transport: w}, Slot: time.Duration(trial.Slot), Now: now})
	watcher.files = trial.follow(record)
	require.NoError(t, trial.beforeMeasuring(watcher, record))
	ctx, surveyed, err := trial.survey(ctx, watcher, record.Plan, nil)
	require.NoError(t, err)
	watcher.ending = []func() error{surveyed}
	return errors.Join(trial.watchAll(ctx, watcher, record), watcher.end(), book.Close())
}

// sharesOf counts the slots of the trial's endpoints, which are up and down together.
func sharesOf(t *testing.T, trial *trial) (verifier.Window, verifier.Share) {
	s, err := trial.readJournal()
	require.NoError(t, err)
	w := s.Window()
	all := verifier.Uptimes(w, s.Seen, s.Beats, 1)
	require.Len(t, all, 2)
	require.Equal(t, all[0].Share(), all[1].Share())
	return w, all[0].Share()
}

func TestEverySlotIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trial := testTrial(t, time.Minute, 12*time.Hour)
		watchIn(t.Context(), t, trial, &world{vspDown: never, nodeDown: never, takes: 9 * time.Second})
		w, share := sharesOf(t, trial)
		require.True(t, w.Complete())
		require.Equal(t, verifier.Share{Up: 720}, share)
	})
}

func TestOutagesAreExactToTheSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		between := func(from, to time.Duration) func(time.Time) bool {
			return func(at time.Time) bool { return at.Sub(began) >= from && at.Sub(began) < to }
		}
		trial := testTrial(t, time.Minute, 2*time.Hour)
		watchIn(t.Context(), t, trial, &world{vspDown: between(10*time.Minute, 25*time.Minute), nodeDown: between(20*time.Minute, 40*time.Minute)})
		_, share := sharesOf(t, trial)
		require.Equal(t, verifier.Share{Up: 90, Down: 10, Unknown: 20}, share)
	})
}

func TestSlowIsDownAndSlowerDoesNotCostASlot(t *testing.T) {
	for takes, want := range map[time.Duration]verifier.Share{
		10 * time.Second: {Up: 60}, 10*time.Second + 1: {Down: 60}, time.Hour: {Down: 60},
	} {
		synctest.Test(t, func(t *testing.T) {
			trial := testTrial(t, time.Minute, time.Hour)
			watchIn(t.Context(), t, trial, &world{vspDown: never, nodeDown: never, takes: takes})
			_, share := sharesOf(t, trial)
			require.Equal(t, want, share, "%v", takes)
		})
	}
}

func TestStopAndGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trial := testTrial(t, time.Minute, time.Hour)
		healthy := &world{vspDown: never, nodeDown: never, takes: time.Second}
		for _, stop := range []time.Duration{10*time.Minute + 500*time.Millisecond, 20 * time.Minute} { // once amid a round, once between
			ctx, cancel := context.WithTimeout(t.Context(), stop)
			watchIn(ctx, t, trial, healthy)
			cancel()
			w, _ := sharesOf(t, trial)
			require.False(t, w.Complete())
			time.Sleep(5 * time.Minute)
		}
		watchIn(t.Context(), t, trial, healthy)
		w, share := sharesOf(t, trial)
		require.True(t, w.Complete())
		require.Zero(t, share.Down)
		require.Equal(t, 60, share.Up+share.Unknown)
		require.InDelta(t, 10, share.Unknown, 2, "two times five minutes, and what was interrupted")

		watchIn(t.Context(), t, trial, healthy)
		_, again := sharesOf(t, trial)
		require.Equal(t, share, again, "a trial that is over stays as it is")
	})
}

func TestUntilStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trial := testTrial(t, time.Minute, 0)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Minute)
		defer cancel()
		watchIn(ctx, t, trial, &world{vspDown: never, nodeDown: never})
		w, share := sharesOf(t, trial)
		require.True(t, w.Complete())
		require.Equal(t, verifier.Share{Up: 99}, share, "the last slot was not over")
	})
}

func TestJournalOfAnotherTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trial := testTrial(t, time.Minute, time.Hour)
		watchIn(t.Context(), t, trial, &world{vspDown: never, nodeDown: never})
		for name, change := range map[string]func(){
			"key":  func() { trial.target.PubKey = make([]byte, 32) },
			"URL":  func() { trial.URL = "https://other.example.org" },
			"slot": func() { trial.Slot = configfile.Duration(time.Second) },
		} {
			was := *trial
			change()
			_, err := trial.readJournal()
			require.ErrorContains(t, err, "another trial", name)
			*trial = was
		}
		_, err := trial.readJournal()
		require.NoError(t, err)
	})
}
