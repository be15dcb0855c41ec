package locationtest

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Relay passes connections on to a machine as if it were far away: what goes in comes out later, in either direction.
type Relay struct {
	Address netip.AddrPort
	to      netip.AddrPort
	trip    atomic.Int64 // nanoseconds of a round trip
	cut     atomic.Bool
}

// StartRelay starts a relay to a machine, at an address of its own.
func StartRelay(t testing.TB, number int, to netip.AddrPort) *Relay {
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 78, byte(number), 1}), 0)
	listener, err := net.Listen("tcp", at.String())
	require.NoError(t, err)
	r := &Relay{Address: listener.Addr().(*net.TCPAddr).AddrPort(), to: to}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { r.pass(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		open.Wait()
	})
	return r
}

// Set makes a round trip take this much longer than it does.
func (r *Relay) Set(trip time.Duration) { r.trip.Store(int64(trip)) }

// Cut makes the relay close every new connection, or not.
func (r *Relay) Cut(cut bool) { r.cut.Store(cut) }

func (r *Relay) pass(near net.Conn) {
	defer near.Close()
	if r.cut.Load() {
		return
	}
	far, err := net.Dial("tcp", r.to.String())
	if err != nil {
		return
	}
	defer far.Close()
	half := time.Duration(r.trip.Load() / 2)
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		both.Go(func() {
			carry(way[0], way[1], half)
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
func carry(from, to net.Conn, delay time.Duration) {
	way := make(chan parcel, 4096)
	go func() {
		defer close(way)
		for {
			buffer := make([]byte, 4096)
			n, err := from.Read(buffer)
			if n > 0 {
				way <- parcel{buffer[:n], time.Now().Add(delay)}
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
