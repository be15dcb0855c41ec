package dcrrpc_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrjson/v4"
	"github.com/decred/dcrd/rpcclient/v8"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/dcrrpc/rpctest"
)

// short is a client's timeout in tests that wait for it to pass, long one that must not pass.
const (
	short = 200 * time.Millisecond
	long  = 30 * time.Second
)

func newClient(t *testing.T, config dcrrpc.Config, timeout time.Duration) *dcrrpc.Client {
	config.Timeout = timeout
	c := dcrrpc.New(config)
	t.Cleanup(c.Close)
	return c
}

func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func TestCallAnswers(t *testing.T) {
	noLeaks(t)
	s := rpctest.New(t)
	s.Handle("echo", func(params []json.RawMessage) (any, error) { return params, nil })
	s.Handle("fail", func([]json.RawMessage) (any, error) {
		return nil, &dcrjson.RPCError{Code: dcrrpc.CodeNoTx, Message: "nothing known"}
	})
	c := newClient(t, s.Config(), long)

	var got []any
	require.NoError(t, c.Call(t.Context(), &got, "echo", "one", 2, true))
	require.Equal(t, []any{"one", 2.0, true}, got)

	err := c.Call(t.Context(), nil, "fail")
	require.ErrorContains(t, err, "nothing known")
	require.True(t, dcrrpc.IsCode(err, dcrrpc.CodeNoTx))
	require.NotErrorIs(t, err, dcrrpc.ErrUnreachable)

	require.True(t, dcrrpc.IsCode(c.Call(t.Context(), nil, "nosuch"), dcrjson.ErrRPCMethodNotFound.Code))
	require.ErrorContains(t, c.Call(t.Context(), new(int), "echo", "text"), "decode answer")
	require.Equal(t, 1, s.Dials())
}

func TestUnreachable(t *testing.T) {
	s := rpctest.New(t)
	s.Answer("ping", nil)
	stopped := rpctest.New(t)
	stopped.Stop()
	with := func(change func(*dcrrpc.Config)) dcrrpc.Config {
		config := s.Config()
		change(&config)
		return config
	}
	at := func(address string, cert []byte) dcrrpc.Config {
		return with(func(c *dcrrpc.Config) { c.Address, c.CertPEM = address, cert })
	}
	misnamed, misnamedCert := shaking(t, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} })
	expired, expiredCert := shaking(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	trusted := selfSigned(t)
	for name, tc := range map[string]struct {
		config dcrrpc.Config
		remedy string
	}{
		"refused":             {stopped.Config(), "nothing listens there"},
		"wrong password":      {with(func(c *dcrrpc.Config) { c.Password = "secret-but-wrong" }), "user and password"},
		"another certificate": {with(func(c *dcrrpc.Config) { c.CertPEM = selfSigned(t) }), "another certificate"},
		"misnamed":            {at(misnamed, misnamedCert), "not for this address"},
		"expired":             {at(expired, expiredCert), "not valid now"},
		"no certificate":      {with(func(c *dcrrpc.Config) { c.CertPEM = nil }), ""},
		"no TLS":              {at(silent(t, func(conn net.Conn) { fmt.Fprint(conn, "HTTP/1.1 400 Bad Request\r\n") }), trusted), "TLS"},
		"silent":              {at(silent(t, nil), trusted), "does not answer"},
		"ends at once":        {at(silent(t, func(conn net.Conn) { conn.Close() }), trusted), ""},
		"no way":              {at("[2001:db8::1]:9110", trusted), "no way leads there"},
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			c := newClient(t, tc.config, time.Second)
			err := c.Call(t.Context(), nil, "ping")
			require.ErrorIs(t, err, dcrrpc.ErrUnreachable)
			require.ErrorContains(t, err, tc.config.Address)
			require.NotContains(t, err.Error(), tc.config.Password)
			if name == "wrong password" {
				require.ErrorIs(t, err, dcrrpc.ErrCredentials)
			}
			remedy := dcrrpc.Remedy(fmt.Errorf("look: %w", err))
			require.Contains(t, remedy, tc.remedy)
			require.Equal(t, tc.remedy == "", remedy == "", remedy)
		})
	}
	s.Handle("hang", func([]json.RawMessage) (any, error) { return nil, rpctest.ErrHang })
	err := newClient(t, s.Config(), short).Call(t.Context(), nil, "hang")
	require.ErrorIs(t, err, dcrrpc.ErrSilent)
	require.Contains(t, dcrrpc.Remedy(err), "does not answer")
	require.Empty(t, dcrrpc.Remedy(newClient(t, s.Config(), long).Call(t.Context(), nil, "nosuch")))
	require.Empty(t, dcrrpc.Remedy(context.DeadlineExceeded), "the caller's own")
}

