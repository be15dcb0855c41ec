package locationtest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Line is what is between a client and a machine.
type Line struct {
	Trip   time.Duration // how much longer a round trip takes than it would
	Jitter time.Duration // on top, up to this much, anew for each piece in each direction
	Cut    bool          // nothing passes
}

// Relay passes connections on to a machine as if it were far away: what goes in comes out later, in either direction.
type Relay struct {
	Address  netip.AddrPort
	to       netip.AddrPort
	listener net.Listener
	line     atomic.Pointer[func(client netip.AddrPort) Line]

	open sync.WaitGroup
	mu   sync.Mutex // owns what follows
	ends map[net.Conn]bool
	over bool
}

// NewRelay starts a relay at an address, to a machine. What is between is nothing, until Treat says so.
func NewRelay(at, to netip.AddrPort) (*Relay, error) {
	listener, err := net.Listen("tcp", at.String())
	if err != nil {
		return nil, fmt.Errorf("start a relay: %w", err)
	}
	r := &Relay{Address: listener.Addr().(*net.TCPAddr).AddrPort(), to: to, listener: listener, ends: map[net.Conn]bool{}}
	r.Treat(func(netip.AddrPort) Line { return Line{} })
	r.open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r.open.Go(func() { r.pass(conn) })
		}
	})
	return r, nil
}

// StartRelay starts a relay that ends with the test, at an address of its own.
func StartRelay(t testing.TB, number int, to netip.AddrPort) *Relay {
	r, err := NewRelay(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 78, byte(number), 1}), 0), to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// Treat says what is between the machine and a client. It holds for new connections.
func (r *Relay) Treat(line func(client netip.AddrPort) Line) { r.line.Store(&line) }

// Set makes a round trip take this much longer than it does, for all.
func (r *Relay) Set(trip time.Duration) {
	r.Treat(func(netip.AddrPort) Line { return Line{Trip: trip} })
}

// Close breaks off all connections, and takes no more.
func (r *Relay) Close() {
	r.listener.Close()
	r.mu.Lock()
	r.over = true
	for conn := range r.ends {
		conn.Close()
	}
	r.mu.Unlock()
	r.open.Wait()
}

// hold keeps the end of a connection, to be closed with the relay.
func (r *Relay) hold(conn net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends[conn] = true
	if r.over {
		conn.Close()
	}
}

func (r *Relay) drop(conn net.Conn) {
	conn.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ends, conn)
}

func (r *Relay) pass(near net.Conn) {
	r.hold(near)
	defer r.drop(near)
	line := (*r.line.Load())(near.RemoteAddr().(*net.TCPAddr).AddrPort())
	if line.Cut {
		return
	}
	far, err := net.Dial("tcp", r.to.String())
	if err != nil {
		return
	}
	r.hold(far)
	defer r.drop(far)
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		both.Go(func() {
			line.carry(way[0], way[1])
			near.Close()
			far.Close()
		})
	}
	both.Wait()
}

// parcel is bytes on their way.
type parcel struct {
	data []byte
	due  time.Time
}

// carry takes all that comes from one side to the other, each piece when it is due.
func (l Line) carry(from, to net.Conn) {
	way := make(chan parcel, 4096)
	go func() {
		defer close(way)
		for {
			buffer := make([]byte, 4096)
			n, err := from.Read(buffer)
			if n > 0 {
				way <- parcel{buffer[:n], time.Now().Add(l.delay())}
			}
			if err != nil {
				return
			}
		}
	}()
	failed := false
	for p := range way {
		if failed {
			continue // the reader must not be left hanging
		}
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			failed = true
			from.Close()
		}
	}
}

// delay returns how long a piece is on its way, in one direction.
func (l Line) delay() time.Duration {
	if l.Jitter <= 0 {
		return l.Trip / 2
	}
	return l.Trip/2 + rand.N(l.Jitter)
}
