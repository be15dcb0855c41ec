package location

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"scrutineer/vsp/deployment"
)

// Looker measures hosts from here.
type Looker struct {
	Vantage  string           // our name
	Account  string           // of the reviewer's, on every host
	Key      ssh.Signer       // the reviewer's
	Trips    int              // round trips of each kind
	Patience time.Duration    // for each host, all in all
	Now      func() time.Time // UTC
	Bind     netip.Addr       // which of our own addresses to connect from; the zero value leaves it to the system
}

const (
	// DefaultTrips finds the minimum on a line that is busy half of the time.
	DefaultTrips = 200

	// DefaultPatience suffices for all of it at half a second a round trip.
	DefaultPatience = 25 * time.Second

	// connects is how many TCP connections are made beside. sshd takes offence at many that say nothing.
	connects = 4

	// dialPatience is for one address: another one of the host may do better.
	dialPatience = 5 * time.Second
)

// Look measures all hosts at once, and returns a sight of each, in their order; then those of hosts that were measured through
// others. It takes little longer than its patience.
func (l Looker) Look(ctx context.Context, hosts []deployment.Host) []Sight {
	ctx, cancel := context.WithTimeout(ctx, l.Patience)
	defer cancel()
	visits := make([]visit, len(hosts))
	each(visits, func(i int) { visits[i] = l.visit(ctx, hosts[i]) })
	through := make([][]Sight, len(hosts))
	each(visits, func(i int) { through[i] = l.through(ctx, visits, i) })
	var sights []Sight
	for _, v := range visits {
		sights = append(sights, v.Sight)
		if v.client != nil {
			v.client.Close()
		}
	}
	return append(sights, slices.Concat(through...)...)
}

// visit is a sight of a host, and the session that it was had in, if there is one and it is of use.
type visit struct {
	Sight
	host   deployment.Host
	client *ssh.Client
}

func each(visits []visit, do func(i int)) {
	var wg sync.WaitGroup
	for i := range visits {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// visit measures one host. It leaves some of the patience for what is measured through it: then the session stays open until
// ctx ends or it is closed.
func (l Looker) visit(ctx context.Context, h deployment.Host) visit {
	short, cancel := context.WithTimeout(ctx, l.Patience*3/5)
	defer cancel()
	v := visit{Sight: l.sight(h), host: h}
	conn, err := l.dial(short, h, &v.Sight)
	if err != nil {
		v.Trouble, v.Detail = Unreachable, err.Error()
		return v
	}
	hangs := context.AfterFunc(short, func() { conn.Close() }) // what hangs, ends
	client, err := l.login(conn, h, &v.Sight)
	if err == nil {
		err = l.measure(short, client, &v.Sight)
	}
	if err != nil || !hangs() {
		v.explain(short, err)
		conn.Close()
		return v
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	v.client = client
	return v
}

// sight returns one of a host, in which nothing is seen yet.
func (l Looker) sight(h deployment.Host) Sight {
	return Sight{Vantage: l.Vantage, Host: h.Name, At: l.Now().UTC().Truncate(time.Millisecond)}
}

// dial connects to the first of a host's addresses that takes it, and notes how long TCP takes.
func (l Looker) dial(ctx context.Context, h deployment.Host, s *Sight) (net.Conn, error) {
	var failures []string
	for _, at := range h.Endpoints() {
		conn, took, err := l.connect(ctx, at)
		if err != nil {
			failures = append(failures, err.Error())
			continue
		}
		s.Address = at.String()
		all := []time.Duration{took}
		for range connects {
			if extra, took, err := l.connect(ctx, at); err == nil {
				extra.Close()
				all = append(all, took)
			}
		}
		s.TCP = newTrips(all)
		return conn, nil
	}
	return nil, errors.New(strings.Join(failures, "; "))
}

func (l Looker) connect(ctx context.Context, at netip.AddrPort) (net.Conn, time.Duration, error) {
	dialer := net.Dialer{Timeout: dialPatience}
	if l.Bind.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(l.Bind, 0))
	}
	start := time.Now()
	conn, err := dialer.DialContext(ctx, "tcp", at.String())
	return conn, time.Since(start), err
}

// failure is an error that is known for a trouble.
type failure struct {
	trouble Trouble
	text    string
}

func (f *failure) Error() string { return f.text }

// explain notes why there are no round trips, if there are none. Those that there are hold, whatever came after.
func (s *Sight) explain(ctx context.Context, err error) {
	var known *failure
	switch {
	case err == nil:
	case errors.As(err, &known):
		s.Trouble, s.Detail = known.trouble, known.text
	case s.Nonce.Count > 0:
		s.Detail = "ended early: " + err.Error()
	case ctx.Err() != nil:
		s.Trouble, s.Detail = TooSlow, "not one round trip within the time there is"
	default:
		s.Trouble, s.Detail = Unreachable, "it broke off: "+err.Error()
	}
}

// login opens the session. The host must prove a pinned key, and take ours.
func (l Looker) login(conn net.Conn, h deployment.Host, s *Sight) (*ssh.Client, error) {
	pinned, err := h.Keys()
	if err != nil {
		return nil, err
	}
	var refused *failure // by us, or by the host: the library's own errors do not tell
	password := func() { refused = &failure{NoLogin, "it does not take our key, and asks for a password"} }
	config := &ssh.ClientConfig{
		User: l.Account,
		Auth: []ssh.AuthMethod{ssh.PublicKeys(l.Key),
			ssh.PasswordCallback(func() (string, error) { password(); return "", refused }),
			ssh.KeyboardInteractive(func(string, string, []string, []bool) ([]string, error) { password(); return nil, refused })},
		HostKeyAlgorithms: algorithms(pinned),
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if slices.ContainsFunc(pinned, func(p ssh.PublicKey) bool { return string(p.Marshal()) == string(key.Marshal()) }) {
				s.Key = ssh.FingerprintSHA256(key)
				return nil
			}
			refused = &failure{WrongKey, "it proves the host key " + ssh.FingerprintSHA256(key) + ", which the deployment does not have"}
			return refused
		},
	}
	c, channels, requests, err := ssh.NewClientConn(conn, s.Address, config)
	var none *ssh.AlgorithmNegotiationError
	switch {
	case err == nil:
		return ssh.NewClient(c, channels, requests), nil
	case refused != nil:
		return nil, refused
	case errors.As(err, &none) && strings.Contains(err.Error(), "for host key"):
		return nil, &failure{WrongKey, "it has no host key of a kind that the deployment has"}
	case strings.Contains(err.Error(), "unable to authenticate"):
		return nil, &failure{NoLogin, fmt.Sprintf("it does not let the account %q in with our key", l.Account)}
	}
	return nil, err
}

// algorithms returns by which signatures the pinned keys can be proven.
func algorithms(pinned []ssh.PublicKey) []string {
	var all []string
	for _, key := range pinned {
		if key.Type() == ssh.KeyAlgoRSA {
			all = append(all, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		all = append(all, key.Type())
	}
	return all
}
