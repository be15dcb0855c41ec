package location

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"scrutineer/verifier"
)

// What a round trip through a host proves. From a vantage V to a host A, on to B, and all the way back takes T. Light has gone
// from V to A and from A to B, each there and back, so
//
//	dist(A,B) <= 100 km/ms * T - dist(V,A)
//
// whatever delays there are. How far V is from A at least, other vantages say; where none does, it is 0. So hosts near each
// other are found out by a vantage near one of them. T minus the trip from V to A alone would say more, but is no bound: who
// answers slowly and passes on quickly would be taken for nearer than he is. That difference is a sign.

// ceiling is how far apart two hosts are at most, by a round trip from one to the other.
type ceiling struct {
	km   float64
	says string
	cite verifier.Cite
}

// passages returns the best measurement from each vantage through a to b.
func passages(a, b placed) map[string]Sight {
	best := map[string]Sight{}
	for _, s := range b.through {
		trip, ok := s.RoundTrip()
		before, known := best[s.Vantage].RoundTrip()
		if ok && s.Via == a.host.Name && (!known || trip < before) {
			best[s.Vantage] = s
		}
	}
	return best
}

// between returns the lowest ceiling for two hosts, of round trips from either to the other, and whether there is one.
func (e Evidence) between(a, b placed) (lowest ceiling, ok bool) {
	for _, way := range [][2]placed{{a, b}, {b, a}} {
		trips := passages(way[0], way[1])
		for _, v := range e.Vantages { // in their order, so that the same evidence says the same
			trip, measured := trips[v.Name].RoundTrip()
			if !measured {
				continue
			}
			off := way[0].farFrom(v)
			if km := max(0, radius(trip)-off); !ok || km < lowest.km {
				lowest, ok = ceiling{km, viaSays(v, way[0], way[1], trip, off), trips[v.Name].Cite}, true
			}
		}
	}
	return lowest, ok
}

func viaSays(v Vantage, via, to placed, trip time.Duration, off float64) string {
	says := fmt.Sprintf("%s answered %s through %s in %s ms", to.host.Name, v.Name, via.host.Name, ms(trip))
	if off > 0 {
		says += fmt.Sprintf(", and %s is at least %.0f km from %s", via.host.Name, math.Floor(off), v.Name)
	}
	return says
}

// farFrom returns how far at least a host is from a vantage, in km, as other vantages know.
func (p placed) farFrom(v Vantage) (km float64) {
	if v.Point == nil {
		return 0
	}
	for _, d := range p.discs {
		if d.vantage.Name != v.Name && d.vantage.Point != nil {
			km = max(km, atLeast(*v.Point, *d.vantage.Point)-d.radius)
		}
	}
	return km
}

// nextDoor tells of two hosts of which one answers through the other hardly later than that one itself. It is silent where
// more is known: from how far apart they are at least.
func (e Evidence) nextDoor(a, b placed, lower float64) []string {
	least, says := math.Inf(1), ""
	for _, way := range [][2]placed{{a, b}, {b, a}} {
		trips := passages(way[0], way[1])
		for _, d := range way[0].discs {
			trip, ok := trips[d.vantage.Name].RoundTrip()
			if km := radius(max(0, trip-d.trip)); ok && km < least {
				least = km
				says = fmt.Sprintf("%s answered %s through %s only %s ms later than that one itself: the two may be within some %.0f km of each other.",
					way[1].host.Name, d.vantage.Name, way[0].host.Name, ms(max(0, trip-d.trip)), math.Ceil(least))
			}
		}
	}
	if least >= e.Apart || least < lower {
		return nil
	}
	return []string{says}
}

// closed tells of a host through which none of these could be measured, for it passes no connections on.
func closed(hosts []placed, via string) []string {
	var from []string
	for _, p := range hosts {
		for _, s := range p.through {
			if s.Via == via && s.Trouble == NoPassage && !slices.Contains(from, s.Vantage) {
				from = append(from, s.Vantage)
			}
		}
	}
	if len(from) == 0 {
		return nil
	}
	slices.Sort(from)
	return []string{fmt.Sprintf("Nothing was measured through %s from %s: it passes no connections on (AllowTcpForwarding), which is its operator's choice.", via, and(from))}
}

// passageTroubles says through which hosts it could not be measured that pass connections on, each once.
func passageTroubles(p placed) []string {
	var all []string
	for _, trouble := range []Trouble{Unreachable, WrongKey, NoLogin, NoCommand, TooSlow, Garbage} {
		from := map[string][]string{} // by the host between
		details := map[string]string{}
		for _, s := range p.through {
			if s.Trouble == trouble {
				from[s.Via] = append(from[s.Via], s.Vantage)
				details[s.Via] = s.Detail
			}
		}
		var hosts []string
		for via := range from {
			hosts = append(hosts, via)
		}
		slices.Sort(hosts)
		for _, via := range hosts {
			all = append(all, fmt.Sprintf("%s through %s, from %s: %s (%s).", p.host.Name, via, strings.Join(from[via], ", "), details[via], trouble))
		}
	}
	return all
}
