package server

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// However many clients there are, and however much some of them ask, counting them takes the same memory, and a newcomer is
// not taken for one of them.
func TestCountsOfManyClients(t *testing.T) {
	c := newCounts()
	c.Config(0, time.Minute)
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	key := func(i int) string { return string(binary.LittleEndian.AppendUint64(nil, uint64(i))) }
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const clients = 300_000 // in a minute: 5,000 requests a second
	for i := range clients {
		require.NoError(t, c.Increment(key(i), now))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(1<<20))
	runtime.KeepAlive(c)

	for i := range 300 {
		require.NoError(t, c.IncrementBy(key(-1-i), now, 1000))
	}
	highest, mistaken := 0, 0
	for i := clients; i < clients+10_000; i++ {
		n, _, err := c.Get(key(i), now, now.Add(-time.Minute))
		require.NoError(t, err)
		if n >= 1000 {
			mistaken++
			continue
		}
		highest = max(highest, n)
	}
	require.Less(t, highest, 20)
	require.Less(t, mistaken, 10, "newcomers share a counter with one of those who ask much")
}

// No client is counted too few requests, in this window or the one before; and with few clients none too many.
func TestCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCounts()
		c.Config(0, time.Minute)
		first := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		asked := map[time.Time]map[string]int{}
		for window, end := 0, rapid.IntRange(1, 6).Draw(t, "windows"); window < end; window += rapid.IntRange(1, 3).Draw(t, "later") {
			now := first.Add(time.Duration(window) * time.Minute)
			asked[now] = map[string]int{}
			for range rapid.IntRange(0, 20).Draw(t, "requests") {
				client := fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "client"))
				require.NoError(t, c.Increment(client, now))
				asked[now][client]++
			}
			before := now.Add(-time.Minute)
			for _, client := range []string{"1", "2", "3"} {
				n, earlier, err := c.Get(client, now, before)
				require.NoError(t, err)
				require.Equal(t, []int{asked[now][client], asked[before][client]}, []int{n, earlier})
			}
		}
	})
}

func TestCountsClock(t *testing.T) {
	c := newCounts()
	c.Config(0, time.Minute)
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	count := func(window time.Time) int {
		require.NoError(t, c.Increment("x", window))
		n, _, err := c.Get("x", window, window.Add(-time.Minute))
		require.NoError(t, err)
		return n
	}
	require.Equal(t, 1, count(now))
	require.Equal(t, 2, count(now.Add(-time.Minute)), "a latecomer is counted in this window")
	require.Equal(t, 1, count(now.Add(-time.Hour)), "a clock that was set back begins anew")
}
