package location_test

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"scrutineer/verifier"
	"scrutineer/verifier/location"
	"scrutineer/verifier/location/locationtest"
)

// TestDescriptionThatChanges reads a trial in which a host was near Frankfurt by its first key and address. What the operator
// then says of the machines must not carry that over to another machine.
func TestDescriptionThatChanges(t *testing.T) {
	keys := []ssh.Signer{locationtest.NewKey(t), locationtest.NewKey(t)}
	line := func(i int) string { return string(ssh.MarshalAuthorizedKey(keys[i].PublicKey())) }
	sight := location.Sight{Vantage: verifier.LocalVantage, Host: "vote-1", Address: "198.51.100.1:22", Key: ssh.FingerprintSHA256(keys[0].PublicKey()),
		Nonce: trips(time.Millisecond), Keepalive: trips(time.Millisecond)}
	tests := map[string]struct {
		key     int
		address string
		counts  bool
	}{
		"nothing has changed":     {0, "198.51.100.1", true},
		"another key":             {1, "198.51.100.1", false},
		"another address":         {0, "203.0.113.9", false},
		"two have swapped places": {1, "203.0.113.1", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var r verifier.Record
			r.Plan.Places = &verifier.PlacesPlan{Apart: 500, Vantages: []verifier.Standpoint{{Vantage: verifier.LocalVantage, Place: "Frankfurt", Latitude: &frankfurt.Latitude, Longitude: &frankfurt.Longitude}}}
			r.Places.Deployment.Hosts = evidence().Deployment.Hosts[1:2]
			h := &r.Places.Deployment.Hosts[0]
			h.HostKeys, h.Addresses = []string{line(test.key)}, []netip.Addr{netip.MustParseAddr(test.address)}
			raw, err := json.Marshal(sight)
			require.NoError(t, err)
			r.Places.Passages = []verifier.Passage{{Kind: verifier.EntrySight, Data: raw}}
			e, asked, err := location.Read(&r)
			require.NoError(t, err)
			require.True(t, asked)
			j := location.Judge(e)
			if test.counts {
				require.Len(t, j.Hosts[0].Discs, 1)
				return
			}
			require.Empty(t, j.Hosts[0].Discs)
			require.Contains(t, j.Troubles[0], "that the deployment does not have any more (outdated)")
		})
	}
}

// TestHostsThatPassNothingOn tells of each once, whatever else was to be measured through it.
func TestHostsThatPassNothingOn(t *testing.T) {
	e := evidence()
	for _, m := range [][3]string{{"Singapore", "vote-3", "vote-2"}, {"Frankfurt", "vote-2", "vote-1"}, {"Frankfurt", "vote-3", "vote-1"}, {"New York", "vote-2", "vote-1"}} {
		e.Sights = append(e.Sights, location.Sight{Vantage: m[0], Host: m[1], Via: m[2], Trouble: location.NoPassage})
	}
	require.Equal(t, []string{
		"Nothing was measured through vote-1 from Frankfurt and New York: it passes no connections on (AllowTcpForwarding), which is its operator's choice.",
		"Nothing was measured through vote-2 from Singapore: it passes no connections on (AllowTcpForwarding), which is its operator's choice.",
	}, location.Judge(e).Troubles)
}
