package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ed25519"
	"golang.org/x/crypto/ssh"

	"scrutineer/verifier"
	"scrutineer/verifier/location"
)

// station is a host of a test: where it is said to be, and how long its answers take, in ms, by the vantage.
type station struct {
	name, place         string
	latitude, longitude float64
	takes               map[string]float64
	machine             string
}

var stations = []station{
	{"front", "Lagos", 6.45, 3.39, map[string]float64{"local": 64, "singapore": 170, "auckland": 260}, ""},
	{"vote-1", "Frankfurt", 50.11, 8.68, map[string]float64{"local": 1.3, "singapore": 155}, ""},
	{"vote-2", "Singapore", 1.35, 103.82, map[string]float64{"local": 152, "singapore": 0.9, "auckland": 120}, ""},
	{"vote-3", "Suva", -18.14, 178.44, map[string]float64{"auckland": 31, "singapore": 131}, ""},
}

// told is a trial in whose journal is what three vantages measured, an hour apart, and one that could not.
func told(t testing.TB, hosts []station) *verifier.Record {
	r := new(verifier.Record)
	number := int64(0)
	take := func(kind string, data any) {
		number++
		raw, err := json.Marshal(data)
		require.NoError(t, err)
		require.NoError(t, r.Take(number, t0, kind, raw))
	}
	at := func(degrees float64) *float64 { return &degrees }
	take(verifier.EntryStart, verifier.Plan{Name: "vsp.example.org", URL: "https://vsp.example.org", PubKey: make([]byte, 32), Network: "simnet", Slot: verifier.Duration(time.Minute),
		Policy: verifier.DefaultPolicy(), Begins: t0, Places: &verifier.PlacesPlan{Apart: 500, Every: verifier.Duration(time.Hour), Trips: 200, Vantages: []verifier.Standpoint{
			{Vantage: "local", Place: "Frankfurt", Latitude: at(50.11), Longitude: at(8.68)}, {Vantage: "singapore", Place: "Singapore", Latitude: at(1.29), Longitude: at(103.85)},
			{Vantage: "auckland", Place: "Auckland", Latitude: at(-36.85), Longitude: at(174.76)}}}})
	text := strings.Builder{}
	fmt.Fprintf(&text, "[reviewer]\naccount = \"reviewer\"\n")
	keys := map[string]ssh.PublicKey{}
	for i, h := range hosts {
		key, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%-32s", h.name+h.machine))).Public())
		require.NoError(t, err)
		keys[h.name] = key
		role := "voting"
		if i == 0 {
			role = "front"
		}
		fmt.Fprintf(&text, "[[hosts]]\nname = %q\nroles = [%q]\naddresses = [\"192.0.%d.7\"]\nhost_keys = [%q]\nplace = %q\nlatitude = %v\nlongitude = %v\n",
			h.name, role, i, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), h.place, h.latitude, h.longitude)
	}
	changes, err := new(verifier.History).Changes(verifier.FileDeployment, text.String())
	require.NoError(t, err)
	take(verifier.EntryFile, changes[0])
	for i, vantage := range []string{"local", "singapore", "auckland"} {
		for k, h := range hosts {
			number++
			s := location.Sight{Vantage: vantage, Host: h.name, At: t0.Add(time.Duration(i) * time.Hour), Trouble: location.Unreachable, Detail: "i/o timeout"}
			if ms, ok := h.takes[vantage]; ok {
				trips := func(ms float64) location.Trips {
					took := time.Duration(ms * 1e6)
					return location.Trips{Count: 200, Min: took, Median: took + took/8, Max: 2 * took}
				}
				s = location.Sight{Vantage: vantage, Host: h.name, At: s.At, Address: fmt.Sprintf("192.0.%d.7:22", k), Key: ssh.FingerprintSHA256(keys[h.name]), Nonce: trips(ms), Keepalive: trips(ms * 0.98), TCP: trips(ms * 0.95),
					Identity: location.Identity{MachineID: fmt.Sprintf("%032x", k), BootID: fmt.Sprintf("%032x", k), Booted: t0.Unix() - int64(1000*k)}}
			}
			raw, err := json.Marshal(s)
			require.NoError(t, err)
			if vantage == verifier.LocalVantage {
				require.NoError(t, r.Take(number, s.At, verifier.EntrySight, raw))
			} else {
				require.NoError(t, r.TakeSeen(vantage, number, verifier.EntrySight, raw, false))
			}
		}
	}
	return r
}

func somePlaces(t testing.TB) *Places {
	hosts := append([]station{}, stations...)
	hosts[1].place, hosts[1].latitude, hosts[1].longitude = "Madrid", 40.42, -3.70
	places, err := ReadPlaces(told(t, hosts))
	require.NoError(t, err)
	places.Changes = []verifier.PlanChange{{Entry: 2, At: t0, Slots: 0, What: "hosts[1].place", Was: "Frankfurt", Now: "Madrid"}}
	places.Signs = append(places.Signs, "A sign.")
	return places
}

func TestPlacesGolden(t *testing.T) {
	far, err := ReadPlaces(told(t, stations))
	require.NoError(t, err)
	for name, places := range map[string]*Places{"places.txt": far, "places-refuted.txt": somePlaces(t)} {
		t.Run(name, func(t *testing.T) {
			e := evidence(t, time.Minute, strings.Repeat("#", 600), 0)
			text := drawWith(t, e, places).Text()
			requireFits(t, text)
			var rows page // as the first screen has them
			r := drawWith(t, e, places)
			for _, f := range r.Rows {
				if slices.ContainsFunc(places.Findings, func(own verifier.Finding) bool { return own.Row == f.Row }) {
					rows.finding(f, r.Brief(f))
				}
			}
			golden(t, name, rows.String()+"\n"+part(t, text, "PLACES (", "VOTES ("))
		})
	}
}

// TestNobodyMeasured: a trial that does not ask where machines are says nothing of it.
func TestNobodyMeasured(t *testing.T) {
	r := new(verifier.Record)
	places, err := ReadPlaces(r)
	require.NoError(t, err)
	require.Nil(t, places)
}

// TestMapGolden draws the page of a trial with hosts on both sides of the date line, one of them not where it is said to be.
func TestMapGolden(t *testing.T) {
	page := html(t, drawWith(t, evidence(t, time.Minute, strings.Repeat("#", 600), 0), somePlaces(t)))
	golden(t, "places.html", part(t, page, "<h2>Places (", "<h2>Votes ("))
}

// part is what is in a text from one place on to another: the rest of a report is for other tests.
func part(t *testing.T, text, from, to string) string {
	_, rest, ok := strings.Cut(text, from)
	inner, _, also := strings.Cut(rest, to)
	require.True(t, ok && also)
	return from + inner
}
