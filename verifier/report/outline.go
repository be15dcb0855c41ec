package report

import (
	"fmt"
	"math"
	"strings"

	"scrutineer/verifier/location"
)

// A map has the Earth's surface as it is in degrees, two units each: x grows to the east from 180 west, y to the south from
// the north pole (equirectangular).
const (
	unitsPerDegree = 2.0
	mapWidth       = 360 * unitsPerDegree
	mapHeight      = 180 * unitsPerDegree
)

func mapX(longitude float64) float64 { return (longitude + 180) * unitsPerDegree }
func mapY(latitude float64) float64  { return (90 - latitude) * unitsPerDegree }

// outline is a disc on the map, as SVG paths. On a map a disc that has a pole in it is no closed line, so that its edge is
// drawn apart from what it fills. X runs beyond the map's sides where the disc does.
type outline struct {
	fill, edge string
	from, to   float64 // the x that it spans
}

// outlineSteps is of how many straight pieces a disc's edge is drawn.
const outlineSteps = 120

// earthRadius is the mean one, in km.
const earthRadius = 6371.0

// mostNorth is how near to a pole a disc is drawn around, in degrees: at the pole itself there is no east.
const mostNorth = 89.9

// newOutline returns the disc around a point. It reports false for one that has all of the Earth in it.
func newOutline(at location.Point, km float64) (outline, bool) {
	angle := km / earthRadius
	if angle >= math.Pi {
		return outline{}, false
	}
	at.Latitude = max(-mostNorth, min(mostNorth, at.Latitude))
	ring := edgeOf(at, angle)
	first, last := ring[0], ring[len(ring)-1]
	around := math.Abs(last[0]-first[0]) > mapWidth/2 // the Earth: one pole is in it, the nearer one
	o := outline{edge: path(ring), from: first[0], to: first[0]}
	for _, p := range ring {
		o.from, o.to = min(o.from, p[0]), max(o.to, p[0])
	}
	switch {
	case !around && angle > math.Pi/2: // both poles are in it: it is all but a disc on the other side
		middle := (o.from + o.to) / 2
		o.from, o.to = middle-mapWidth/2, middle+mapWidth/2
		o.fill = fmt.Sprintf("M%.1f 0H%.1fV%.0fH%.1fz%sz", o.from, o.to, mapHeight, o.from, o.edge)
	case around && at.Latitude >= 0:
		o.fill = fmt.Sprintf("%sL%.1f 0L%.1f 0z", o.edge, last[0], first[0])
	case around:
		o.fill = fmt.Sprintf("%sL%.1f %.0fL%.1f %.0[3]fz", o.edge, last[0], mapHeight, first[0])
	default:
		o.fill = o.edge + "z"
	}
	return o, true
}

// edgeOf returns the points that are an angle away from one, all around, each next to the one before it.
func edgeOf(at location.Point, angle float64) [][2]float64 {
	const radian = math.Pi / 180
	latitude := at.Latitude * radian
	var ring [][2]float64
	before := at.Longitude
	for i := range outlineSteps + 1 {
		bearing := 2 * math.Pi * float64(i) / outlineSteps
		height := math.Sin(latitude)*math.Cos(angle) + math.Cos(latitude)*math.Sin(angle)*math.Cos(bearing)
		height = max(-1, min(1, height))
		east := math.Atan2(math.Sin(bearing)*math.Sin(angle)*math.Cos(latitude), math.Cos(angle)-math.Sin(latitude)*height)
		longitude := at.Longitude + east/radian
		longitude -= 360 * math.Round((longitude-before)/360) // the way it is nearer
		before = longitude
		ring = append(ring, [2]float64{mapX(longitude), mapY(math.Asin(height) / radian)})
	}
	return ring
}

// path draws a line.
func path(points [][2]float64) string {
	var b strings.Builder
	for i, p := range points {
		fmt.Fprintf(&b, "%c%.1f %.1f", "ML"[min(i, 1)], p[0], p[1])
	}
	return b.String()
}

// turns are all by which an outline may have to be shifted: it begins up to half a turn away from the map, and is as long as one.
var turns = []float64{-2 * mapWidth, -mapWidth, 0, mapWidth, 2 * mapWidth}

// shifts are by how much the map must be repeated to the side for what spans some x to be seen in a window.
func shifts(from, to, left, right float64) []float64 {
	var all []float64
	for _, by := range turns {
		if to+by > left && from+by < right {
			all = append(all, by)
		}
	}
	return all
}
