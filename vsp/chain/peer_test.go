package chain_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
)

// impostor is a peer of a real node that says of itself what a test wants it to, and answers nothing.
type impostor struct {
	t      *testing.T
	height int32
	clock  time.Duration // that it is ahead
	conns  sync.Map
	ended  sync.WaitGroup
}

func newImpostor(t *testing.T, height int32, clock time.Duration) *impostor {
	i := &impostor{t: t, height: height, clock: clock}
	t.Cleanup(i.end)
	return i
}

// call connects to a node.
func (i *impostor) call(address string) {
	i.t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(i.t, err)
	i.ended.Go(func() { i.converse(conn) })
}

// listen waits for a node, and returns where.
func (i *impostor) listen() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(i.t, err)
	i.conns.Store(listener, true)
	i.ended.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			i.ended.Go(func() { i.converse(conn) })
		}
	})
	return listener.Addr().String()
}

func (i *impostor) converse(conn net.Conn) {
	i.conns.Store(conn, true)
	defer conn.Close()
	nobody := wire.NewNetAddressIPPort(net.IPv4zero, 0, 0)
	version := wire.NewMsgVersion(nobody, nobody, uint64(time.Now().UnixNano()), i.height)
	version.Timestamp = time.Now().Add(i.clock)
	version.AddService(wire.SFNodeNetwork)
	version.ProtocolVersion = int32(wire.ProtocolVersion)
	for _, message := range []wire.Message{version, wire.NewMsgVerAck()} {
		if wire.WriteMessage(conn, message, wire.ProtocolVersion, wire.SimNet) != nil {
			return
		}
	}
	for {
		if _, _, err := wire.ReadMessage(conn, wire.ProtocolVersion, wire.SimNet); err != nil {
			return
		}
	}
}

// end hangs up.
func (i *impostor) end() {
	i.conns.Range(func(conn, _ any) bool { conn.(interface{ Close() error }).Close(); return true })
	i.ended.Wait()
}
