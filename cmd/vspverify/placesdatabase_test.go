package main

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/stretchr/testify/require"

	"scrutineer/verifier/location"
)

// TestPlacesAsksDatabases judges what was measured elsewhere, with a database of addresses and without one.
func TestPlacesAsksDatabases(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	raw, err := json.Marshal(location.Survey{Apart: 500, Vantages: []location.Vantage{{Name: "Nairobi"}}, Sights: stagedSights("Nairobi")})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path("nairobi.json"), raw, 0o600))
	require.NoError(t, os.WriteFile(path("deployment.toml"), []byte(stagedDeployment(func([]stagedHost) {})), 0o600))
	writeASN(t, path("asn.mmdb"))

	judge := func(args ...string) (string, string, int) {
		cmd, out, errs := vspverify(t, append([]string{"places", "--deployment", path("deployment.toml"), "--with", path("nairobi.json")}, args...)...)
		_ = cmd.Run() // its exit code is looked at
		return strings.Join(strings.Fields(out.String()), " "), errs.String(), cmd.ProcessState.ExitCode()
	}
	without, _, code := judge()
	require.Equal(t, 1, code)
	require.NotContains(t, without, "AS64500")
	with, _, code := judge("--asn-db", path("asn.mmdb"))
	require.Equal(t, 1, code)
	require.Contains(t, with, "front, vote-1, vote-2 and vote-3 have addresses in AS64500 Example, says GeoLite2-ASN")
	_, errs, code := judge("--city-db", path("none.mmdb"))
	require.Equal(t, 2, code)
	require.Contains(t, errs, "none.mmdb")
}

// writeASN writes a database in which the staged hosts are in one network.
func writeASN(t *testing.T, path string) {
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-ASN", IncludeReservedNetworks: true})
	require.NoError(t, err)
	_, network, err := net.ParseCIDR("192.0.2.0/24")
	require.NoError(t, err)
	require.NoError(t, tree.Insert(network, mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": mmdbtype.String("Example")}))
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	_, err = tree.WriteTo(file)
	require.NoError(t, err)
}
