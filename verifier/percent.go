package verifier

import (
	"fmt"
	"math"
)

// Percent writes a share of 1 in percent, with two decimals and rounded down, so that what is below a limit never looks as if it
// were not.
func Percent(share float64) string { return fmt.Sprintf("%.2f", math.Floor(share*10000+1e-9)/100) }

// PercentUp is Percent rounded up: a bound never looks tighter than it is.
func PercentUp(share float64) string { return fmt.Sprintf("%.2f", math.Ceil(share*10000-1e-9)/100) }

// PercentBrief is Percent, but all of it is written without decimals.
func PercentBrief(share float64) string {
	if share >= 1 {
		return "100"
	}
	return Percent(share)
}

// percent and percentUp are these with their sign, as they stand in sentences.
func percent(share float64) string   { return Percent(share) + " %" }
func percentUp(share float64) string { return PercentUp(share) + " %" }
