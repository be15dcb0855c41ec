package server

import (
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientOf returns the address of who asks: the one that has connected, unless that is a proxy of ours. Of what a proxy
// has written into X-Forwarded-For the right-most address that is no proxy of ours counts; everything left of it is the
// client's own say. An entry that is no address ends the walk at the proxy that has written it. The zero Addr stands for
// all whose connection has none.
func clientOf(r *http.Request, proxies []netip.Prefix) netip.Addr {
	client, ok := parseAddress(r.RemoteAddr)
	if !ok {
		return netip.Addr{}
	}
	for hop := range forwarded(r.Header.Values("X-Forwarded-For")) {
		if !slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(client) }) {
			break
		}
		before, ok := parseAddress(hop)
		if !ok {
			break
		}
		client = before
	}
	return client
}

// forwarded goes through the entries of a header's lines, the last that was added first.
func forwarded(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range slices.Backward(lines) {
			for more := true; more; {
				entry := line
				var i int
				if i = strings.LastIndexByte(line, ','); i >= 0 {
					line, entry = line[:i], line[i+1:]
				}
				more = i >= 0
				if !yield(strings.TrimSpace(entry)) {
					return
				}
			}
		}
	}
}

// parseAddress reads an address with or without a port and brackets. An IPv4 address in an IPv6 one becomes the former, and
// a zone is left out: each would make a second name of one address.
func parseAddress(text string) (netip.Addr, bool) {
	withPort, err := netip.ParseAddrPort(text)
	address := withPort.Addr()
	if err != nil {
		bare, opened := strings.CutPrefix(text, "[")
		bare, closed := strings.CutSuffix(bare, "]")
		if address, err = netip.ParseAddr(bare); err != nil || opened != closed {
			return netip.Addr{}, false
		}
	}
	return address.Unmap().WithZone(""), true
}

// network returns whom an address is counted with. Who has one IPv6 address has its /64.
func network(address netip.Addr) netip.Addr {
	if !address.Is6() {
		return address
	}
	p, _ := address.Prefix(64) // fails for IPv4 only
	return p.Addr()
}
