package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
)

// brief is a lease that is waited for to run out: longer than any Store takes to answer on a machine that is not starved.
const brief = 300 * time.Millisecond

var leaseGuarantees = []guarantee{
	{"Lead gives the lease to one holder, who may renew it", func(t *testing.T, s vsp.Store) {
		require.True(t, lead(t, s, "a", time.Hour))
		require.False(t, lead(t, s, "b", time.Hour))
		for range 50 { // also where nothing changes by it, because the clock has not moved on
			require.True(t, lead(t, s, "a", time.Hour))
		}
		require.False(t, lead(t, s, "A", time.Hour), "a holder is known by its exact name")
		require.False(t, lead(t, s, "a ", time.Hour), "a holder is known by its exact name")
	}},
	{"A lease runs out by itself, and not before", func(t *testing.T, s vsp.Store) {
		start := time.Now()
		require.True(t, lead(t, s, "a", brief))
		succeed(t, s, "b")
		// A Store's clock may count whole milliseconds.
		require.GreaterOrEqual(t, time.Since(start), brief-time.Millisecond)
		require.False(t, lead(t, s, "a", time.Hour), "it has another holder now")
	}},
	{"Renewing a lease counts from then, also when it is to be shorter", func(t *testing.T, s vsp.Store) {
		require.True(t, lead(t, s, "a", time.Hour))
		start := time.Now()
		require.True(t, lead(t, s, "a", brief))
		succeed(t, s, "b")
		require.GreaterOrEqual(t, time.Since(start), brief-time.Millisecond)
	}},
	{"A lease that ran out is its holder's again if nobody took it", func(t *testing.T, s vsp.Store) {
		require.True(t, lead(t, s, "a", time.Millisecond))
		time.Sleep(2 * time.Millisecond) // so that it has run out, which cannot be asked without taking it
		require.True(t, lead(t, s, "a", time.Hour))
		require.False(t, lead(t, s, "b", time.Hour))
	}},
	{"Resign gives the lease back, and nobody else's", func(t *testing.T, s vsp.Store) {
		require.NoError(t, s.Resign(t.Context(), "a"), "there is none yet")
		require.True(t, lead(t, s, "a", time.Hour))
		require.NoError(t, s.Resign(t.Context(), "b"))
		require.False(t, lead(t, s, "b", time.Hour))
		require.NoError(t, s.Resign(t.Context(), "a"))
		require.True(t, lead(t, s, "b", time.Hour))
		require.False(t, lead(t, s, "a", time.Hour))
		require.NoError(t, s.Resign(t.Context(), "a"))
		require.False(t, lead(t, s, "a", time.Hour))
	}},
	{"Of those who want the lease at once exactly one gets it", func(t *testing.T, s vsp.Store) {
		const holders = 8
		got, errs := make([]bool, holders), make([]error, holders)
		together(holders, func(n int) {
			got[n], errs[n] = s.Lead(t.Context(), string(rune('a'+n)), time.Hour)
		})
		leaders := 0
		for n := range holders {
			require.NoError(t, errs[n])
			if got[n] {
				leaders++
			}
		}
		require.Equal(t, 1, leaders)
	}},
}

func lead(t *testing.T, s vsp.Store, holder string, d time.Duration) bool {
	t.Helper()
	leads, err := s.Lead(t.Context(), holder, d)
	require.NoError(t, err)
	return leads
}

// succeed waits until holder gets the lease that another has.
func succeed(t *testing.T, s vsp.Store, holder string) {
	t.Helper()
	require.Eventually(t, func() bool {
		leads, err := s.Lead(t.Context(), holder, time.Hour)
		return err == nil && leads
	}, 20*time.Second, brief/20, "the lease did not run out")
}
