package location_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/verifier/location"
	"scrutineer/vsp/deployment"
)

var (
	frankfurt = location.Point{Latitude: 50.11, Longitude: 8.68}
	singapore = location.Point{Latitude: 1.35, Longitude: 103.82}
	newYork   = location.Point{Latitude: 40.71, Longitude: -74.01}
	london    = location.Point{Latitude: 51.51, Longitude: -0.13}
)

func host(name, place string, at location.Point, role deployment.Role, address string) deployment.Host {
	return deployment.Host{Name: name, Place: place, Roles: []deployment.Role{role}, Latitude: &at.Latitude, Longitude: &at.Longitude,
		Addresses: []netip.Addr{netip.MustParseAddr(address)}}
}

// evidence is of three wallets far from each other, and of vantages near each, in ms.
func evidence() location.Evidence {
	e := location.Evidence{Apart: location.DefaultApart}
	e.Deployment.Hosts = []deployment.Host{
		host("front", "London", london, deployment.Front, "192.0.2.1"),
		host("vote-1", "Frankfurt", frankfurt, deployment.Voting, "198.51.100.1"),
		host("vote-2", "Singapore", singapore, deployment.Voting, "203.0.113.1"),
		host("vote-3", "New York", newYork, deployment.Voting, "192.0.2.200"),
	}
	e.Vantages = []location.Vantage{{Name: "Frankfurt", Point: &frankfurt}, {Name: "Singapore", Point: &singapore}, {Name: "New York", Point: &newYork}}
	for _, m := range []struct {
		vantage, host string
		ms            float64
	}{
		{"Frankfurt", "front", 11}, {"Frankfurt", "vote-1", 1}, {"Frankfurt", "vote-2", 160}, {"Frankfurt", "vote-3", 85},
		{"Singapore", "vote-2", 1.5}, {"New York", "vote-3", 0.9},
	} {
		took := time.Duration(m.ms * float64(time.Millisecond))
		e.Sights = append(e.Sights, location.Sight{Vantage: m.vantage, Host: m.host, Nonce: trips(took), Keepalive: trips(took)})
	}
	return e
}

func verdicts(j location.Judgement) (all []verifier.Verdict) {
	for _, f := range j.Findings {
		all = append(all, f.Verdict)
	}
	return all
}

func TestFarAndHonest(t *testing.T) {
	j := location.Judge(evidence())
	require.Equal(t, []verifier.Verdict{verifier.Pass, verifier.Pass, verifier.Unproven}, verdicts(j))
	says := strings.Join(j.Findings[1].Says, " ")
	require.Contains(t, says, "vote-1 and vote-2 are at least 9896 km apart: vote-1 answered Frankfurt in 1.00 ms, so it is within 100 km of it, and vote-2 answered Singapore in 1.50 ms, so it is within 150 km of it.")
	require.Empty(t, j.Refuted)
	require.Equal(t, []string{"front and vote-3 both have addresses in 192.0.2.0/24."}, j.Signs)
}

