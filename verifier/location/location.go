// Package location finds out how far apart a VSP's machines really are: by light, and by nobody's word.
//
// A machine that answers within a millisecond is at most 100 km away, for light in fibre is no faster. Delay can be added and
// never taken away, so a quick answer proves nearness, and a slow one nothing. It promises that no delay that an operator
// adds makes a verdict better, and that what could not be measured counts for nobody. Look measures; Judge is pure.
package location

import (
	"math"
	"time"
)

const (
	// KmPerMs is how far away a host may be for each millisecond of a round trip: light in fibre goes about 200,000 km/s,
	// which is 2/3 of its speed in a vacuum, and there and back.
	KmPerMs = 100

	// Blur is how far a declared place may be from where the machine is, in km: people give the coordinates of a city.
	Blur = 25

	// roundness is by how much a distance on a sphere may differ from that on the Earth's ellipsoid (0.56 % at most).
	roundness = 0.006

	earthRadius = 6371.0088          // km, mean
	antipode    = math.Pi * 6371.009 // km: nothing is farther apart
)

// Point is a place on the Earth, in degrees; north and east are positive.
type Point struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// Valid reports whether there is such a place.
func (p Point) Valid() bool {
	return p.Latitude >= -90 && p.Latitude <= 90 && p.Longitude >= -180 && p.Longitude <= 180
}

// Distance returns the great-circle distance in km.
func Distance(a, b Point) float64 {
	const radian = math.Pi / 180
	lat1, lat2 := a.Latitude*radian, b.Latitude*radian
	s1, s2 := math.Sin((lat2-lat1)/2), math.Sin((b.Longitude-a.Longitude)*radian/2)
	h := s1*s1 + math.Cos(lat1)*math.Cos(lat2)*s2*s2
	return 2 * earthRadius * math.Asin(math.Sqrt(min(1, h)))
}

// atLeast and atMost bound how far apart two machines are whose declared places are these, in km.
func atLeast(a, b Point) float64 { return max(0, Distance(a, b)*(1-roundness)-2*Blur) }
func atMost(a, b Point) float64  { return min(antipode, Distance(a, b)*(1+roundness)+2*Blur) }

// radius returns how far away at most a host is that answers in this time, in km.
func radius(roundTrip time.Duration) float64 {
	return roundTrip.Seconds() * 1000 * KmPerMs
}
