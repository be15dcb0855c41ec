package location

import (
	"fmt"
	"math"
	"time"
)

// leastTrip is the shortest round trip that a vantage can be asked to have, in ms: that of a neighbour in the same city.
const leastTrip = 0.5

// ms writes a duration in milliseconds.
func ms(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()*1000) }

// advice says which further vantage would settle whether two hosts are apart.
func (e Evidence) advice(a, b placed) string {
	if a.clash != nil || b.clash != nil {
		return "First find out which vantage is not where it says."
	}
	alone := max(budget(e, a, b), budget(e, b, a))
	both := (atLeast(claim(a.host), claim(b.host)) - 2*Blur - e.Apart) / KmPerMs / 2
	switch {
	case alone >= leastTrip && alone == budget(e, a, b):
		return settled(a, alone)
	case alone >= leastTrip:
		return settled(b, alone)
	case both >= leastTrip:
		return fmt.Sprintf("Two vantages would settle it: one within %s ms of %s (%s), and one as near to %s (%s).",
			floor(both), a.host.Name, a.host.Place, b.host.Name, b.host.Place)
	default:
		return fmt.Sprintf("Their claimed places, %s and %s, are too near each other for light to prove %.0f km: no vantage would settle it.",
			a.host.Place, b.host.Place, e.Apart)
	}
}

func settled(p placed, trip float64) string {
	return fmt.Sprintf("A vantage within %s ms of %s (%s) would settle it.", floor(trip), p.host.Name, p.host.Place)
}

// floor writes milliseconds so that they still suffice.
func floor(trip float64) string { return fmt.Sprintf("%.1f", math.Floor(trip*10)/10) }

// budget returns how many ms a new vantage at a host's claimed place may be away from it, so that with what was measured of
// the other the two are proven apart. It is negative where no vantage suffices.
func budget(e Evidence, at, other placed) float64 {
	best := -1.0
	for _, d := range other.discs {
		if d.vantage.Point == nil {
			continue
		}
		// The claim, and where the vantage then stands, may each be off.
		best = max(best, (atLeast(claim(at.host), *d.vantage.Point)-2*Blur-d.radius-e.Apart)/KmPerMs)
	}
	return best
}