// silent listens, and does with each connection as told, or nothing.
func silent(t *testing.T, act func(net.Conn)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var conns []net.Conn
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
			if act != nil {
				act(conn)
			}
		}
	})
	t.Cleanup(func() {
		listener.Close()
		accepting.Wait()
		for _, conn := range conns {
			conn.Close()
		}
	})
	return listener.Addr().String()
}

func TestDeadlineHoldsWhereNobodyAnswers(t *testing.T) {
	s := rpctest.New(t)
	config := s.Config()
	config.Address = silent(t, nil)
	c := newClient(t, config, long)
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	require.ErrorIs(t, c.Call(ctx, nil, "ping"), context.DeadlineExceeded)
}

// TestHangingHandshake has a far side that shakes hands on TLS and then never answers the request for a websocket, where
// rpcclient waits for ever.
func TestHangingHandshake(t *testing.T) {
	noLeaks(t)
	address, cert, end := deafHTTPS(t)
	c := newClient(t, dcrrpc.Config{Address: address, User: "u", Password: "p", CertPEM: cert}, short)
	for range 6 {
		err := c.Call(t.Context(), nil, "ping")
		require.ErrorIs(t, err, dcrrpc.ErrUnreachable)
		require.Contains(t, dcrrpc.Remedy(err), "does not answer")
	}
	require.ErrorContains(t, c.Call(t.Context(), nil, "ping"), "4 earlier dials hang")
	end()
}

func TestReturnAfterRestart(t *testing.T) {
	noLeaks(t)
	s := rpctest.New(t)
	s.Answer("ping", "pong")
	c := newClient(t, s.Config(), long)
	require.NoError(t, c.Call(t.Context(), nil, "ping"))
	before, err := c.Connect(t.Context())
	require.NoError(t, err)
	for range 3 {
		s.Stop()
		require.ErrorIs(t, c.Call(t.Context(), nil, "ping"), dcrrpc.ErrUnreachable)
		s.Start()
		require.NoError(t, c.Call(t.Context(), nil, "ping"))
		after, err := c.Connect(t.Context())
		require.NoError(t, err)
		require.NotEqual(t, before, after)
		before = after
	}
}

func TestOwnTimeoutGivesTheConnectionUp(t *testing.T) {
	noLeaks(t)
	s := rpctest.New(t)
	s.Answer("ping", "pong")
	s.Handle("hang", func([]json.RawMessage) (any, error) { return nil, rpctest.ErrHang })
	c := newClient(t, s.Config(), short)
	err := c.Call(t.Context(), nil, "hang")
	require.ErrorIs(t, err, dcrrpc.ErrUnreachable)
	require.ErrorContains(t, err, "no answer in time")
	require.NoError(t, c.Call(t.Context(), nil, "ping"))
	require.Equal(t, 2, s.Dials())
}

func TestCallerLeavingHarmsNobody(t *testing.T) {
	noLeaks(t)
	s := rpctest.New(t)
	answer := make(chan struct{})
	s.Handle("slow", func([]json.RawMessage) (any, error) { <-answer; return "done", nil })
	s.Handle("hang", func([]json.RawMessage) (any, error) { return nil, rpctest.ErrHang })
	c := newClient(t, s.Config(), long)

	slow := make(chan error, 1)
	go func() { slow <- c.Call(t.Context(), nil, "slow") }()
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	require.ErrorIs(t, c.Call(ctx, nil, "hang"), context.DeadlineExceeded)
	close(answer)
	require.NoError(t, <-slow)
	require.Equal(t, 1, s.Dials())
}

