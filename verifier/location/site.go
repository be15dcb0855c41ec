package location

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"scrutineer/verifier"
)

// Site is what one vantage found of the addresses of a VSP's site.
type Site struct {
	Vantage  string       `json:"vantage"`
	At       time.Time    `json:"at"` // UTC
	URL      string       `json:"url"`
	Found    []Found      `json:"found"`
	Peers    []netip.Addr `json:"peers,omitempty"`    // of our node
	Troubles []string     `json:"troubles,omitempty"` // what could not be looked up

	Cite verifier.Cite `json:"-"` // its entry in a trial's journal, if it is in one
}

// mistake says what nobody can have found, and is nil if it can be so.
func (s Site) mistake() error {
	for _, f := range s.Found {
		if !f.Address.IsValid() {
			return fmt.Errorf("it found no address by %q", f.By)
		}
	}
	for _, at := range s.Peers {
		if !at.IsValid() {
			return errors.New("it has a peer without an address")
		}
	}
	return nil
}

// Found is an address of the site's, and by what it is known.
type Found struct {
	Address netip.Addr `json:"address"`
	By      string     `json:"by"` // such as "A of vsp.example.org"
}

// Resolver asks the DNS. *net.Resolver is one.
type Resolver interface {
	// LookupNetIP returns the addresses of a name, of the network "ip4" or "ip6".
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// SiteLooker looks for all addresses that lead to a site.
type SiteLooker struct {
	Vantage  string
	Resolver Resolver
	Patience time.Duration    // all in all
	Now      func() time.Time // UTC
}

// maxNames is how many names of a certificate are looked up.
const maxNames = 50

// Look looks up the site's name in the DNS, in IPv4 and IPv6, and the names in the certificates that it shows there. It takes
// no longer than its patience. The URL must have a host.
func (l SiteLooker) Look(ctx context.Context, site *url.URL) Site {
	ctx, cancel := context.WithTimeout(ctx, l.Patience)
	defer cancel()
	s := Site{Vantage: l.Vantage, At: l.Now().UTC().Truncate(time.Millisecond), URL: site.String(), Found: []Found{}}
	host := strings.TrimSuffix(site.Hostname(), ".")
	l.resolve(ctx, &s, host, "")
	if site.Scheme != "https" {
		return s
	}
	port := site.Port()
	if port == "" {
		port = "443"
	}
	names := map[string]bool{host: true}
	for _, f := range slices.Clone(s.Found) {
		certificate, err := shown(ctx, net.JoinHostPort(f.Address.String(), port), host)
		if err != nil {
			s.Troubles = append(s.Troubles, fmt.Sprintf("the certificate at %v could not be had: %v", f.Address, err))
			continue
		}
		l.certificate(ctx, &s, certificate, names)
	}
	return s
}

// resolve adds the addresses of a name. A family that the name has no address of is no trouble.
func (l SiteLooker) resolve(ctx context.Context, s *Site, name, note string) {
	if at, err := netip.ParseAddr(name); err == nil {
		s.add(at, "the URL itself")
		return
	}
	for network, kind := range map[string]string{"ip4": "A", "ip6": "AAAA"} {
		all, err := l.Resolver.LookupNetIP(ctx, network, name)
		var unknown *net.DNSError
		if err != nil && !(errors.As(err, &unknown) && unknown.IsNotFound) {
			s.Troubles = append(s.Troubles, fmt.Sprintf("the %s of %s could not be looked up: %v", kind, name, err))
		}
		for _, at := range all {
			s.add(at, kind+" of "+name+note)
		}
	}
	slices.Sort(s.Troubles)
}

// certificate adds what a certificate names that was not looked up yet.
func (l SiteLooker) certificate(ctx context.Context, s *Site, c *x509.Certificate, names map[string]bool) {
	for _, ip := range c.IPAddresses {
		if at, ok := netip.AddrFromSlice(ip); ok {
			s.add(at, "the certificate itself")
		}
	}
	for _, name := range c.DNSNames {
		name = strings.ToLower(strings.TrimPrefix(name, "*."))
		if names[name] {
			continue
		}
		if len(names) > maxNames {
			s.Troubles = append(s.Troubles, fmt.Sprintf("the certificate has more than %d names", maxNames))
			return
		}
		names[name] = true
		l.resolve(ctx, s, name, ", which the certificate names")
	}
}

// add adds an address, each once, in order: the same answers give the same bytes.
func (s *Site) add(at netip.Addr, by string) {
	f := Found{at.Unmap().WithZone(""), by}
	if !slices.ContainsFunc(s.Found, func(g Found) bool { return g.Address == f.Address }) {
		s.Found = append(s.Found, f)
	}
	slices.SortStableFunc(s.Found, func(a, b Found) int { return a.Address.Compare(b.Address) })
}

// shown returns the certificate that a server shows. Whether it is to be trusted is for others to say; here only its names count.
func shown(ctx context.Context, address, name string) (*x509.Certificate, error) {
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: dialPatience}, Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil // there is one, or the handshake had not been done
}
