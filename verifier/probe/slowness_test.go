package probe

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
)

// Who is slow is told by sites that have nothing to do with the target.
func TestWhoIsSlow(t *testing.T) {
	serve := func(d time.Duration) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			pause(r, d)
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<p>A page."))
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	const latency = 200 * time.Millisecond
	quick, sluggish, gone := serve(0), serve(latency+100*time.Millisecond), "http://127.0.0.1:1"
	for name, test := range map[string]struct {
		controls []string
		want     verifier.Code
	}{
		"nobody to compare with":   {nil, verifier.Slow},
		"others are quick":         {[]string{quick}, verifier.Slow},
		"others are slow":          {[]string{sluggish}, verifier.WaySlow},
		"one of them is quick":     {[]string{sluggish, quick}, verifier.Slow},
		"others do not answer":     {[]string{gone}, verifier.Slow}, // such a slot is unknown anyhow
		"one is slow and one gone": {[]string{gone, sluggish}, verifier.WaySlow},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := vantage(t, serve(verifier.SlowFactor*latency+100*time.Millisecond))
			v.Policy.TargetLatency, v.Slot, v.Controls = latency, 10*time.Second, test.controls
			o := of(t, v.Round(t.Context()), verifier.KindSite)
			require.Equal(t, test.want, o.Code, "%s", o.Detail)
		})
	}
	require.Equal(t, verifier.Unknown, verifier.WaySlow.State())
}
