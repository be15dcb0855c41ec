package deployment_test

import (
	"net/netip"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp/deployment"
)

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8cZbT0Tzuw7Vj0Yb3g4p3oyWWsS1q5kGVy5VqJrG1T host"

// healthy is a description in which nothing is wrong.
func healthy() deployment.Deployment {
	host := func(name, place string, role deployment.Role, latitude float64, addresses ...string) deployment.Host {
		h := deployment.Host{Name: name, Place: place, Roles: []deployment.Role{role}, HostKeys: []string{key},
			Latitude: &latitude, Longitude: new(float64)}
		for _, a := range addresses {
			h.Addresses = append(h.Addresses, netip.MustParseAddr(a))
		}
		return h
	}
	return deployment.Deployment{Reviewer: deployment.Reviewer{Account: "reviewer"}, Hosts: []deployment.Host{
		host("front", "Lagos", deployment.Front, 6, "192.0.2.1", "2001:db8::1"),
		host("vote-1", "Oslo", deployment.Voting, 60, "192.0.2.2"),
		host("vote-2", "Rome", deployment.Voting, 42, "192.0.2.3"),
		host("vote-3", "Cairo", deployment.Voting, 30, "2001:db8::4"),
	}}
}

func TestHealthyHasNoMistakes(t *testing.T) {
	require.Empty(t, healthy().Mistakes())
	require.Equal(t, "[2001:db8::1]:22", healthy().Hosts[0].Endpoints()[1].String())
}

func TestMistakes(t *testing.T) {
	far := 91.0
	tests := map[string]struct {
		break_ func(*deployment.Deployment)
		want   []deployment.Mistake
	}{
		"two voting hosts": {
			func(d *deployment.Deployment) { d.Hosts = d.Hosts[:3] },
			[]deployment.Mistake{{"hosts.roles", `PL-2: 2 of the hosts have the role "voting", at least 3 are asked`}},
		},
		"no front end": {
			func(d *deployment.Deployment) { d.Hosts = d.Hosts[1:] },
			[]deployment.Mistake{{"hosts", `PL-1: there must be at least one host with the role "front"`}},
		},
		"a voting wallet on the front end": {
			func(d *deployment.Deployment) { d.Hosts[0].Roles = append(d.Hosts[0].Roles, deployment.Voting) },
			[]deployment.Mistake{{"hosts[0].roles", "PL-7: no voting wallet may be on the front end"}},
		},
		"the front end's address again": {
			func(d *deployment.Deployment) {
				d.Hosts[2].Addresses = append(d.Hosts[2].Addresses, netip.MustParseAddr("2001:db8:0::1"))
			},
			[]deployment.Mistake{{"hosts[2].addresses", "PL-6: 2001:db8::1 is front's already"}},
		},
		"a voting host's address again, dressed as IPv6": {
			func(d *deployment.Deployment) {
				d.Hosts[3].Addresses[0] = netip.MustParseAddr("::ffff:192.0.2.2")
			},
			[]deployment.Mistake{{"hosts[3].addresses", "PL-2: 192.0.2.2 is vote-1's already"}},
		},
		"several at once": {
			func(d *deployment.Deployment) {
				d.Reviewer.Account = "root"
				d.Hosts[1].Latitude = &far
				d.Hosts[1].Longitude = nil
				d.Hosts[2].HostKeys = []string{"ssh-ed25519 nonsense"}
				d.Hosts[3].Name = "vote-2"
			},
			[]deployment.Mistake{
				{"reviewer.account", "must not be root: reviewers need an account without privileges"},
				{"hosts[1].latitude", "is 91: degrees go from -90 to 90"},
				{"hosts[1].longitude", "is missing: give the place's degrees, from -180 to 180"},
				{"hosts[2].host_keys", `"ssh-ed25519 nonsense" is no host key: write one line of /etc/ssh/ssh_host_ed25519_key.pub`},
				{"hosts[3].name", `"vote-2" comes twice`},
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := healthy()
			test.break_(&d)
			require.Equal(t, test.want, d.Mistakes())
		})
	}
}

func TestReadsItsOwnTOML(t *testing.T) {
	raw, err := toml.Marshal(healthy())
	require.NoError(t, err)
	var d deployment.Deployment
	require.NoError(t, toml.Unmarshal(raw, &d))
	require.Equal(t, healthy(), d)
}
