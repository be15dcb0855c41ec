package location

import (
	"cmp"
	"math"
	"slices"
	"time"

	"scrutineer/verifier"
	"scrutineer/vsp/deployment"
)

// disc is where a host must be: no farther than the radius from the vantage.
type disc struct {
	vantage Vantage
	trip    time.Duration
	radius  float64 // km
	cite    verifier.Cite
}

// placed is a host with all that was measured of it.
type placed struct {
	host    deployment.Host
	discs   []disc   // one for each vantage that measured it, the smallest first
	sights  []Sight  // all, straight from a vantage
	series  []Series // of each vantage that looked, in their order
	ids     []Sight  // by which it is known who it is: the last one of each vantage
	counted []Sight  // the best of each vantage
	clash   *[2]disc // two that cannot both be true: then none of them counts
	through []Sight  // through other hosts, all
}

// place gathers what was measured of a host.
func (e Evidence) place(h deployment.Host) placed {
	p := placed{host: h}
	for _, v := range e.Vantages {
		var from []Sight
		for _, s := range e.Sights {
			switch {
			case s.Host != h.Name || s.Vantage != v.Name:
			case s.Via != "":
				p.through = append(p.through, s)
			default:
				from = append(from, s)
			}
		}
		if len(from) == 0 {
			continue
		}
		p.sights = append(p.sights, from...)
		series, best := newSeries(from)
		p.series = append(p.series, series)
		if trip, ok := best.RoundTrip(); ok {
			p.discs = append(p.discs, disc{v, trip, radius(trip), best.Cite})
			p.counted = append(p.counted, best)
		}
		if last, ok := lastIdentity(from); ok {
			p.ids = append(p.ids, last)
		}
	}
	p.ids = fresh(p.ids, e.Fresh)
	slices.SortStableFunc(p.discs, func(a, b disc) int { return cmp.Compare(a.radius, b.radius) })
	for i, a := range p.discs {
		for _, b := range p.discs[:i] {
			if p.clash == nil && apart(a, b) > 0 {
				p.clash = &[2]disc{b, a}
			}
		}
	}
	if p.clash != nil {
		p.discs = nil
	}
	return p
}

// apart returns how far apart at least a host in the one disc and a host in the other are; 0 where one may lie in both.
func apart(a, b disc) float64 {
	if a.vantage.Point == nil || b.vantage.Point == nil {
		return 0
	}
	return max(0, atLeast(*a.vantage.Point, *b.vantage.Point)-a.radius-b.radius)
}

// near returns how far apart at most a host in the one disc and a host in the other are.
func near(a, b disc) float64 {
	switch {
	case a.vantage.Name == b.vantage.Name: // wherever it is
		return min(antipode, a.radius+b.radius)
	case a.vantage.Point == nil || b.vantage.Point == nil:
		return antipode
	default:
		return min(antipode, atMost(*a.vantage.Point, *b.vantage.Point)+a.radius+b.radius)
	}
}

// outside returns the disc that a claim is farthest outside of, if there is one.
func (p placed) outside() (d disc, beyond float64) {
	for _, candidate := range p.discs {
		if candidate.vantage.Point == nil {
			continue
		}
		if km := atLeast(*candidate.vantage.Point, claim(p.host)) - candidate.radius; km > beyond {
			d, beyond = candidate, km
		}
	}
	return d, beyond
}

// bounds returns between which distances two hosts are apart, in km, and the discs that say so. Where nothing says so, the
// bounds are 0 and half the Earth's circumference, and the discs nil.
func bounds(a, b placed) (lower, upper float64, far, close *[2]disc) {
	upper = math.Ceil(antipode)
	for _, da := range a.discs {
		for _, db := range b.discs {
			if km := apart(da, db); km > lower {
				lower, far = km, &[2]disc{da, db}
			}
			if km := near(da, db); km < upper {
				upper, close = km, &[2]disc{da, db}
			}
		}
	}
	return lower, upper, far, close
}
