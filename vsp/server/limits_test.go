package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/server"
	"scrutineer/vsp/vspapi"
)

func limited(perMinute int) func(*rig) {
	return func(r *rig) {
		r.front.Limits = server.Limits{PerMinute: perMinute, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	}
}

// infoFrom asks for vspinfo and returns the status.
func (r *rig) infoFrom(remote string, header ...string) int {
	return r.from(remote, http.MethodGet, vspapi.PathInfo, nil, header...).StatusCode
}

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, limited(3))
		const client, other = "203.0.113.7:1", "203.0.113.8:1"
		for range 3 {
			require.Equal(t, http.StatusOK, r.infoFrom(client))
		}
		answer := r.from(client, http.MethodPost, vspapi.PathTicketStatus, nil)
		require.Equal(t, http.StatusTooManyRequests, answer.StatusCode)
		require.Equal(t, "60", answer.Header.Get("Retry-After"))
		require.JSONEq(t, `{"code":0,"message":"too many requests, try again in a minute"}`, string(r.content(answer)))

		page := r.from(client, http.MethodGet, "/", nil)
		require.Equal(t, http.StatusTooManyRequests, page.StatusCode)
		require.Equal(t, "text/plain", page.Header.Get("Content-Type"))
		require.Equal(t, "60", page.Header.Get("Retry-After"))
		require.Equal(t, http.StatusTooManyRequests, r.from(client, http.MethodGet, "/nothing", nil).StatusCode)
		require.Equal(t, http.StatusOK, r.from(client, http.MethodGet, "/readyz", nil).StatusCode, "health is for all to ask")
		require.Equal(t, http.StatusOK, r.infoFrom(other))

		time.Sleep(2 * time.Minute)
		require.Equal(t, http.StatusOK, r.infoFrom(client))
		time.Sleep(time.Hour)
		require.Equal(t, http.StatusOK, r.infoFrom(client))

		r.log.Reset()
		r.SetLimits(server.Limits{PerMinute: 1})
		require.Equal(t, http.StatusTooManyRequests, r.infoFrom(client), "what was asked before counts on")
		require.Contains(t, r.log.String(), "level=DEBUG", "a flood does not fill the log")
		require.NotContains(t, r.log.String(), "203.0.113")
		r.SetLimits(server.Limits{})
		for range 10 {
			require.Equal(t, http.StatusOK, r.infoFrom(client))
		}
	})
}

// What a client writes into X-Forwarded-For wins it nothing, whether it comes through the proxy or not.
func TestLimitSpoofed(t *testing.T) {
	for _, test := range []struct {
		name, remote string
		header       func(i int) []string // as it comes here
	}{
		{"direct", "203.0.113.7:1", func(i int) []string { return []string{fmt.Sprintf("198.51.100.%d", i)} }},
		{"proxy that appends", "127.0.0.1:1", func(i int) []string { return []string{fmt.Sprintf("198.51.100.%d, 203.0.113.7", i)} }},
		{"proxy that adds a line", "127.0.0.1:1", func(i int) []string { return []string{fmt.Sprintf("198.51.100.%d", i), "203.0.113.7"} }},
		{"addresses of one IPv6 network", "127.0.0.1:1", func(i int) []string { return []string{fmt.Sprintf("2001:db8:0:1:%x::1", i)} }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, limited(3))
			for i := range 5 {
				var header []string
				for _, line := range test.header(i) {
					header = append(header, "X-Forwarded-For", line)
				}
				want := http.StatusOK
				if i >= 3 {
					want = http.StatusTooManyRequests
				}
				require.Equal(t, want, r.infoFrom(test.remote, header...), "request %d", i)
			}
			require.Equal(t, test.remote != "127.0.0.1:1", strings.Contains(r.log.String(), "not believed"))
			require.LessOrEqual(t, strings.Count(r.log.String(), "not believed"), 1)
			require.Equal(t, http.StatusOK, r.infoFrom("127.0.0.1:1", "X-Forwarded-For", "203.0.113.8"))
			require.Equal(t, http.StatusOK, r.infoFrom("127.0.0.1:1", "X-Forwarded-For", "2001:db8:0:2::1"))
		})
	}
}

// hanging is requests whose bodies do not come to an end until they are let go.
type hanging struct {
	r       *rig
	release chan struct{}
	done    chan int // the status of each
}

func newHanging(r *rig) *hanging { return &hanging{r, make(chan struct{}), make(chan int, 1000)} }

func (h *hanging) Read([]byte) (int, error) {
	<-h.release
	return 0, io.ErrUnexpectedEOF
}

// start sends a request, with a body that begins so, and returns when the request is held up for good.
func (h *hanging) start(remote, path string, begin io.Reader) {
	go func() { h.done <- h.r.from(remote, http.MethodPost, path, io.MultiReader(begin, h)).StatusCode }()
	synctest.Wait()
}
