package location_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/verifier"
	"scrutineer/verifier/location"
	"scrutineer/vsp/deployment"
)

// world is a layout as it really is, and what is measured of it.
type world struct {
	evidence location.Evidence
	truth    map[string]location.Point // of the hosts
	stands   map[string]location.Point // of the vantages
}

func drawPoint(t *rapid.T, label string) location.Point {
	// Uniform on the sphere.
	z := rapid.Float64Range(-1, 1).Draw(t, label+" z")
	return location.Point{Latitude: math.Asin(z) * 180 / math.Pi, Longitude: rapid.Float64Range(-180, 180).Draw(t, label+" longitude")}
}

// stray returns a point near another: what people declare of it.
func stray(t *rapid.T, p location.Point, km float64, label string) location.Point {
	north := rapid.Float64Range(-1, 1).Draw(t, label+" north") * km / 2 / 111.2
	east := rapid.Float64Range(-1, 1).Draw(t, label+" east") * km / 2 / 111.2
	return location.Point{Latitude: max(-90, min(90, p.Latitude+north)), Longitude: p.Longitude + east}
}

// trips returns a series of round trips whose best is this.
func trips(best time.Duration) location.Trips {
	return location.Trips{Count: 200, Min: best, Median: best, Max: best}
}

// drawWorld draws hosts, honestly claimed, and vantages, each of which measures each host: what light needs, and anything on top.
func drawWorld(t *rapid.T, attended bool) world {
	w := world{truth: map[string]location.Point{}, stands: map[string]location.Point{}, evidence: location.Evidence{Apart: location.DefaultApart}}
	hosts := rapid.IntRange(2, 5).Draw(t, "hosts")
	vantages := rapid.IntRange(1, 5).Draw(t, "vantages")
	if attended {
		vantages = hosts
	}
	for i := range hosts {
		name := fmt.Sprintf("host-%d", i)
		at := drawPoint(t, name)
		if i > 0 && rapid.IntRange(0, 3).Draw(t, name+" neighbour") == 0 {
			at = stray(t, w.truth["host-0"], rapid.Float64Range(1, 2000).Draw(t, name+" km"), name+" at")
		}
		w.truth[name] = at
		said := stray(t, at, location.Blur, name+" claim")
		w.evidence.Deployment.Hosts = append(w.evidence.Deployment.Hosts, deployment.Host{Name: name, Place: name,
			Roles: []deployment.Role{deployment.Voting}, Latitude: &said.Latitude, Longitude: &said.Longitude})
	}
	for i := range vantages {
		name := fmt.Sprintf("vantage-%d", i)
		at := drawPoint(t, name)
		if attended {
			at = stray(t, w.truth[fmt.Sprintf("host-%d", i)], 100, name)
		}
		w.stands[name] = at
		said := stray(t, at, location.Blur, name+" declared")
		w.evidence.Vantages = append(w.evidence.Vantages, location.Vantage{Name: name, Point: &said})
		for k, h := range w.evidence.Deployment.Hosts {
			light := location.Distance(at, w.truth[h.Name]) / location.KmPerMs
			more := rapid.Float64Range(0, 100).Draw(t, name+h.Name)
			if attended && k == i {
				more = rapid.Float64Range(0, 3-light).Draw(t, name+h.Name+" near")
			}
			took := time.Duration(math.Ceil((light + more) * 1e6))
			w.evidence.Sights = append(w.evidence.Sights, location.Sight{Vantage: name, Host: h.Name, Nonce: trips(took), Keepalive: trips(took)})
		}
	}
	w.drawPassages(t)
	return w
}

