package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ed25519"
	"golang.org/x/crypto/ssh"

	"scrutineer/verifier"
	"scrutineer/verifier/location"
)

// stagedHost is a host of the staged trial: where it is said to be, and how long its answers take, in ms, by the vantage.
type stagedHost struct {
	name, role, place string
	latitude          float64
	longitude         float64
	takes             map[string]float64
}

// Three wallets are far apart, two of the machines may be near each other, one says to be where it is not, and the other
// vantage cannot reach another one.
var stagedHosts = []stagedHost{
	{"front", "front", "Paris", 48.86, 2.35, map[string]float64{localVantage: 6, "north": 31}},
	{"vote-1", "voting", "Frankfurt", 50.11, 8.68, map[string]float64{localVantage: 0.9, "north": 22}},
	{"vote-2", "voting", "Oslo", 59.91, 10.75, map[string]float64{localVantage: 23, "north": 0.7, "Nairobi": 140}},
	{"vote-3", "voting", "Cape Town", -33.92, 18.42, map[string]float64{localVantage: 170, "Nairobi": 2}},
}

func stagedPlaces() *verifier.PlacesPlan {
	at := func(degrees float64) *float64 { return &degrees }
	return &verifier.PlacesPlan{Apart: 500, Every: verifier.Duration(time.Minute), Trips: 200, Vantages: []verifier.Standpoint{
		{Vantage: localVantage, Place: "Frankfurt", Latitude: at(50.11), Longitude: at(8.68)}, {Vantage: "north", Place: "Oslo", Latitude: at(59.91), Longitude: at(10.75)}}}
}

func (h stagedHost) key() ssh.PublicKey {
	key, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed([]byte(fmt.Sprintf("%-32s", h.name))).Public())
	if err != nil {
		panic(err)
	}
	return key
}

// stagedSights is what a vantage measured, and that it could not.
func stagedSights(vantage string) []location.Sight {
	var all []location.Sight
	for i, h := range stagedHosts {
		s := location.Sight{Vantage: vantage, Host: h.name, At: time.Date(2026, 11, 22, 10, i, 0, 0, time.UTC), Trouble: location.Unreachable, Detail: "i/o timeout"}
		if ms, ok := h.takes[vantage]; ok {
			trips := func(ms float64) location.Trips {
				took := time.Duration(ms * 1e6)
				return location.Trips{Count: 200, Min: took, Median: took + took/8, Max: 2 * took}
			}
			s.Trouble, s.Detail = "", ""
			s.Address, s.Key = fmt.Sprintf("192.0.2.%d:22", i+1), ssh.FingerprintSHA256(h.key())
			s.Nonce, s.Keepalive, s.TCP = trips(ms), trips(ms*0.98), trips(ms*0.9)
			s.Identity = location.Identity{MachineID: fmt.Sprintf("%032x", i+1), BootID: fmt.Sprintf("%036x", i+1), Booted: 1790000000 + int64(i/2)}
		}
		all = append(all, s)
	}
	return all
}

func stagedDeployment(change func([]stagedHost)) string {
	hosts := append([]stagedHost{}, stagedHosts...)
	change(hosts)
	var b strings.Builder
	b.WriteString("[reviewer]\naccount = \"reviewer\"\n")
	for i, h := range hosts {
		fmt.Fprintf(&b, "[[hosts]]\nname = %q\nroles = [%q]\naddresses = [\"192.0.2.%d\"]\nhost_keys = [%q]\nplace = %q\nlatitude = %v\nlongitude = %v\n",
			h.name, h.role, i+1, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(h.key()))), h.place, h.latitude, h.longitude)
	}
	return b.String()
}

// places writes the operator's description, and another one later; what we measured; and a survey that was made by hand.
func (s *staged) places() {
	history := new(verifier.History)
	for _, text := range []string{
		stagedDeployment(func(h []stagedHost) { h[3].place, h[3].latitude = "Pretoria", -25.75 }),
		stagedDeployment(func([]stagedHost) {}),
	} {
		changes, err := history.Changes(verifier.FileDeployment, text)
		s.err = errors.Join(s.err, err)
		for _, c := range changes {
			_, err := history.Apply(c)
			s.err = errors.Join(s.err, err)
			s.write(verifier.EntryFile, c)
		}
	}
	for _, sight := range stagedSights(localVantage) {
		s.write(verifier.EntrySight, sight)
	}
	s.write(verifier.EntryLookup, location.Lookup{Database: "GeoLite2-ASN", Built: time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC), Found: []location.Guess{
		{Host: "vote-1", Address: "192.0.2.2", ASN: 64500}, {Host: "vote-2", Address: "192.0.2.3", ASN: 64500}}})
	survey, err := json.MarshalIndent(location.Survey{Apart: 500, Vantages: []location.Vantage{{Name: "Nairobi", Point: &location.Point{Latitude: -1.29, Longitude: 36.82}}},
		Sights: stagedSights("Nairobi")}, "", " ")
	s.err = errors.Join(s.err, err)
	name, _ := verifier.FileSurvey("nairobi.json")
	s.file(name, string(survey)+"\n")
}
