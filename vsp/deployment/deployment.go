// Package deployment is the description of a VSP's machines, and the files rendered from it: what the operator claims, what
// the verifier checks, and how each machine is watched.
//
// It promises that a description without Mistakes has the shape that the programme asks for. Whether the claims are true is
// for the verifier to find out.
package deployment

import (
	"fmt"
	"net/netip"

	"golang.org/x/crypto/ssh"
)

// Role is what a host does.
type Role string

// The roles.
const (
	Front    Role = "front"    // the web front end
	Voting   Role = "voting"   // a voting wallet
	Database Role = "database" // a database server that several front ends share
)

// Deployment is all machines of a VSP, as its operator describes them in TOML.
type Deployment struct {
	Reviewer Reviewer `toml:"reviewer" json:"reviewer"`
	Hosts    []Host   `toml:"hosts" json:"hosts"`

	// Monitoring is nil if no control files are to be rendered. Whom an operator mails is nothing for a trial's evidence.
	Monitoring *Monitoring `toml:"monitoring" json:"-"`
}

// Reviewer is how a reviewer comes in.
type Reviewer struct {
	Account string `toml:"account" json:"account"` // unprivileged, with a key and without a password, the same on every host
}

// Host is one machine.
type Host struct {
	Name      string       `toml:"name" json:"name"`
	Roles     []Role       `toml:"roles" json:"roles"`
	Addresses []netip.Addr `toml:"addresses" json:"addresses"` // IPv4 and IPv6, all that are public
	SSHPort   uint16       `toml:"ssh_port" json:"ssh_port"`   // 0: 22
	HostKeys  []string     `toml:"host_keys" json:"host_keys"` // as in /etc/ssh/ssh_host_*_key.pub
	Place     string       `toml:"place" json:"place"`         // for people, such as "Frankfurt"
	Latitude  *float64     `toml:"latitude" json:"latitude"`   // of the place, degrees, north is positive
	Longitude *float64     `toml:"longitude" json:"longitude"` // degrees, east is positive
}

// Has reports whether a host has a role.
func (h Host) Has(role Role) bool {
	for _, r := range h.Roles {
		if r == role {
			return true
		}
	}
	return false
}

// Endpoints returns where the host's sshd listens, in the order of the addresses.
func (h Host) Endpoints() []netip.AddrPort {
	port := h.SSHPort
	if port == 0 {
		port = 22
	}
	var all []netip.AddrPort
	for _, a := range h.Addresses {
		all = append(all, netip.AddrPortFrom(a.Unmap(), port))
	}
	return all
}

// Keys returns the host's pinned keys.
func (h Host) Keys() ([]ssh.PublicKey, error) {
	var all []ssh.PublicKey
	for _, text := range h.HostKeys {
		key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(text))
		if err != nil || len(rest) > 0 {
			return nil, fmt.Errorf("%.20q is no host key: write one line of /etc/ssh/ssh_host_ed25519_key.pub", text)
		}
		all = append(all, key)
	}
	return all, nil
}
