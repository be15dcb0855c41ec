package server

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClientOf(t *testing.T) {
	proxies := []netip.Prefix{
		netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("10.0.0.0/8"),
		netip.MustParsePrefix("fe80::/64"),
	}
	tests := []struct {
		name   string
		remote string
		header []string // lines of X-Forwarded-For, separated by | here
		want   string
	}{
		{"direct", "203.0.113.7:4000", nil, "203.0.113.7"},
		{"direct, and lies", "203.0.113.7:4000", []string{"198.51.100.1"}, "203.0.113.7"},
		{"direct, and says it is a proxy", "203.0.113.7:4000", []string{"127.0.0.1"}, "203.0.113.7"},
		{"proxy without the header", "127.0.0.1:4000", nil, "127.0.0.1"},
		{"proxy", "127.0.0.1:4000", []string{"203.0.113.7"}, "203.0.113.7"},
		{"proxy that appends to a lie", "127.0.0.1:4000", []string{"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},
		{"proxy that appends to many lies", "[::1]:4000", []string{"127.0.0.1, 10.0.0.1,198.51.100.1 ,203.0.113.7"}, "203.0.113.7"},
		{"proxy that appends to garbage", "127.0.0.1:4000", []string{"\x00, ,x,203.0.113.7"}, "203.0.113.7"},
		{"proxy that adds a line", "127.0.0.1:4000", []string{"198.51.100.1", "203.0.113.7"}, "203.0.113.7"},
		{"two proxies", "127.0.0.1:4000", []string{"198.51.100.1, 203.0.113.7, 10.1.2.3"}, "203.0.113.7"},
		{"two proxies, a line each", "127.0.0.1:4000", []string{"198.51.100.1, 203.0.113.7", "10.1.2.3"}, "203.0.113.7"},
		{"proxies only", "127.0.0.1:4000", []string{"10.9.9.9, 10.1.2.3"}, "10.9.9.9"},
		{"proxy that knows nobody", "127.0.0.1:4000", []string{"203.0.113.7, unknown"}, "127.0.0.1"},
		{"empty line", "127.0.0.1:4000", []string{"203.0.113.7", ""}, "127.0.0.1"},
		{"with a port", "127.0.0.1:4000", []string{"203.0.113.7:5000"}, "203.0.113.7"},
		{"IPv6", "127.0.0.1:4000", []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv6 in brackets", "127.0.0.1:4000", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"IPv6 with a port", "127.0.0.1:4000", []string{"[2001:db8::7]:5000"}, "2001:db8::7"},
		{"half a bracket", "127.0.0.1:4000", []string{"[2001:db8::7"}, "127.0.0.1"},
		{"IPv6 with a zone", "127.0.0.1:4000", []string{"2001:db8::7%eth0"}, "2001:db8::7"},
		{"IPv4 in IPv6", "127.0.0.1:4000", []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		{"IPv4 in IPv6 is a proxy", "[::ffff:127.0.0.1]:4000", []string{"203.0.113.7, ::ffff:10.0.0.1"}, "203.0.113.7"},
		{"proxy with a zone", "[fe80::1%eth0]:4000", []string{"203.0.113.7"}, "203.0.113.7"},
		{"octets with zeros", "127.0.0.1:4000", []string{"010.0.0.1"}, "127.0.0.1"},
		{"no address", "@", []string{"203.0.113.7"}, ""},
	}
	for _, test := range tests {
		r := &http.Request{RemoteAddr: test.remote, Header: http.Header{"X-Forwarded-For": test.header}}
		want := netip.Addr{}
		if test.want != "" {
			want = netip.MustParseAddr(test.want)
		}
		require.Equal(t, want, clientOf(r, proxies), test.name)
	}
	r := &http.Request{RemoteAddr: "127.0.0.1:1", Header: http.Header{"X-Forwarded-For": {"203.0.113.7"}}}
	require.Equal(t, netip.MustParseAddr("127.0.0.1"), clientOf(r, nil), "without proxies nobody is believed")
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.7":               "203.0.113.7",
		"2001:db8:1:2:3:4:5:6":      "2001:db8:1:2::",
		"2001:db8:1:2:ffff:ff:ff:1": "2001:db8:1:2::",
		"2001:db8:1:3::":            "2001:db8:1:3::",
	} {
		require.Equal(t, netip.MustParseAddr(want), network(netip.MustParseAddr(address)))
	}
	require.Equal(t, netip.Addr{}, network(netip.Addr{}))
}

// Whatever somebody writes in front of it, the address that the proxy has appended is the one.
func FuzzForwarded(f *testing.F) {
	for _, lie := range []string{"", ",", "203.0.113.7", "127.0.0.1, ::1", "[::1]:5%,%x", "10.0.0.1,\t", strings.Repeat(",", 100)} {
		f.Add(lie)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	want := netip.MustParseAddr("203.0.113.7")
	f.Fuzz(func(t *testing.T, lie string) {
		for _, lines := range [][]string{{lie + ",203.0.113.7"}, {lie, "203.0.113.7"}, {lie, lie + ",203.0.113.7 , 127.0.0.2"}} {
			r := &http.Request{RemoteAddr: "127.0.0.1:1", Header: http.Header{"X-Forwarded-For": lines}}
			require.Equal(t, want, clientOf(r, proxies))
		}
		r := &http.Request{RemoteAddr: "203.0.113.7:1", Header: http.Header{"X-Forwarded-For": {lie}}}
		require.Equal(t, want, clientOf(r, proxies))
	})
}
