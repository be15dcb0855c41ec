package location_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/stretchr/testify/require"

	"scrutineer/verifier/location"
)

// writeDatabase writes a database of addresses that is of a day in November.
func writeDatabase(t *testing.T, kind string, networks map[string]mmdbtype.Map) string {
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, BuildEpoch: time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC).Unix(), IncludeReservedNetworks: true})
	require.NoError(t, err)
	for network, record := range networks {
		_, of, err := net.ParseCIDR(network)
		require.NoError(t, err)
		require.NoError(t, tree.Insert(of, record))
	}
	path := filepath.Join(t.TempDir(), kind+".mmdb")
	file, err := os.Create(path)
	require.NoError(t, err)
	_, err = tree.WriteTo(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return path
}

func TestDatabasesGiveSigns(t *testing.T) {
	e := evidence()
	asn := writeDatabase(t, "GeoLite2-ASN", map[string]mmdbtype.Map{
		"198.51.100.0/24": {"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": mmdbtype.String("Example")},
		"203.0.113.0/24":  {"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": mmdbtype.String("Example")},
		"192.0.2.0/25":    {"autonomous_system_number": mmdbtype.Uint32(64501), "autonomous_system_organization": mmdbtype.String("Other")},
	})
	place := func(city, country string, at location.Point) mmdbtype.Map {
		return mmdbtype.Map{"city": mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(city)}}, "country": mmdbtype.Map{"iso_code": mmdbtype.String(country)},
			"location": mmdbtype.Map{"latitude": mmdbtype.Float64(at.Latitude), "longitude": mmdbtype.Float64(at.Longitude)}}
	}
	city := writeDatabase(t, "GeoLite2-City", map[string]mmdbtype.Map{
		"198.51.100.0/24": place("Frankfurt am Main", "DE", frankfurt), "203.0.113.0/24": place("Frankfurt am Main", "DE", frankfurt), "192.0.2.0/25": place("London", "GB", london),
	})
	before := location.Judge(e)
	for _, path := range []string{asn, city, city} { // as after a restart
		l, err := location.LookUp(path, e.Deployment.Hosts)
		require.NoError(t, err)
		require.Len(t, l.Found, 3)
		raw, err := json.Marshal(l)
		require.NoError(t, err)
		var again location.Lookup
		require.NoError(t, json.Unmarshal(raw, &again))
		require.Equal(t, l, again)
		e.Lookups = append(e.Lookups, again)
	}
	j := location.Judge(e)
	require.Equal(t, []string{
		"vote-1 and vote-2 have addresses in AS64500 Example, says GeoLite2-ASN of 03 Nov 2026.",
		"vote-1 and vote-2 have addresses in Frankfurt am Main, DE, says GeoLite2-City of 03 Nov 2026.",
		"vote-2 is said to be in Singapore, and its address in Frankfurt am Main, DE, 10258 km away, says GeoLite2-City of 03 Nov 2026.",
	}, j.Signs[len(before.Signs):])
	require.Equal(t, before.Findings, j.Findings, "a sign changes no verdict")

	e.Deployment.Hosts[2].Addresses = e.Deployment.Hosts[0].Addresses[:0]
	require.Equal(t, before.Signs, location.Judge(e).Signs, "an address that it has no more says nothing")

	_, err := location.LookUp(filepath.Join(t.TempDir(), "none.mmdb"), nil)
	require.ErrorContains(t, err, "none.mmdb")
}

func TestSignsOfSightsAlone(t *testing.T) {
	e := evidence()
	e.Sights[0].Identity.MachineID = "0a"
	e.Sights = append(e.Sights, e.Sights[0])
	e.Sights[len(e.Sights)-1].Identity.MachineID = "0b"
	for i, at := range []*location.Sight{&e.Sights[1], &e.Sights[0]} { // vote-1 and the front end
		took := trips(time.Duration(11e6 + i*1e5))
		at.Nonce, at.Keepalive = took, took
	}
	e.Sights = append(e.Sights, location.Sight{Vantage: "New York", Host: "front", Nonce: trips(80e6)}, location.Sight{Vantage: "New York", Host: "vote-1", Nonce: trips(80.5e6)})
	require.Subset(t, location.Judge(e).Signs, []string{
		"front told 2 machine-ids in the course of the measurements: it was set up anew, or more than one machine answers.",
		"front and vote-1 answer each of 2 vantages within 1.00 ms of each other.",
	})
}