func TestVerdicts(t *testing.T) {
	claimed := func(e *location.Evidence, i int, place string, at location.Point) {
		h := &e.Deployment.Hosts[i]
		h.Place, h.Latitude, h.Longitude = place, &at.Latitude, &at.Longitude
	}
	fast := func(e *location.Evidence, i int, ms float64) {
		took := trips(time.Duration(ms * float64(time.Millisecond)))
		e.Sights[i].Nonce, e.Sights[i].Keepalive = took, took
	}
	tests := map[string]struct {
		change func(*location.Evidence)
		pl5    verifier.Verdict
		says   string
	}{
		"a claim far off": {
			func(e *location.Evidence) { claimed(e, 1, "Singapore", singapore) }, verifier.Refuted,
			"vote-1 is not in Singapore, as claimed: vote-1 answered Frankfurt in 1.00 ms, so it is within 100 km of it, and Singapore is 10258 km away from there.",
		},
		"two in one city, as is claimed": {
			func(e *location.Evidence) {
				claimed(e, 2, "Frankfurt", frankfurt)
				fast(e, 2, 1.2)
				e.Sights = append(e.Sights[:4], e.Sights[5])
			}, verifier.Fail, "vote-1 and vote-2 are at most 220 km apart, and 500 are asked",
		},
		"one machine under two names": {
			func(e *location.Evidence) {
				fast(e, 4, 160)
				e.Sights[1].Identity.BootID, e.Sights[4].Identity.BootID = "b", "b"
			}, verifier.Refuted,
			"vote-1 and vote-2 are one machine under two names: both have the boot_id b",
		},
		"one kernel by their own word, and far apart by light": {
			func(e *location.Evidence) { e.Sights[1].Identity.BootID, e.Sights[4].Identity.BootID = "b", "b" }, verifier.Unproven,
			"vote-1 and vote-2 both have the boot_id b, that of one running kernel, and yet are at least 9896 km apart: vote-1 answered",
		},
		"two copied from one image, with its keys": {
			func(e *location.Evidence) {
				e.Sights[1].Identity = location.Identity{MachineID: "a", BootID: "b", Booted: 1}
				e.Sights[4].Identity = location.Identity{MachineID: "a", BootID: "c", Booted: 1000}
				e.Sights[1].Key, e.Sights[4].Key = "k", "k"
			}, verifier.Unproven, "vote-1 and vote-2 both prove the SSH host key k: an answer by it may be of either",
		},
		"padded": {
			func(e *location.Evidence) { fast(e, 4, 120) }, verifier.Unproven,
			"A vantage within 94.9 ms of vote-2 (Singapore) would settle it.",
		},
		"two in one city, seen through each other": {
			func(e *location.Evidence) {
				claimed(e, 2, "Frankfurt", frankfurt)
				fast(e, 1, 4)
				fast(e, 2, 4)
				e.Sights[4] = location.Sight{Vantage: "Frankfurt", Host: "vote-2", Via: "vote-1", Nonce: trips(4300 * time.Microsecond)}
			}, verifier.Fail, "vote-1 and vote-2 are at most 430 km apart, and 500 are asked: vote-2 answered Frankfurt through vote-1 in 4.30 ms.",
		},
		"keepalives answered before they are asked": {
			func(e *location.Evidence) { fast(e, 4, 120); e.Sights[4].Keepalive = trips(1) }, verifier.Unproven, "are at least 0 and at most",
		},
		"one vantage cut off": {
			func(e *location.Evidence) {
				e.Sights[4].Trouble, e.Sights[4].Detail = location.Unreachable, "nothing answers"
			}, verifier.Unproven, "would settle it",
		},
		"two that swap their places": {
			func(e *location.Evidence) {
				there := []location.Sight{e.Sights[1], e.Sights[4]}
				there[0].Host, there[1].Host = "vote-2", "vote-1"
				e.Sights = append(e.Sights, there...)
			}, verifier.Unproven, "of vote-1 there is no measurement that counts, and of vote-2 there is no measurement that counts",
		},
		"a vantage that is not where it says": {
			func(e *location.Evidence) { e.Vantages[1].Point = &london; fast(e, 4, 0.5); fast(e, 2, 0.5) }, verifier.Unproven,
			"First find out which vantage is not where it says.",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := evidence()
			test.change(&e)
			j := location.Judge(e)
			require.Equal(t, test.pl5, j.Findings[1].Verdict, "%+v", j)
			require.Contains(t, strings.Join(j.Findings[1].Says, " "), test.says)
		})
	}
}

// TestCopiedImages: two machines that were set up from one image are two, whatever of it both still have.
func TestCopiedImages(t *testing.T) {
	e := evidence()
	e.Sights[1].Identity = location.Identity{MachineID: "a", BootID: "b", Booted: 1}
	e.Sights[4].Identity = location.Identity{MachineID: "a", BootID: "c", Booted: 1000}
	j := location.Judge(e)
	require.Equal(t, []verifier.Verdict{verifier.Pass, verifier.Pass, verifier.Unproven}, verdicts(j))
	require.Contains(t, j.Signs, "vote-1 and vote-2 have one machine-id, a: they were copied from one image, or are one machine that was booted in between.")
	require.Empty(t, j.Refuted)
}

// TestReturningKernel: a reboot is none of two machines; a kernel that comes back is.
func TestReturningKernel(t *testing.T) {
	told := func(vantage, id string) location.Sight {
		return location.Sight{Vantage: vantage, Host: "vote-1", Identity: location.Identity{BootID: id}, Trouble: location.TooSlow}
	}
	e := evidence()
	e.Sights = append(e.Sights, told("Singapore", "a"), told("New York", "b"), told("Singapore", "b"), told("New York", "b"), told("New York", "c"))
	says := "vote-1 told the boot_id b, then another, then that one again, which no kernel does: more than one machine answers."
	require.NotContains(t, location.Judge(e).Signs, says)
	e.Sights = append(e.Sights, told("New York", "b"))
	require.Contains(t, location.Judge(e).Signs, says)
}
