package verifier

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

func TestUpperBound(t *testing.T) {
	tests := []struct {
		missed, n int
		want      float64
	}{
		{0, 0, 1}, {0, 10, 0.259}, {0, 30, 0.0951}, {0, 100, 0.0296}, {0, 300, 0.00994}, {5, 5, 1},
		{2, 312, 0.0200}, // by the binomial: P(at most 2 of 312 | 2.00 %) = 0.05
	}
	for _, test := range tests {
		require.InDelta(t, test.want, upperBound(test.missed, test.n, 0.95), 0.0006, "%d of %d", test.missed, test.n)
	}
}

// The bound is the rate at which so few misses would be just as unlikely as was agreed, counted by the binomial itself.
func TestUpperBoundIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 2000).Draw(t, "n")
		missed := rapid.IntRange(0, n-1).Draw(t, "missed")
		confidence := rapid.Float64Range(0.5, 0.999).Draw(t, "confidence")
		bound := upperBound(missed, n, confidence)
		require.InDelta(t, 1-confidence, distuv.Binomial{N: float64(n), P: bound}.CDF(float64(missed)), 1e-6)
		require.LessOrEqual(t, float64(missed)/float64(n), bound)
		require.LessOrEqual(t, upperBound(missed, n+1, confidence), bound, "one more vote made never makes it worse")
		require.LessOrEqual(t, bound, upperBound(missed+1, n+1, confidence), "one more missed never makes it better")
	})
}

func TestVotesNeeded(t *testing.T) {
	need, ok := votesNeeded(0, 0.01, 0.95)
	require.True(t, ok)
	require.Equal(t, int(math.Ceil(math.Log(0.05)/math.Log(0.99))), need) // 299
	require.LessOrEqual(t, upperBound(0, need, 0.95), 0.01)
	require.Greater(t, upperBound(0, need-1, 0.95), 0.01)
	_, ok = votesNeeded(0, 1e-9, 0.95)
	require.False(t, ok)
}

func TestPercentRoundsAgainstTheClaim(t *testing.T) {
	require.Equal(t, "98.99 %", percent(0.98999))
	require.Equal(t, "99.00 %", percent(0.99))
	require.Equal(t, "1.01 %", percentUp(0.010001))
	require.Equal(t, "1.00 %", percentUp(0.01))
}
