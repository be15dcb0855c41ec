package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/verifier/location"
	"scrutineer/verifier/location/locationtest"
)

// city is a place that hosts and vantages are in.
type city struct {
	name string
	location.Point
}

var cities = map[string]city{
	"Frankfurt": {"Frankfurt", location.Point{Latitude: 50.11, Longitude: 8.68}},
	"Singapore": {"Singapore", location.Point{Latitude: 1.35, Longitude: 103.82}},
	"Sao Paulo": {"Sao Paulo", location.Point{Latitude: -23.55, Longitude: -46.63}},
}

// station is one host of a scenario: where its operator says it is, and where it is.
type station struct {
	claimed, real string
	padding       time.Duration // that its operator adds
	machine       int           // that it is; 0: one of its own
}

// honest is a front end and three wallets far apart, each where it is said to be, and so near to a vantage that a machine
// under load does not come to other verdicts.
func honest() []station {
	return []station{{claimed: "Singapore"}, {claimed: "Frankfurt"}, {claimed: "Singapore"}, {claimed: "Sao Paulo"}}
}

// theatre is a scenario at work: real sshds behind relays.
type theatre struct {
	dir      string
	stations []station
	relays   []*locationtest.Relay
	key      string
}

func newTheatre(t *testing.T, stations []station) *theatre {
	s := &theatre{dir: t.TempDir(), stations: stations}
	var text strings.Builder
	machines := map[int]*locationtest.Machine{}
	authority := locationtest.Start(t, 100)
	s.key = authority.KeyFile
	fmt.Fprintf(&text, "[reviewer]\naccount = %q\n", authority.Account)
	for i, st := range stations {
		id := st.machine
		if id == 0 {
			id = 10 + i
		}
		if machines[id] == nil {
			machines[id] = locationtest.StartFor(t, id, authority.Reviewer,
				"AllowTcpForwarding no") // the relays do not know one host from another
		}
		relay := locationtest.StartRelay(t, 10+i, machines[id].Address)
		s.relays = append(s.relays, relay)
		role, name := "voting", fmt.Sprintf("vote-%d", i)
		if i == 0 {
			role, name = "front", "front"
		}
		at := cities[st.claimed]
		fmt.Fprintf(&text, "[[hosts]]\nname = %q\nroles = [%q]\naddresses = [%q]\nssh_port = %d\nhost_keys = [%q]\nplace = %q\nlatitude = %v\nlongitude = %v\n",
			name, role, relay.Address.Addr(), relay.Address.Port(), machines[id].HostKey, st.claimed, at.Latitude, at.Longitude)
	}
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "deployment.toml"), []byte(text.String()), 0o600))
	return s
}

// look runs the program as if from a city, and returns what it wrote and its exit code.
func (s *theatre) look(t *testing.T, from string, cut bool, args ...string) (string, int) {
	here := cities[from]
	for i, st := range s.stations {
		real := st.real
		if real == "" {
			real = st.claimed
		}
		light := location.Distance(here.Point, cities[real].Point) / location.KmPerMs
		line := locationtest.Line{Trip: time.Duration(light*1e6) + st.padding, Cut: cut}
		s.relays[i].Treat(func(netip.AddrPort) locationtest.Line { return line })
	}
	cmd, out, errs := vspverify(t, append([]string{"places", "--deployment", filepath.Join(s.dir, "deployment.toml"), "--key", s.key, "--trips", "10", "--apart", "2000",
		"--from", from, "--at", fmt.Sprintf("%v,%v", here.Latitude, here.Longitude)}, args...)...)
	_ = cmd.Run() // its exit code is looked at
	code := cmd.ProcessState.ExitCode()
	require.NotEqual(t, 2, code, "%s", errs)
	return out.String(), code
}

// survey looks from three cities, of which some are cut off, and returns what the last one makes of all.
func (s *theatre) survey(t *testing.T, off string) (of survey, text string, code int) {
	var with []string
	for _, from := range []string{"Frankfurt", "Singapore"} {
		path := filepath.Join(s.dir, from+".json")
		out, _ := s.look(t, from, from == off, "--json")
		require.NoError(t, os.WriteFile(path, []byte(out), 0o600))
		with = append(with, "--with", path)
	}
	out, code := s.look(t, "Sao Paulo", off == "Sao Paulo", append(with, "--json")...)
	require.NoError(t, json.Unmarshal([]byte(out), &of), out)
	d, err := readDeployment(filepath.Join(s.dir, "deployment.toml"))
	require.NoError(t, err)
	return of, of.text(d), code
}

// TestPlaces plays what operators do, with a real sshd for each of their machines.
func TestPlaces(t *testing.T) {
	with := func(change func([]station)) []station {
		all := honest()
		change(all)
		return all
	}
	tests := []struct {
		name     string
		stations []station
		off      string
		code     int
		verdicts []verifier.Verdict // of PL-4, PL-5, PL-6
		says     string
	}{
		{"far and honest", honest(), "", 0, []verifier.Verdict{verifier.Pass, verifier.Pass, verifier.Unproven}, "three places: PROVEN"},
		{"two in one city", with(func(s []station) { s[2].claimed = "Frankfurt" }), "", 1,
			[]verifier.Verdict{verifier.Pass, verifier.Fail, verifier.Unproven}, "and 2000 are asked"},
		{"one machine under two names", with(func(s []station) { s[1].machine, s[2].machine, s[2].real = 30, 30, "Frankfurt" }), "", 1,
			[]verifier.Verdict{verifier.Refuted, verifier.Refuted, verifier.Unproven}, "one machine under two names"},
		{"a claim 8,000 km off and more", with(func(s []station) { s[1].real = "Sao Paulo" }), "", 1,
			[]verifier.Verdict{verifier.Refuted, verifier.Refuted, verifier.Unproven}, "vote-1 is not in Frankfurt, as claimed"},
		{"padded", with(func(s []station) { s[2].padding = 150 * time.Millisecond }), "", 1,
			[]verifier.Verdict{verifier.Pass, verifier.Unproven, verifier.Unproven}, "would settle it"},
		{"a vantage cut off", honest(), "Singapore", 1,
			[]verifier.Verdict{verifier.Unproven, verifier.Unproven, verifier.Unproven}, "HINDERED"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // it is waiting nearly all of the time
			of, text, code := newTheatre(t, test.stations).survey(t, test.off)
			t.Log("\n" + text)
			var got []verifier.Verdict
			for _, f := range of.Judgement.Findings {
				got = append(got, f.Verdict)
			}
			require.Equal(t, test.verdicts, got)
			require.Equal(t, test.code, code)
			require.Contains(t, strings.Join(strings.Fields(text), " "), test.says)
			for line := range strings.Lines(text) {
				require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), columns, line)
			}
		})
	}
}