// TestHurriedCallersDoNotKeepADeadConnection: all callers leave before the client's timeout, and still the dead connection
// is given up.
func TestHurriedCallersDoNotKeepADeadConnection(t *testing.T) {
	noLeaks(t)
	s := rpctest.New(t)
	s.Handle("hang", func([]json.RawMessage) (any, error) { return nil, rpctest.ErrHang })
	c := newClient(t, s.Config(), short)
	hurried := func() {
		ctx, cancel := context.WithTimeout(t.Context(), short/4)
		defer cancel()
		_ = c.Call(ctx, nil, "hang")
	}
	require.Eventually(t, func() bool { hurried(); return s.Dials() > 1 }, long, short/10)
}

func TestBreakingOff(t *testing.T) {
	noLeaks(t)
	s := rpctest.New(t)
	s.Answer("ping", "pong")
	s.Handle("drop", func([]json.RawMessage) (any, error) { return nil, rpctest.ErrDrop })
	s.Handle("garbage", func([]json.RawMessage) (any, error) { return nil, rpctest.ErrGarbage })
	c := newClient(t, s.Config(), short)
	for _, method := range []string{"drop", "garbage"} {
		require.ErrorIs(t, c.Call(t.Context(), nil, method), dcrrpc.ErrUnreachable, method)
		require.NoError(t, c.Call(t.Context(), nil, "ping"), method)
	}
}

func TestCloseEndsCalls(t *testing.T) {
	noLeaks(t)
	s := rpctest.New(t)
	called := make(chan struct{}, 8)
	s.Handle("hang", func([]json.RawMessage) (any, error) { called <- struct{}{}; return nil, rpctest.ErrHang })
	c := newClient(t, s.Config(), long)
	ended := make(chan error, 8)
	for range cap(ended) {
		go func() { ended <- c.Call(t.Context(), nil, "hang") }()
	}
	for range cap(ended) {
		<-called
	}
	c.Close()
	for range cap(ended) {
		require.ErrorIs(t, <-ended, dcrrpc.ErrUnreachable)
	}
	require.ErrorIs(t, c.Call(t.Context(), nil, "hang"), dcrrpc.ErrUnreachable)
	c.Close()
}

func TestCloseEndsADial(t *testing.T) {
	noLeaks(t)
	s := rpctest.New(t)
	config := s.Config()
	knocked := make(chan struct{}, 1)
	config.Address = silent(t, func(net.Conn) { knocked <- struct{}{} })
	c := newClient(t, config, long)
	ended := make(chan error, 1)
	go func() { ended <- c.Call(t.Context(), nil, "ping") }()
	<-knocked
	c.Close()
	require.ErrorIs(t, <-ended, dcrrpc.ErrUnreachable)
}

func TestOneDialServesAll(t *testing.T) {
	noLeaks(t)
	s := rpctest.New(t)
	s.Answer("ping", "pong")
	c := newClient(t, s.Config(), long)
	ended := make(chan error, 32)
	for range cap(ended) {
		go func() { ended <- c.Call(t.Context(), nil, "ping") }()
	}
	for range cap(ended) {
		require.NoError(t, <-ended)
	}
	require.Equal(t, 1, s.Dials())
}

func TestNotificationsComeBackAfterARestart(t *testing.T) {
	noLeaks(t)
	s := rpctest.New(t)
	s.Answer("notifyblocks", nil)
	s.Answer("ping", "pong")
	c := newClient(t, s.Config(), long)
	heard := make(chan string, 4)
	c.Subscribe(&rpcclient.NotificationHandlers{
		OnUnknownNotification: func(method string, _ []json.RawMessage) { heard <- method },
	}, "notifyblocks")
	for range 2 {
		require.NoError(t, c.Call(t.Context(), nil, "ping"))
		s.Notify("news", 1)
		require.Equal(t, "news", <-heard)
		s.Stop()
		require.ErrorIs(t, c.Call(t.Context(), nil, "ping"), dcrrpc.ErrUnreachable)
		s.Start()
	}
	require.Equal(t, []string{"notifyblocks", "ping", "notifyblocks", "ping"}, s.Calls())
}

func TestASubscriptionThatFailsIsNoConnection(t *testing.T) {
	noLeaks(t)
	s := rpctest.New(t)
	s.Answer("ping", "pong")
	c := newClient(t, s.Config(), long)
	c.Subscribe(&rpcclient.NotificationHandlers{}, "nosuch")
	require.ErrorIs(t, c.Call(t.Context(), nil, "ping"), dcrrpc.ErrUnreachable)
}
