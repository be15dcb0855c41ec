package deployment

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// MinVoting is how many machines with voting wallets the programme asks for at least (PL-2).
const MinVoting = 3

// Mistake is one thing that is wrong with a description.
type Mistake struct {
	Key  string // such as "hosts[1].addresses"
	Text string // what is wrong and what would be right; where the programme forbids it, it begins with the row's id
}

// mistakes gathers what is wrong.
type mistakes []Mistake

func (m *mistakes) add(key, format string, args ...any) {
	*m = append(*m, Mistake{key, fmt.Sprintf(format, args...)})
}

// Mistakes returns all that is wrong with the description.
func (d Deployment) Mistakes() []Mistake {
	var m mistakes
	if d.Reviewer.Account == "" || strings.ContainsAny(d.Reviewer.Account, " \t\n:@/") {
		m.add("reviewer.account", "must name the account that reviewers have on every host, such as \"reviewer\"")
	} else if d.Reviewer.Account == "root" {
		m.add("reviewer.account", "must not be root: reviewers need an account without privileges")
	}
	for i, h := range d.Hosts {
		h.mistakes(fmt.Sprintf("hosts[%d].", i), &m)
	}
	d.countRoles(&m)
	d.findTwins(&m)
	if d.Monitoring != nil {
		d.Monitoring.complete().mistakes(&m)
	}
	return m
}

// mistakes adds what is wrong with one host.
func (h Host) mistakes(at string, m *mistakes) {
	if h.Name == "" || strings.ContainsAny(h.Name, " \t\n") {
		m.add(at+"name", "must be a name without spaces, such as \"vote-1\"")
	}
	if len(h.Roles) == 0 {
		m.add(at+"roles", "is missing: give [%q] or [%q]", Front, Voting)
	}
	for _, r := range h.Roles {
		if r != Front && r != Voting && r != Database {
			m.add(at+"roles", "%q is no role: use %q, %q or %q", r, Front, Voting, Database)
		}
	}
	if h.Has(Front) && h.Has(Voting) {
		m.add(at+"roles", "PL-7: no voting wallet may be on the front end")
	}
	if len(h.Addresses) == 0 {
		m.add(at+"addresses", "is missing: list the host's IPv4 and IPv6 addresses")
	}
	for _, a := range h.Addresses {
		if a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" {
			m.add(at+"addresses", "%v is not the address of one host", a)
		}
	}
	if len(h.HostKeys) == 0 {
		m.add(at+"host_keys", "is missing: give the line of /etc/ssh/ssh_host_ed25519_key.pub")
	} else if _, err := h.Keys(); err != nil {
		m.add(at+"host_keys", "%v", err)
	}
	if h.Place == "" {
		m.add(at+"place", "is missing: name the place, such as \"Frankfurt\"")
	}
	checkDegrees(at+"latitude", h.Latitude, 90, m)
	checkDegrees(at+"longitude", h.Longitude, 180, m)
}

func checkDegrees(key string, value *float64, limit float64, m *mistakes) {
	if value == nil {
		m.add(key, "is missing: give the place's degrees, from %v to %v", -limit, limit)
	} else if !(*value >= -limit && *value <= limit) {
		m.add(key, "is %v: degrees go from %v to %v", *value, -limit, limit)
	}
}

func (d Deployment) countRoles(m *mistakes) {
	front, voting := 0, 0
	for _, h := range d.Hosts {
		if h.Has(Front) {
			front++
		}
		if h.Has(Voting) {
			voting++
		}
	}
	if front == 0 {
		m.add("hosts", "PL-1: there must be at least one host with the role %q", Front)
	}
	if voting < MinVoting {
		// It has a key of its own: a file may lack both.
		m.add("hosts.roles", "PL-2: %d of the hosts have the role %q, at least %d are asked", voting, Voting, MinVoting)
	}
}

// findTwins adds names and addresses that come twice.
func (d Deployment) findTwins(m *mistakes) {
	names, owners := map[string]bool{}, map[netip.Addr]Host{}
	for i, h := range d.Hosts {
		if h.Name != "" && names[h.Name] {
			m.add(fmt.Sprintf("hosts[%d].name", i), "%q comes twice", h.Name)
		}
		names[h.Name] = true
		key := fmt.Sprintf("hosts[%d].addresses", i)
		for j, a := range h.Addresses {
			a = a.Unmap()
			other, taken := owners[a]
			if taken {
				m.add(key, "%s%v is %s's already", row(h, other), a, other.Name)
			} else if slices.Contains(h.Addresses[:j], a) {
				m.add(key, "%v comes twice", a)
			}
		}
		for _, a := range h.Addresses {
			if _, taken := owners[a.Unmap()]; !taken {
				owners[a.Unmap()] = h
			}
		}
	}
}

// row returns which row forbids that two hosts have one address.
func row(a, b Host) string {
	switch {
	case a.Has(Voting) && b.Has(Voting):
		return "PL-2: "
	case a.Has(Front) && b.Has(Voting), a.Has(Voting) && b.Has(Front):
		return "PL-6: "
	default:
		return ""
	}
}
