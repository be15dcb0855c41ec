package location_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"context"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"scrutineer/verifier"
	"scrutineer/verifier/location"
)

// zone is what a name server knows: addresses by name. A name with none of them is in trouble.
type zone map[string][]string

// serve starts a real name server, and returns a resolver that asks it.
func (z zone) serve(t *testing.T) *net.Resolver {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	go func() {
		for {
			buffer := make([]byte, 1500)
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer, err := z.answer(buffer[:n]); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (z zone) answer(question []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return nil, err
	}
	q := m.Questions[0]
	m = dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RecursionAvailable: true}, Questions: m.Questions[:1]}
	all, known := z[strings.TrimSuffix(q.Name.String(), ".")]
	if !known {
		m.RCode = dnsmessage.RCodeNameError
	} else if len(all) == 0 {
		m.RCode = dnsmessage.RCodeServerFailure
	}
	for _, text := range all {
		at := netip.MustParseAddr(text)
		header := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 60}
		switch {
		case at.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: at.As4()}})
		case at.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: at.As16()}})
		}
	}
	return m.Pack()
}

// startSite starts a real TLS server on 127.0.0.1 and ::1, whose certificate has names, and returns its URL.
func startSite(t *testing.T, names ...string) *url.URL {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	site, err := url.Parse(server.URL)
	require.NoError(t, err)
	site.Host = net.JoinHostPort(names[0], site.Port())
	return site
}

func lookAtSite(t *testing.T, z zone, site *url.URL) location.Site {
	l := location.SiteLooker{Vantage: "Frankfurt", Resolver: z.serve(t), Patience: time.Minute, Now: time.Now}
	return l.Look(t.Context(), site)
}

func found(s location.Site) map[string]string {
	all := map[string]string{}
	for _, f := range s.Found {
		all[f.Address.String()] = f.By
	}
	return all
}

func TestFindsAddressesOfSite(t *testing.T) {
	site := startSite(t, "vsp.example.org", "*.vsp.example.org", "api.example.org", "gone.example.org")
	s := lookAtSite(t, zone{"vsp.example.org": {"127.0.0.1"}, "api.example.org": {"203.0.113.1", "2001:db8::7"}}, site)
	require.Empty(t, s.Troubles)
	require.Equal(t, map[string]string{
		"127.0.0.1":   "A of vsp.example.org",
		"203.0.113.1": "A of api.example.org, which the certificate names",
		"2001:db8::7": "AAAA of api.example.org, which the certificate names",
	}, found(s))
}

func TestTroublesOfSite(t *testing.T) {
	site := startSite(t, "vsp.example.org", "broken.example.org")
	s := lookAtSite(t, zone{"vsp.example.org": {"127.0.0.1"}, "broken.example.org": nil}, site)
	require.Len(t, s.Troubles, 2)
	require.Contains(t, s.Troubles[0], "the A of broken.example.org could not be looked up")

	s = lookAtSite(t, zone{"vsp.example.org": {"127.77.99.1"}}, site)
	require.Len(t, s.Troubles, 1)
	require.Contains(t, s.Troubles[0], "the certificate at 127.77.99.1 could not be had")

	s = lookAtSite(t, zone{}, site)
	require.Empty(t, s.Found)
	require.Empty(t, s.Troubles)
}

func TestAddressesOfSite(t *testing.T) {
	at := func(pairs ...string) (all []location.Found) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, location.Found{Address: netip.MustParseAddr(pairs[i]), By: pairs[i+1]})
		}
		return all
	}
	own := at("192.0.2.1", "A of vsp.example.org")
	tests := map[string]struct {
		change func(*location.Evidence)
		want   verifier.Verdict
		says   string
	}{
		"nobody looked": {func(e *location.Evidence) { e.Sites = nil }, verifier.Unproven, "were not looked up"},
		"all differ":    {func(*location.Evidence) {}, verifier.Pass, "No address of the site is a voting wallet's: IPv4 192.0.2.1 (A of vsp.example.org); IPv6 none."},
		"a name leads to a wallet": {func(e *location.Evidence) {
			e.Sites[0].Found = at("192.0.2.1", "A of vsp.example.org", "203.0.113.1", "A of api.example.org, which the certificate names")
		}, verifier.Fail, "203.0.113.1 is an address of the voting wallet vote-2, and of the site (A of api.example.org, which the certificate names)."},
		"an IPv6 address is a wallet's": {func(e *location.Evidence) {
			e.Deployment.Hosts[1].Addresses = append(e.Deployment.Hosts[1].Addresses, netip.MustParseAddr("2001:db8::7"))
			e.Sites[0].Found = at("192.0.2.1", "A of vsp.example.org", "2001:db8::7", "AAAA of vsp.example.org")
		}, verifier.Fail, "2001:db8::7 is an address of the voting wallet vote-1"},
		"it was once, and is not any more": {func(e *location.Evidence) {
			e.Sites = append([]location.Site{{Vantage: "Frankfurt", Found: at("203.0.113.1", "A of vsp.example.org")}}, e.Sites...)
		}, verifier.Fail, "203.0.113.1 is an address"},
		"not all was seen": {func(e *location.Evidence) {
			e.Sites[0].Troubles = []string{"the AAAA of x could not be looked up: timeout"}
		},
			verifier.Unproven, "From Frankfurt the AAAA of x could not be looked up: timeout."},
		"it was seen later": {func(e *location.Evidence) {
			e.Sites = append([]location.Site{{Vantage: "Frankfurt", Found: own, Troubles: []string{"x"}}}, e.Sites...)
		}, verifier.Pass, "No address"},
		"no address": {func(e *location.Evidence) { e.Sites[0].Found = nil }, verifier.Unproven, "no address of https://vsp.example.org was found"},
		"a wallet was not reached": {func(e *location.Evidence) { e.Sights[4].Trouble = location.Unreachable; e.Sights = e.Sights[3:] },
			verifier.Unproven, "That vote-2 is at its addresses is its operator's word alone: it was not measured."},
		"something in front": {func(e *location.Evidence) { e.Sites[0].Found = at("198.51.100.99", "A of vsp.example.org") }, verifier.Pass, "is no front end's in the deployment"},
		"a wallet is known":  {func(e *location.Evidence) { e.Sites[0].Peers = []netip.Addr{netip.MustParseAddr("198.51.100.1")} }, verifier.Pass, "198.51.100.1, of the voting wallet vote-1, is a peer of our node"},
		"on a wallet's machine": {func(e *location.Evidence) {
			e.Sights[0].Identity.BootID, e.Sights[1].Identity.BootID = "a", "a"
		}, verifier.Refuted, "front and vote-1 are one machine under two names"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := evidence()
			e.Sites = []location.Site{{Vantage: "Frankfurt", URL: "https://vsp.example.org", At: time.Now(), Found: own}}
			test.change(&e)
			f := location.Judge(e).Findings[2]
			require.Equal(t, test.want, f.Verdict, "%q", f.Says)
			require.Contains(t, strings.Join(f.Says, " "), test.says)
		})
	}
}
