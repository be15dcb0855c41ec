package main

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"scrutineer/verifier/location"
	"scrutineer/verifier/location/locationtest"
	"scrutineer/vsp/deployment"
)

// TestMerge refuses what another machine cannot have measured of this deployment.
func TestMerge(t *testing.T) {
	key := locationtest.NewKey(t).PublicKey()
	d := deployment.Deployment{Hosts: []deployment.Host{{Name: "vote-1", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
		HostKeys: []string{string(ssh.MarshalAuthorizedKey(key))}}}}
	good := func() survey {
		trips := location.Trips{Count: 1, Min: time.Millisecond, Median: time.Millisecond, Max: time.Millisecond}
		return survey{location.Survey{Vantages: []location.Vantage{{Name: "Paris", Point: &location.Point{Latitude: 48.86, Longitude: 2.35}}},
			Sights: []location.Sight{{Vantage: "Paris", Host: "vote-1", Key: ssh.FingerprintSHA256(key), Nonce: trips, Keepalive: trips}}}}
	}
	tests := []struct {
		name   string
		change func(*survey)
		want   string // empty: it is taken
	}{
		{"good", func(*survey) {}, ""},
		{"a vantage of our name", func(s *survey) { s.Vantages[0].Name, s.Sights[0].Vantage = "here", "here" }, `there is a vantage "here" already`},
		{"a place that is none", func(s *survey) { s.Vantages[0].Point.Latitude = 91 }, `the place of vantage "Paris" is none`},
		{"a vantage that is not told of", func(s *survey) { s.Sights[0].Vantage = "Rome" }, `it does not say what the vantage "Rome" is`},
		{"another host", func(s *survey) { s.Sights[0].Host = "vote-9" }, `the deployment has no host "vote-9"`},
		{"another key", func(s *survey) { s.Sights[0].Key = "SHA256:other" }, "it measured vote-1 by the host key SHA256:other"},
		{"faster than light", func(s *survey) { s.Sights[0].Nonce.Min, s.Sights[0].Keepalive.Min = -1, -1 }, "which is no time"},
		{"nothing measured", func(s *survey) { s.Sights = nil }, "it has no measurements"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			other := good()
			test.change(&other)
			raw, err := json.Marshal(other)
			require.NoError(t, err)
			path := filepath.Join(t.TempDir(), "other.json")
			require.NoError(t, os.WriteFile(path, raw, 0o600))
			s := survey{location.Survey{Vantages: []location.Vantage{{Name: "here"}}}}
			err = s.merge(path, d)
			if test.want == "" {
				require.NoError(t, err)
				require.Len(t, s.Vantages, 2)
				require.Equal(t, other.Sights, s.Sights)
				return
			}
			require.ErrorContains(t, err, test.want)
			require.Len(t, s.Vantages, 1)
		})
	}
}
