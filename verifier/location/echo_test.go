package location

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestOurOwnHalt: a keepalive that was under way while our own clock stood still makes no host seem nearer.
func TestOurOwnHalt(t *testing.T) {
	const trip = 100 * time.Millisecond
	kept := unhalted([]time.Duration{trip, trip + 1, 2 * time.Millisecond, trip + 2})
	halted := Sight{Keepalive: newTrips(kept), Nonce: newTrips([]time.Duration{time.Millisecond, 20 * time.Millisecond, trip})}
	counted, ok := halted.RoundTrip()
	require.True(t, ok)
	require.Equal(t, trip, counted)
	require.Equal(t, 3, halted.Keepalive.Count)
	require.Empty(t, unhalted([]time.Duration{trip}), "of one alone nobody knows")
}
