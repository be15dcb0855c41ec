package verifier

import (
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// upperBound returns the one-sided Clopper-Pearson bound: the largest miss rate at which missing no more than missed of n
// votes would still happen with a probability of 1-confidence (Clopper and Pearson, Biometrika 26, 1934).
func upperBound(missed, n int, confidence float64) float64 {
	if missed >= n {
		return 1
	}
	return distuv.Beta{Alpha: float64(missed + 1), Beta: float64(n - missed)}.Quantile(confidence)
}

// maxNeeded bounds the search for how many votes a claim needs.
const maxNeeded = 1 << 22

// votesNeeded returns the fewest votes with which missed misses are within the limit, and whether any number is.
func votesNeeded(missed int, limit, confidence float64) (int, bool) {
	n := sort.Search(maxNeeded, func(n int) bool { return upperBound(missed, n, confidence) <= limit })
	return n, n < maxNeeded
}
