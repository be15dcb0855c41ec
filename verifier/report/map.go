package report

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"scrutineer/verifier/location"
)

// land is the coasts of all land as one SVG path, in a map's units. It is drawn from Natural Earth's 1:110m land (public domain,
// naturalearthdata.com), simplified to a quarter of a degree.
//
//go:embed land.txt
var land string

// worldMap is where hosts are said to be, where they must be, and where they were measured from.
type worldMap struct {
	Left, Top, Width, Height float64
	Unit                     float64 // of what must look the same on maps of any scale
	Land                     string
	Lands                    []float64 // by how much it is shifted, each time it is drawn
	Shapes                   []shape
	Marks                    []mark
}

// shape is a line or an area.
type shape struct{ Class, Path, Title string }

// mark is a host or a vantage.
type mark struct {
	Class, Label, Title string
	X, Y                float64
	LabelX, LabelY      float64
	Anchor              string
}

// newWorldMap returns nil where there is nothing to be drawn.
func newWorldMap(p *Places) *worldMap {
	if p == nil || len(p.Hosts) == 0 {
		return nil
	}
	m := &worldMap{Land: land}
	m.frame(p)
	for _, h := range p.Hosts {
		m.discs(h)
	}
	m.vantages(p)
	m.hosts(p)
	return m
}

// Bounds of what a map shows: never less than leastSpan, in units, and of all the Earth not the far south, if nothing is there.
const (
	leastSpan = 90.0
	farSouth  = 300.0
	mapShape  = farSouth / mapWidth
)

// frame chooses the part of the Earth that has all claims, all vantages and the discs that are small enough to say anything.
func (m *worldMap) frame(p *Places) {
	var longitudes []float64
	top, bottom := mapHeight, 0.0
	add := func(latitude, longitude, km float64) {
		degrees := km / 111.2
		wide := degrees / max(0.2, math.Cos(latitude*math.Pi/180))
		longitudes = append(longitudes, wrap(longitude-wide), wrap(longitude), wrap(longitude+wide))
		top, bottom = min(top, mapY(latitude+degrees)), max(bottom, mapY(latitude-degrees))
	}
	for _, h := range p.Hosts {
		add(h.Latitude, h.Longitude, 0)
		for _, d := range shown(h) {
			if d.Radius < 3000 {
				add(*d.Latitude, *d.Longitude, d.Radius)
			}
		}
	}
	for _, v := range p.Vantages {
		if v.Latitude != nil {
			add(*v.Latitude, *v.Longitude, 0)
		}
	}
	from, span := smallest(longitudes)
	left, width := mapX(from), span*unitsPerDegree
	margin := 0.12*max(width, bottom-top) + 6
	width, height := width+2*margin, bottom-top+2*margin
	width = max(width, leastSpan, height/mapShape)
	if width > 0.7*mapWidth {
		*m = worldMap{Land: m.Land, Left: 0, Top: 0, Width: mapWidth, Height: farSouth}
		if bottom > farSouth {
			m.Height = mapHeight
		}
	} else {
		m.Width, m.Height = width, width*mapShape
		m.Left = left + span*unitsPerDegree/2 - width/2
		m.Top = max(0, min(mapHeight-m.Height, (top+bottom)/2-m.Height/2))
	}
	m.Unit = m.Width / mapWidth
	m.Lands = shifts(0, mapWidth, m.Left, m.Left+m.Width)
}

// wrap returns a longitude from 0 to 360.
func wrap(longitude float64) float64 { return math.Mod(math.Mod(longitude, 360)+360, 360) }

// smallest returns the smallest arc that has all longitudes, from west to east: all but the largest gap between two of them.
func smallest(longitudes []float64) (from, span float64) {
	slices.Sort(longitudes)
	from, span = longitudes[0], longitudes[len(longitudes)-1]-longitudes[0]
	for i := 1; i < len(longitudes); i++ {
		if gap := longitudes[i] - longitudes[i-1]; 360-gap < span {
			from, span = longitudes[i], 360-gap
		}
	}
	if from > 180 {
		from -= 360
	}
	return from, span
}

// place returns where a point is in the window.
func (m *worldMap) place(latitude, longitude float64) (x, y float64) {
	x = mapX(longitude)
	middle := m.Left + m.Width/2
	return x - mapWidth*math.Round((x-middle)/mapWidth), mapY(latitude)
}

