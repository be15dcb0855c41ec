package probe

import (
	"fmt"
	"slices"
	"time"

	"scrutineer/verifier"
)

// excuse takes back that the target was slow where no other site was quick: what even the quickest of them took longer for than
// a good answer may take, the way there or our own machine has cost. Without other sites nobody can tell.
func (v *Vantage) excuse(seen []verifier.Observation) {
	var others []time.Duration
	for _, o := range seen {
		if o.Kind == verifier.KindControl && o.Code.State() == verifier.Up {
			others = append(others, o.Took)
		}
	}
	if len(others) == 0 {
		return
	}
	quickest := slices.Min(others)
	if quickest <= v.Policy.TargetLatency {
		return
	}
	for i := range seen {
		if o := &seen[i]; o.Code == verifier.Slow {
			o.Code, o.Detail = verifier.WaySlow, fmt.Sprintf("%s; the quickest of other sites took %v", o.Detail, quickest.Round(time.Millisecond))
		}
	}
}
