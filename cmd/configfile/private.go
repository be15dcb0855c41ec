package configfile

import (
	"net"
	"net/netip"
)

// sharedNetwork is what providers and private meshes use between themselves (RFC 6598).
var sharedNetwork = netip.MustParsePrefix("100.64.0.0/10")

// CheckPrivate makes sure that a key's value is a host:port to listen on that the world does not reach, and says what is
// wrong if it is not. A host that is a name is believed. It reports whether the value is a host:port.
func (f *File) CheckPrivate(key, address string) bool {
	host, port, err := net.SplitHostPort(address)
	number, portErr := net.LookupPort("tcp", port)
	if err != nil || portErr != nil || host == "" || number == 0 {
		f.Wrong(key, "%q is not host:port of a private address, such as 127.0.0.1:8801", address)
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil && !isPrivate(ip.Unmap()) {
		f.Wrong(key, "%s is a public address: metrics are for you alone; use one of this machine or of a private network", host)
	}
	return true
}

func isPrivate(ip netip.Addr) bool {
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || sharedNetwork.Contains(ip)
}

// IsHostPort reports whether an address has a host and a port that can be reached.
func IsHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return false
	}
	number, err := net.LookupPort("tcp", port)
	return err == nil && number > 0
}
