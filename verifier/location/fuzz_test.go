package location

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/deployment"
)

// FuzzIdentity: whatever a hostile host says of itself, what is kept can be printed, is short, and reads the same again.
func FuzzIdentity(f *testing.F) {
	f.Add([]byte("machine-id 0123456789abcdef0123456789abcdef\nboot-id 01234567-89ab-cdef-0123-456789abcdef\nbtime 1790000000\n"))
	f.Add([]byte("machine-id \nboot-id\nbtime -1\nbtime 99999999999999999999\n"))
	f.Add([]byte("machine-id \x1b[2Jdeadbeef\nboot-id " + strings.Repeat("a", 100)))
	f.Fuzz(func(t *testing.T, text []byte) {
		id := parseIdentity(text)
		for _, part := range []string{id.MachineID, id.BootID} {
			require.True(t, part == "" || isIdentity(part), "%q", part)
			require.LessOrEqual(t, len(part), 64)
		}
		var b strings.Builder
		for name, part := range map[string]string{"machine-id": id.MachineID, "boot-id": id.BootID} {
			if part != "" {
				b.WriteString(name + " " + part + "\n")
			}
		}
		again := parseIdentity([]byte(b.String()))
		require.Equal(t, [2]string{id.MachineID, id.BootID}, [2]string{again.MachineID, again.BootID})
	})
}

// FuzzSurvey: what is taken for a survey reads the same again, and whatever is in it can be judged.
func FuzzSurvey(f *testing.F) {
	at := Point{48.86, 2.35}
	trips := Trips{Count: 3, Min: time.Millisecond, Median: time.Millisecond, Max: 2 * time.Millisecond}
	raw, err := json.Marshal(Survey{Apart: 500, Vantages: []Vantage{{Name: "Paris", Point: &at}}, Sights: []Sight{
		{Vantage: "Paris", Host: "a", Key: "k", Nonce: trips, Keepalive: trips, TCP: trips, Identity: Identity{"0a", "0b", 5}}, {Vantage: "Paris", Host: "b", Trouble: Unreachable}}})
	require.NoError(f, err)
	f.Add(raw)
	f.Add([]byte(`{"vantages":[{"name":"x","point":{"latitude":91}}],"sights":[{"vantage":"x"}]}`))
	f.Add([]byte(`{"vantages":[{"name":"x"}],"sights":[{"vantage":"x","host":"a","nonce":{"count":1,"min_ns":-5}}]}`))
	host := func(name string) deployment.Host {
		return deployment.Host{Name: name, Roles: []deployment.Role{deployment.Voting}, Place: name, Latitude: &at.Latitude, Longitude: &at.Longitude}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := ReadSurvey(raw)
		if err != nil {
			return
		}
		written, err := json.Marshal(s)
		require.NoError(t, err)
		again, err := ReadSurvey(written)
		require.NoError(t, err)
		require.Equal(t, s, again)
		j := Judge(Evidence{Deployment: deployment.Deployment{Hosts: []deployment.Host{host("a"), host("b"), host("c")}}, Vantages: s.Vantages, Sights: s.Sights, Apart: 500})
		for _, p := range j.Pairs {
			require.True(t, p.Lower >= 0 && p.Upper >= 0, "%+v", p)
		}
	})
}
