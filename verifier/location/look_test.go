package location_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"scrutineer/verifier/location"
	"scrutineer/verifier/location/locationtest"
	"scrutineer/vsp/deployment"
)

// at returns a host as a deployment has it.
func at(name string, where netip.AddrPort, keys ...string) deployment.Host {
	return deployment.Host{Name: name, Addresses: []netip.Addr{where.Addr()}, SSHPort: where.Port(), HostKeys: keys}
}

func looker(m *locationtest.Machine, trips int, patience time.Duration) location.Looker {
	return location.Looker{Vantage: "here", Account: m.Account, Key: m.Key, Trips: trips, Patience: patience, Now: time.Now}
}

func TestLooksAtRealSSHD(t *testing.T) {
	m := locationtest.Start(t, 1)
	relay := locationtest.StartRelay(t, 1, m.Address)
	relay.Set(40 * time.Millisecond)
	s := looker(m, 10, time.Minute).Look(t.Context(), []deployment.Host{at("near", m.Address, m.HostKey), at("far", relay.Address, m.HostKey)})
	for i, s := range s[:2] {
		trip, ok := s.RoundTrip()
		require.True(t, ok, "%+v", s)
		require.Equal(t, 10, s.Nonce.Count)
		require.Positive(t, s.Keepalive.Count)
		require.Positive(t, s.TCP.Count)
		require.Equal(t, "00000000000000000000000000000001", s.Identity.MachineID)
		require.Positive(t, s.Identity.Booted)
		if i == 1 {
			require.GreaterOrEqual(t, trip, 40*time.Millisecond)
		}
	}
	require.Equal(t, s[0].Key, s[1].Key)
}

// TestLooksThroughRealSSHD measures a host through another one's sshd, which may pass connections on or not.
func TestLooksThroughRealSSHD(t *testing.T) {
	open := locationtest.Start(t, 6)
	shut := locationtest.StartFor(t, 7, open.Reviewer, "AllowTcpForwarding no")
	relay := locationtest.StartRelay(t, 6, open.Address)
	relay.Set(40 * time.Millisecond)
	s := looker(open, 5, time.Minute).Look(t.Context(), []deployment.Host{at("open", relay.Address, open.HostKey), at("shut", shut.Address, shut.HostKey)})
	require.Len(t, s, 3)
	require.Equal(t, [2]string{"open", "shut"}, [2]string{s[2].Host, s[2].Via}, "through the nearer one")
	require.Equal(t, location.NoPassage, s[2].Trouble, "%+v", s[2])
	require.Equal(t, "shut passes no connections on (AllowTcpForwarding)", s[2].Detail)

	if !locationtest.Private() {
		return // none passes connections on
	}
	far := locationtest.StartRelay(t, 7, shut.Address)
	far.Set(80 * time.Millisecond)
	s = looker(open, 5, time.Minute).Look(t.Context(), []deployment.Host{at("open", relay.Address, open.HostKey), at("shut", far.Address, shut.HostKey)})
	require.Equal(t, [2]string{"shut", "open"}, [2]string{s[2].Host, s[2].Via})
	trip, ok := s[2].RoundTrip()
	require.True(t, ok, "%+v", s[2])
	require.GreaterOrEqual(t, trip, 120*time.Millisecond, "it has gone both ways")
	require.Equal(t, s[1].Key, s[2].Key)
	require.Equal(t, 5, s[2].Nonce.Count)
}

func TestTroublesOfRealSSHD(t *testing.T) {
	m, other := locationtest.Start(t, 2), locationtest.Start(t, 3)
	relay := locationtest.StartRelay(t, 2, m.Address)
	relay.Treat(func(netip.AddrPort) locationtest.Line { return locationtest.Line{Cut: true} })
	stranger := looker(other, 3, time.Minute)
	l := looker(m, 3, time.Minute)
	gone := netip.AddrPortFrom(netip.MustParseAddr("127.77.99.1"), 9)
	tests := []struct {
		name   string
		looker location.Looker
		host   deployment.Host
		want   location.Trouble
		says   string
	}{
		{"nobody is there", l, at("h", gone, m.HostKey), location.Unreachable, "refused"},
		{"it is cut off", l, at("h", relay.Address, m.HostKey), location.Unreachable, "broke off"},
		{"another host key", l, at("h", m.Address, other.HostKey), location.WrongKey, "which the deployment does not have"},
		{"our key is not known", stranger, at("h", m.Address, m.HostKey), location.NoLogin, "does not let the account"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := test.looker.Look(t.Context(), []deployment.Host{test.host})[0]
			require.Equal(t, test.want, s.Trouble, s.Detail)
			require.Contains(t, s.Detail, test.says)
			_, ok := s.RoundTrip()
			require.False(t, ok)
		})
	}
}

// liar is a server that does as it likes with our sessions.
type liar struct {
	config   *ssh.ServerConfig
	requests func(<-chan *ssh.Request)
	run      func(command string, channel ssh.Channel)
}

// serve starts the server, which holds the machine's own key.
func (l liar) serve(t *testing.T) deployment.Host {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	m := locationtest.NewKey(t)
	l.config.AddHostKey(m)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.serveConn(conn)
		}
	}()
	return at("liar", listener.Addr().(*net.TCPAddr).AddrPort(), string(ssh.MarshalAuthorizedKey(m.PublicKey())))
}

func (l liar) serveConn(conn net.Conn) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, l.config)
	if err != nil {
		return
	}
	go l.requests(requests)
	for c := range channels {
		channel, asked, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			defer channel.Close()
			for r := range asked {
				if r.Type != "exec" {
					_ = r.Reply(false, nil)
					continue
				}
				_ = r.Reply(true, nil)
				l.run(string(r.Payload[4:]), channel)
				return
			}
		}()
	}
}