// shown is those discs of a host that a map shows: the smallest, and all that its claim is out of.
func shown(h location.Place) []location.Disc {
	var all []location.Disc
	first := true
	for _, d := range h.Discs {
		if d.Latitude == nil || d.Longitude == nil {
			continue
		}
		if first || d.Outside {
			all = append(all, d)
		}
		first = false
	}
	return all
}

// discs draws a host's discs, and a line from one that it must be in to where it is said to be.
func (m *worldMap) discs(h location.Place) {
	for _, d := range shown(h) {
		o, ok := newOutline(location.Point{Latitude: *d.Latitude, Longitude: *d.Longitude}, d.Radius)
		if !ok {
			continue
		}
		class, title := "disc", fmt.Sprintf("%s is within %.0f km of %s", h.Host, d.Radius, d.Vantage)
		if d.Outside {
			class, title = "disc out", title+", and not in "+h.Claim
			fromX, fromY := m.place(*d.Latitude, *d.Longitude)
			toX, toY := m.place(h.Latitude, h.Longitude)
			m.Shapes = append(m.Shapes, shape{"off", path([][2]float64{{fromX, fromY}, {toX, toY}}), title})
		}
		for _, by := range shifts(o.from, o.to, m.Left, m.Left+m.Width) {
			moved, _ := newOutline(location.Point{Latitude: *d.Latitude, Longitude: *d.Longitude + by/unitsPerDegree}, d.Radius)
			m.Shapes = append(m.Shapes, shape{class, moved.fill, title}, shape{class + " edge", moved.edge, title})
		}
	}
}

func (m *worldMap) vantages(p *Places) {
	for _, v := range p.Vantages {
		if v.Latitude == nil || v.Longitude == nil {
			continue
		}
		x, y := m.place(*v.Latitude, *v.Longitude)
		m.mark(mark{Class: "vantage", Label: v.Place, Title: "measured from " + v.Sentence(), X: x, Y: y}, 1)
	}
}

func (m *worldMap) hosts(p *Places) {
	for _, h := range p.Hosts {
		x, y := m.place(h.Latitude, h.Longitude)
		k := mark{Class: "host", Label: h.Host, Title: fmt.Sprintf("%s, said to be in %s; must be within %s", h.Host, h.Claim, Within(h)), X: x, Y: y}
		if h.Refuted {
			k.Class = "host refuted"
		}
		m.mark(k, -1)
	}
}

// Sizes of labels, in the map's own units: on a phone they are written larger, and must not run into each other.
const (
	labelHeight = 20.0
	labelWidth  = 9.0 // of a character
	labelOff    = 7.0
	labelTries  = 12
)

// mark adds a mark, with its label where there is room: above it or below it, and then farther away.
func (m *worldMap) mark(k mark, side float64) {
	wide := labelWidth * float64(utf8.RuneCountInString(k.Label)) * m.Unit
	k.Anchor, k.LabelX = "start", k.X+labelOff*m.Unit
	if k.LabelX+wide > m.Left+m.Width {
		k.Anchor, k.LabelX = "end", k.X-labelOff*m.Unit
	}
	for try := range labelTries {
		k.LabelY = k.Y + m.Unit*labelHeight*(0.3+side*(0.5+float64(try/2)))
		side = -side
		seen := k.LabelY > m.Top+labelHeight*m.Unit && k.LabelY < m.Top+m.Height-labelHeight*m.Unit/3
		if seen && !slices.ContainsFunc(m.Marks, func(other mark) bool { return m.collide(k, other) }) {
			break
		}
	}
	m.Marks = append(m.Marks, k)
}

// collide reports whether two labels would be written over each other.
func (m *worldMap) collide(a, b mark) bool {
	span := func(k mark) (from, to float64) {
		wide := labelWidth * float64(utf8.RuneCountInString(k.Label)) * m.Unit
		if k.Anchor == "end" {
			return k.LabelX - wide, k.LabelX
		}
		return k.LabelX, k.LabelX + wide
	}
	af, at := span(a)
	bf, bt := span(b)
	return math.Abs(a.LabelY-b.LabelY) < labelHeight*m.Unit && af < bt && bf < at
}
