package location

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"scrutineer/vsp/deployment"
)

// throughTrips is how many round trips are made from one host to another, of each kind.
const throughTrips = 40

// through measures from one host those that are farther from us, on which as on this one nothing of ours runs: its sshd passes
// a connection on, in which there is a whole session with the other host, bound to that one's key. Nothing secret of ours is
// on the host between. They come one after another: an sshd takes offence at many who have not logged in yet.
func (l Looker) through(ctx context.Context, visits []visit, via int) []Sight {
	near, ok := visits[via].RoundTrip()
	if !ok || visits[via].client == nil {
		return nil
	}
	var farther []visit
	for i, v := range visits {
		trip, ok := v.RoundTrip()
		if ok && (trip > near || trip == near && i > via) {
			farther = append(farther, v)
		}
	}
	var all []Sight
	for i, v := range farther {
		s := l.passage(ctx, visits[via], v.host, len(farther)-i)
		all = append(all, s)
		if s.Trouble == NoPassage {
			break // nor does it for the others
		}
	}
	return all
}

// passage measures one host through another. It takes no more than its share of the time there is left, of so many.
func (l Looker) passage(ctx context.Context, via visit, h deployment.Host, shares int) Sight {
	s := l.sight(h)
	s.Via, s.ViaKey = via.host.Name, via.Key
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(shares))
		defer cancel()
	}
	conn, err := dialThrough(ctx, via.client, h, &s)
	if err != nil {
		s.explain(ctx, err)
		return s
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	far, err := l.login(conn, h, &s)
	if err != nil {
		s.explain(ctx, err)
		return s
	}
	defer far.Close()
	l.Trips = min(l.Trips, throughTrips)
	s.explain(ctx, l.echoes(ctx, far, &s))
	return s
}

// dialThrough has an sshd connect to the first of a host's addresses that takes it.
func dialThrough(ctx context.Context, client *ssh.Client, h deployment.Host, s *Sight) (net.Conn, error) {
	var failures []string
	for _, at := range h.Endpoints() {
		conn, err := client.DialContext(ctx, "tcp", at.String())
		var refused *ssh.OpenChannelError
		switch {
		case err == nil:
			s.Address = at.String()
			return conn, nil
		case errors.As(err, &refused) && refused.Reason != ssh.ConnectionFailed:
			return nil, &failure{NoPassage, fmt.Sprintf("%s passes no connections on (AllowTcpForwarding)", s.Via)}
		}
		failures = append(failures, fmt.Sprintf("%s: %v", at, err))
	}
	return nil, &failure{Unreachable, strings.Join(failures, "; ")}
}
