package probe

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/vsp/vspapi"
)

// TestOurClockIsSet: a statement that fits our clock as it was before it was set is not held against the VSP, and one that
// fits neither is.
func TestOurClockIsSet(t *testing.T) {
	tests := []struct {
		name                  string
		off, strayed, stamped time.Duration
		want                  verifier.Code
	}{
		{"set forward", 10 * time.Minute, 10 * time.Minute, 0, verifier.OurClock},
		{"set back", -10 * time.Minute, -10 * time.Minute, 0, verifier.OurClock},
		{"set right, after it was wrong", 0, 10 * time.Minute, 0, verifier.OK},
		{"set forward, and the statement is old by more", 10 * time.Minute, 10 * time.Minute, -10 * time.Minute, verifier.StaleAnswer},
		{"never set", 0, 0, -10 * time.Minute, verifier.StaleAnswer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(stating(func(i *vspapi.Info) { i.Timestamp += int64(test.stamped.Seconds()) }))
			defer server.Close()
			v := vantage(t, server.URL)
			v.Now = func() time.Time { return time.Now().Add(test.off) }
			v.Strayed = func() time.Duration { return test.strayed }
			o := of(t, v.Round(t.Context()), verifier.KindInfo)
			require.Equal(t, test.want, o.Code, o.Detail)
		})
	}
}