// drawPassages measures hosts through others: what light needs from the vantage to the one, on to the other and back, and
// anything on top. How long the way to the one takes by itself has nothing to do with it.
func (w *world) drawPassages(t *rapid.T) {
	direct := w.evidence.Sights
	for _, s := range direct {
		for _, h := range w.evidence.Deployment.Hosts {
			if h.Name == s.Host || !rapid.Bool().Draw(t, s.Vantage+s.Host+h.Name+" passes on") {
				continue
			}
			light := (location.Distance(w.stands[s.Vantage], w.truth[s.Host]) + location.Distance(w.truth[s.Host], w.truth[h.Name])) / location.KmPerMs
			more := rapid.Float64Range(0, 20).Draw(t, s.Vantage+s.Host+h.Name)
			took := trips(time.Duration(math.Ceil((light + more) * 1e6)))
			w.evidence.Sights = append(w.evidence.Sights, location.Sight{Vantage: s.Vantage, Via: s.Host, Host: h.Name, Nonce: took, Keepalive: took})
		}
	}
}

// TestNoFalseVerdict draws 10,000 layouts: whatever delay is added, no pair is proven apart that is not, and none disproven
// that is apart.
func TestNoFalseVerdict(t *testing.T) {
	seen, layouts := map[location.Standing]int{}, 0
	for layouts < 10000 {
		rapid.Check(t, func(t *rapid.T) {
			layouts++
			w := drawWorld(t, rapid.Bool().Draw(t, "attended"))
			j := location.Judge(w.evidence)
			if len(j.Refuted) > 0 || len(j.Troubles) > 0 {
				t.Fatalf("an honest layout is accused: %q %q", j.Refuted, j.Troubles)
			}
			for _, p := range j.Pairs {
				seen[p.Standing]++
				km := location.Distance(w.truth[p.A], w.truth[p.B])
				if p.Lower > km || p.Upper < km || p.Standing == location.Proven && km < location.DefaultApart ||
					p.Standing == location.Disproven && km >= location.DefaultApart {
					t.Fatalf("%s and %s are %.1f km apart: %+v", p.A, p.B, km, p)
				}
			}
		})
		if t.Failed() {
			return
		}
	}
	t.Log(layouts, "layouts:", seen)
	for _, s := range []location.Standing{location.Proven, location.NotProven, location.Disproven} {
		require.Greater(t, seen[s], 100, "the layouts hardly ever come to %s", s)
	}
}

// TestVantagesNearProve holds that a vantage near each host suffices: of pairs over 1,000 km apart 95 % and more are proven.
func TestVantagesNearProve(t *testing.T) {
	proven, far := 0, 0
	for range 20 {
		rapid.Check(t, func(t *rapid.T) {
			w := drawWorld(t, true)
			for _, p := range location.Judge(w.evidence).Pairs {
				if location.Distance(w.truth[p.A], w.truth[p.B]) > 1000 {
					far++
					if p.Standing == location.Proven {
						proven++
					}
				}
			}
		})
	}
	t.Logf("%d of %d pairs over 1,000 km apart are proven", proven, far)
	require.Greater(t, far, 1000)
	require.GreaterOrEqual(t, float64(proven), 0.95*float64(far))
}

// TestDelayNeverHelps adds delay to honest measurements: nothing that was not proven before is proven then, and no row passes
// that had not.
func TestDelayNeverHelps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t, rapid.Bool().Draw(t, "attended"))
		before := location.Judge(w.evidence)
		for i := range w.evidence.Sights {
			more := time.Duration(rapid.Int64Range(0, 50e6).Draw(t, "padding"))
			w.evidence.Sights[i].Nonce.Min += more
		}
		after := location.Judge(w.evidence)
		for i, p := range after.Pairs {
			if p.Standing == location.Proven && before.Pairs[i].Standing != location.Proven || p.Lower > before.Pairs[i].Lower || p.Upper < before.Pairs[i].Upper {
				t.Fatalf("padding made it better: %+v, then %+v", before.Pairs[i], p)
			}
		}
		for i, f := range after.Findings {
			if f.Verdict == verifier.Pass && before.Findings[i].Verdict != verifier.Pass {
				t.Fatalf("padding made %s pass", f.Row)
			}
		}
	})
}
