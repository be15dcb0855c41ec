package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/verifier/location"
)

// rings reads the lines of a path that has M, L, H, V and z in it alone.
func rings(t require.TestingT, text string) (all [][][2]float64) {
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		require.NoError(t, err, "%q in %q", s, text)
		return v
	}
	var at [2]float64
	for text != "" {
		end := strings.IndexAny(text[1:], "MLHVz") + 1
		if end == 0 {
			end = len(text)
		}
		command, argument := text[0], text[1:end]
		text = text[end:]
		switch command {
		case 'M', 'L':
			x, y, _ := strings.Cut(argument, " ")
			at = [2]float64{number(x), number(y)}
		case 'H':
			at[0] = number(argument)
		case 'V':
			at[1] = number(argument)
		case 'z':
			continue
		}
		if command == 'M' {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], at)
	}
	return all
}

// within reports whether a point is in what a path fills, by the even-odd rule.
func within(lines [][][2]float64, x, y float64) bool {
	in := false
	for _, ring := range lines {
		for i, p := range ring {
			q := ring[(i+1)%len(ring)]
			if (p[1] > y) != (q[1] > y) && x < p[0]+(y-p[1])/(q[1]-p[1])*(q[0]-p[0]) {
				in = !in
			}
		}
	}
	return in
}

func drawSpot(t *rapid.T, name string) location.Point {
	z := rapid.Float64Range(-1, 1).Draw(t, name+" z")
	return location.Point{Latitude: math.Asin(z) * 180 / math.Pi, Longitude: rapid.Float64Range(-180, 180).Draw(t, name+" longitude")}
}

// TestDiscsAreDrawnRight: whatever is in a disc is in what the map fills, and nothing else, also where the disc crosses the date
// line, has a pole in it or both.
func TestDiscsAreDrawnRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		center, km := drawSpot(t, "center"), rapid.Float64Range(200, 20500).Draw(t, "km")
		o, ok := newOutline(center, km)
		require.Equal(t, km < math.Pi*earthRadius, ok)
		if !ok {
			return
		}
		lines := rings(t, o.fill)
		blur := 2*math.Pi*earthRadius*math.Sin(km/earthRadius)/outlineSteps + 40 // of straight pieces, and of rounding
		for i := range 20 {
			p := drawSpot(t, fmt.Sprint("point ", i))
			p.Latitude = max(-89.5, min(89.5, p.Latitude)) // not on the map's very edge
			away := location.Distance(center, p)
			if math.Abs(away-km) < blur {
				continue
			}
			seen := false
			for _, by := range turns {
				seen = seen || within(lines, mapX(p.Longitude)+by, mapY(p.Latitude))
			}
			require.Equal(t, away < km, seen, "%v is %.0f km away, the disc has %.0f: %s", p, away, km, o.fill)
		}
	})
}

// TestMapHasAllMarks: whatever the layout, each host and each vantage is within the map, and no label is longer than it.
func TestMapHasAllMarks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &Places{}
		near := rapid.Bool().Draw(t, "near")
		first := drawSpot(t, "first")
		spot := func(name string) location.Point {
			if !near {
				return drawSpot(t, name)
			}
			at := location.Point{Latitude: first.Latitude + rapid.Float64Range(-3, 3).Draw(t, name), Longitude: first.Longitude + rapid.Float64Range(-3, 3).Draw(t, name+" east")}
			at.Latitude = max(-90, min(90, at.Latitude))
			at.Longitude -= 360 * math.Round(at.Longitude/360)
			return at
		}
		for i := range rapid.IntRange(1, 6).Draw(t, "vantages") {
			at := spot(fmt.Sprint("vantage ", i))
			p.Vantages = append(p.Vantages, Lookout{fmt.Sprint("vantage ", i), &at.Latitude, &at.Longitude})
		}
		for i := range rapid.IntRange(1, 6).Draw(t, "hosts") {
			at := spot(fmt.Sprint("host ", i))
			h := location.Place{Host: fmt.Sprint("host-", i), Latitude: at.Latitude, Longitude: at.Longitude}
			v := p.Vantages[i%len(p.Vantages)]
			h.Discs = []location.Disc{{Latitude: v.Latitude, Longitude: v.Longitude, Radius: rapid.Float64Range(1, 20000).Draw(t, h.Host), Outside: rapid.Bool().Draw(t, h.Host+" out")}}
			p.Hosts = append(p.Hosts, h)
		}
		m := newWorldMap(p)
		require.Len(t, m.Marks, len(p.Hosts)+len(p.Vantages))
		for _, k := range m.Marks {
			require.True(t, k.X >= m.Left && k.X <= m.Left+m.Width && k.Y >= m.Top && k.Y <= m.Top+m.Height, "%+v is not in %v", k, []float64{m.Left, m.Top, m.Width, m.Height})
		}
		require.NotEmpty(t, m.Lands)
		for _, s := range m.Shapes {
			require.NotContains(t, s.Path, "NaN")
		}
	})
}

// TestLandIsSmall: the page must stay one that can be mailed.
func TestLandIsSmall(t *testing.T) {
	require.Less(t, len(land), 20<<10)
	require.Greater(t, strings.Count(land, "z"), 100)
}