func flood(w io.Writer) {
	chunk := bytes.Repeat([]byte("never ending "), 1000)
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func TestLiars(t *testing.T) {
	open := func() *ssh.ServerConfig { return &ssh.ServerConfig{NoClientAuth: true} }
	echo := func(_ string, c ssh.Channel) { _, _ = io.Copy(c, c) }
	quiet := func(command string, c ssh.Channel) {
		if command == "exec cat" {
			_, _ = io.Copy(c, c)
		}
	}
	tests := []struct {
		name string
		liar liar
		want location.Trouble
	}{
		{"wants a password", liar{&ssh.ServerConfig{PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, nil }}, ssh.DiscardRequests, echo}, location.NoLogin},
		{"floods whoever asks who it is", liar{open(), ssh.DiscardRequests, func(_ string, c ssh.Channel) { flood(c) }}, location.Garbage},
		{"sends before it is asked", liar{open(), ssh.DiscardRequests, func(command string, c ssh.Channel) {
			if command == "exec cat" {
				flood(c)
			}
		}}, location.Garbage},
		{"says nothing", liar{open(), ssh.DiscardRequests, func(command string, c ssh.Channel) {
			if command == "exec cat" {
				_, _ = io.Copy(io.Discard, c)
			}
		}}, location.TooSlow},
		{"runs nothing", liar{open(), ssh.DiscardRequests, func(string, ssh.Channel) {}}, location.NoCommand},
		{"never answers keepalives", liar{open(), func(r <-chan *ssh.Request) {
			for range r { // each is heard, and that is all
			}
		}, quiet}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := test.liar.serve(t)
			patience := time.Minute
			if test.want == location.TooSlow || test.want == "" {
				patience = 8 * time.Second // all of it goes by
			}
			l := location.Looker{Vantage: "here", Account: "reviewer", Key: locationtest.NewKey(t), Trips: 3, Patience: patience, Now: time.Now}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			s := l.Look(ctx, []deployment.Host{h})[0]
			require.Equal(t, test.want, s.Trouble, s.Detail)
			require.NoError(t, ctx.Err(), "it hung")
		})
	}
}

// TestAnswersBeforeTheyAreAsked has a far host answer keepalives ahead of time. Its challenges cannot be, and they count.
func TestAnswersBeforeTheyAreAsked(t *testing.T) {
	const trip = 100 * time.Millisecond
	h := liar{&ssh.ServerConfig{NoClientAuth: true}, func(requests <-chan *ssh.Request) {
		for r := range requests {
			for range 1000 {
				_ = r.Reply(false, nil)
			}
		}
	}, func(command string, c ssh.Channel) {
		if command == "exec cat" {
			buffer := make([]byte, 16)
			for {
				if _, err := io.ReadFull(c, buffer); err != nil {
					return
				}
				time.Sleep(trip) // it is that far away
				if _, err := c.Write(buffer); err != nil {
					return
				}
			}
		}
	}}.serve(t)
	l := location.Looker{Vantage: "here", Account: "reviewer", Key: locationtest.NewKey(t), Trips: 5, Patience: time.Minute, Now: time.Now}
	s := l.Look(t.Context(), []deployment.Host{h})[0]
	counted, ok := s.RoundTrip()
	require.True(t, ok, "%+v", s)
	require.GreaterOrEqual(t, counted, trip)
}

// BenchmarkEcho measures what the authenticated echo adds to a TCP round trip on loopback: of each measurement the best counts,
// as it does in a verdict, and so it does of all of them.
func BenchmarkEcho(b *testing.B) {
	m := locationtest.Start(b, 4)
	var added, keepalive, nonce, tcp []time.Duration
	for b.Loop() {
		s := looker(m, location.DefaultTrips, time.Minute).Look(b.Context(), []deployment.Host{at("h", m.Address, m.HostKey)})[0]
		trip, ok := s.RoundTrip()
		require.True(b, ok, "%+v", s)
		added, keepalive = append(added, trip-s.TCP.Min), append(keepalive, s.Keepalive.Min)
		nonce, tcp = append(nonce, s.Nonce.Min), append(tcp, s.TCP.Min)
	}
	for name, all := range map[string][]time.Duration{"added": added, "keepalive": keepalive, "nonce": nonce, "tcp": tcp} {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds()), name+"-p50-us")
	}
	b.ReportMetric(float64((max(keepalive[0], nonce[0]) - tcp[0]).Microseconds()), "added-best-us")
}

// BenchmarkFiveHosts measures five hosts from three vantages at once, at 250 ms a round trip.
func BenchmarkFiveHosts(b *testing.B) {
	m := locationtest.Start(b, 5)
	var hosts []deployment.Host
	for i := range 5 {
		relay := locationtest.StartRelay(b, 50+i, m.Address)
		relay.Set(250 * time.Millisecond)
		hosts = append(hosts, at("h", relay.Address, m.HostKey))
	}
	for b.Loop() {
		done := make(chan []location.Sight)
		for range 3 {
			go func() {
				done <- looker(m, location.DefaultTrips, location.DefaultPatience).Look(b.Context(), hosts)
			}()
		}
		for range 3 {
			sights := <-done
			for _, s := range sights[:len(hosts)] {
				require.Equal(b, location.DefaultTrips, s.Nonce.Count, "%+v", s)
			}
			through := 0
			for _, s := range sights[len(hosts):] {
				if s.Nonce.Count > 0 {
					through++
				}
			}
			b.ReportMetric(float64(through), "pairs/vantage") // measured through each other
		}
	}
}
