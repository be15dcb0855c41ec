package server_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/storetest"
	"scrutineer/vsp/vsptest"
)

// slowStore counts how often it is asked for its position, and answers after a while, or never if that is 0.
type slowStore struct {
	storetest.Memory
	after time.Duration
	err   error // if set, is the answer, at once
	asked atomic.Int64
}

func (s *slowStore) Position(ctx context.Context) (vsp.Position, error) {
	s.asked.Add(1)
	if s.err != nil {
		return vsp.Position{}, s.err
	}
	if s.after == 0 {
		<-ctx.Done()
		return vsp.Position{}, ctx.Err()
	}
	time.Sleep(s.after)
	return s.Memory.Position(ctx)
}

func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{after: time.Second}
		r := newRig(t, func(r *rig) { r.store = store })
		alive := func() (status int, body string) {
			answer := r.do(http.MethodGet, "/healthz", nil)
			return answer.StatusCode, text(t, answer)
		}
		expect := func(status int, body string, took time.Duration) {
			t.Helper()
			start := time.Now()
			s, b := alive()
			require.Equal(t, []any{status, body, took}, []any{s, b, time.Since(start)})
		}
		expect(http.StatusOK, "ok", time.Second)
		expect(http.StatusOK, "ok", 0) // what was just heard
		time.Sleep(time.Second)
		expect(http.StatusOK, "ok", time.Second)
		require.EqualValues(t, 2, store.asked.Load())

		time.Sleep(time.Second)
		store.after = 0
		for range 50 {
			go alive()
		}
		expect(http.StatusServiceUnavailable, "the database does not answer", 2*time.Second)
		synctest.Wait()
		require.EqualValues(t, 3, store.asked.Load())

		time.Sleep(time.Second)
		store.after = 1900 * time.Millisecond
		expect(http.StatusOK, "ok", 1900*time.Millisecond)
		time.Sleep(time.Second)
		store.err = errors.New("disk is gone")
		expect(http.StatusServiceUnavailable, "the database does not answer", 0)
		require.Contains(t, r.log.String(), "disk is gone")
	})
}

// A database driver that does not heed its deadline holds up nobody, and is not asked again meanwhile.
func TestAliveHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{after: time.Minute}
		r := newRig(t, func(r *rig) { r.store = store })
		for range 5 {
			start := time.Now()
			require.Equal(t, http.StatusServiceUnavailable, r.do(http.MethodGet, "/healthz", nil).StatusCode)
			require.Equal(t, 2*time.Second, time.Since(start))
		}
		require.EqualValues(t, 1, store.asked.Load())
		time.Sleep(time.Minute)
	})
}

// seen is a rig whose node and wallets are looked at when it asks for that. It must be made in a bubble of synctest.
func seen(t *testing.T, change ...func(*rig)) *rig {
	node := new(vsptest.Node)
	node.Set(vsp.Standing{Tip: vsp.Tip{Position: vsp.Position{Height: height}}, TipTime: now, Peers: 8}, nil)
	sound := func(r *rig) {
		r.voters.Wallets = []vsp.VoterState{soundWallet("one"), soundWallet("two")}
		r.config.Node, r.config.Gate, r.node = node, vsp.Gate{Wallets: 2, MinPeers: 1}, node
	}
	r := newRig(t, append([]func(*rig){sound}, change...)...)
	r.look()
	return r
}

func soundWallet(name string) vsp.VoterState {
	return vsp.VoterState{Name: name, Height: height, Seen: now, Unlocked: true, Voting: true, NodeConnected: true, VoteVersion: 12}
}

// look has the Service look at node and wallets.
func (r *rig) look() {
	ctx, stop := context.WithCancel(r.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.service.Run(ctx) }()
	synctest.Wait()
	stop()
	<-done
}

func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := seen(t)
		answer := r.do(http.MethodGet, "/readyz", nil)
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Equal(t, "application/json; charset=utf-8", answer.Header.Get("Content-Type"))
		require.Equal(t, `{"ready":true,"reasons":[]}`, text(t, answer))
		require.Equal(t, http.StatusOK, r.do(http.MethodHead, "/readyz", nil).StatusCode)
		closed(r)
		require.Equal(t, http.StatusOK, r.do(http.MethodGet, "/readyz", nil).StatusCode, "it does what its operator wants")

		r.voters.Wallets[1].Problem = vsp.Locked
		r.node.Set(vsp.Standing{}, errAway)
		r.look()
		answer = r.do(http.MethodGet, "/readyz", nil)
		require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
		body := text(t, answer)
		require.Regexp(t, `^{"ready":false,"reasons":\[{"code":"node_away","text":".+"},{"code":"too_few_wallets","text":".+"}\]}$`, body)
		require.NotContains(t, body, errAway.Error())
	})
}

func TestPrivate(t *testing.T) {
	r := newRig(t, limited(1), func(r *rig) {
		r.front.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("vsp_up 1\n")) })
	})
	private := r.Private()
	get := func(h http.Handler, method, path string) *http.Response {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w.Result()
	}
	for path, want := range map[string]string{"/metrics": "vsp_up 1\n", "/healthz": "ok", "/readyz": `{"ready":true,"reasons":[]}`} {
		for range 3 {
			answer := get(private, http.MethodGet, path)
			require.Equal(t, http.StatusOK, answer.StatusCode, path)
			require.Equal(t, want, text(t, answer))
		}
	}
	require.Equal(t, http.StatusNotFound, get(private, http.MethodGet, "/api/v3/vspinfo").StatusCode)
	require.Equal(t, http.StatusNotFound, get(r.Server, http.MethodGet, "/metrics").StatusCode, "not the public's business")
	require.Equal(t, http.StatusNotFound, get(newRig(t).Private(), http.MethodGet, "/metrics").StatusCode)
}
