// Package rpctest is a JSON-RPC daemon for tests: TLS, a websocket, methods that a test writes, and the ways a daemon fails.
//
// What it answers is the test's business. It is no substitute for the real daemons, but it can hang, lie and break off at
// will, which they cannot.
package rpctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrjson/v4"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp/dcrrpc"
)

// The credentials that a Server takes.
const (
	User     = "user"
	Password = "rpctest-secret"
)

// Method answers one call. An error that is no *dcrjson.RPCError is sent as one with the code for a wallet's errors.
type Method func(params []json.RawMessage) (any, error)

// ErrHang is what a Method returns to give no answer.
var ErrHang = errors.New("no answer")

// ErrDrop is what a Method returns to break the connection off.
var ErrDrop = errors.New("break off")

// ErrGarbage is what a Method returns to send what is no JSON.
var ErrGarbage = errors.New("garbage")

// Server is a daemon. It is safe for concurrent use.
type Server struct {
	t       testing.TB
	address string
	cert    []byte
	pair    *tls.Certificate // nil: the one that httptest has

	mu             sync.Mutex // guards what follows
	user, password string
	methods        map[string]Method
	http           *httptest.Server
	conns          map[*websocket.Conn]bool
	calls          []string
	dials          int
}

// New starts a server that knows no methods; it ends with the test.
func New(t testing.TB) *Server {
	s := &Server{t: t, user: User, password: Password, methods: make(map[string]Method), conns: make(map[*websocket.Conn]bool)}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Config returns how to reach the server.
func (s *Server) Config() dcrrpc.Config {
	return dcrrpc.Config{Address: s.address, User: User, Password: Password, CertPEM: s.cert}
}

// Handle sets what a method answers.
func (s *Server) Handle(method string, answer Method) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.methods[method] = answer
}

// Answer makes a method always answer the same.
func (s *Server) Answer(method string, result any) {
	s.Handle(method, func([]json.RawMessage) (any, error) { return result, nil })
}

// Start listens, after Stop at the same address as before.
func (s *Server) Start() {
	address := "127.0.0.1:0"
	if s.address != "" {
		address = s.address
	}
	listener, err := net.Listen("tcp", address)
	require.NoError(s.t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	server.Listener.Close()
	server.Listener = listener
	if s.pair != nil {
		server.TLS = &tls.Config{Certificates: []tls.Certificate{*s.pair}}
	}
	server.StartTLS()
	s.address = listener.Addr().String()
	s.cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	s.mu.Lock()
	s.http = server
	s.mu.Unlock()
}

// Expect makes the server take these credentials and no others.
func (s *Server) Expect(user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user, s.password = user, password
}

// Renew gives the server a certificate of its own, which it shows from the next Start on. Whoever has a Config from before
// does not know it. Restore gives it back the one that it had at first.
func (s *Server) Renew() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(s.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(s.t, err)
	s.pair = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Restore undoes Renew, from the next Start on.
func (s *Server) Restore() { s.pair = nil }

// Stop breaks off all connections and listens no more.
func (s *Server) Stop() {
	s.mu.Lock()
	server := s.http
	s.http = nil
	s.mu.Unlock()
	if server == nil {
		return
	}
	s.DropAll()
	server.Close()
}

// DropAll breaks off all connections.
func (s *Server) DropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.UnderlyingConn().Close()
	}
}

// Notify sends a notification to all who are connected.
func (s *Server) Notify(method string, params ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		message := map[string]any{"jsonrpc": "1.0", "id": nil, "method": method, "params": params}
		_ = conn.WriteJSON(message)
	}
}

// Calls returns the methods called so far, in the order in which they came.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

// Dials returns how many websockets were opened so far.
func (s *Server) Dials() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dials
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	user, password := s.user, s.password
	s.mu.Unlock()
	if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
		http.Error(w, "401 Unauthorized.", http.StatusUnauthorized)
		return
	}
	conn, err := new(websocket.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.conns[conn] = true
	s.dials++
	s.mu.Unlock()
	var answers sync.WaitGroup
	for {
		var call dcrjson.Request
		if conn.ReadJSON(&call) != nil {
			break
		}
		s.mu.Lock()
		s.calls = append(s.calls, call.Method)
		method := s.methods[call.Method]
		s.mu.Unlock()
		answers.Go(func() { s.answer(conn, call, method) })
	}
	answers.Wait()
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
	conn.Close()
}

func (s *Server) answer(conn *websocket.Conn, call dcrjson.Request, method Method) {
	var result any
	var err error = dcrjson.ErrRPCMethodNotFound
	if method != nil {
		result, err = method(call.Params)
	}
	var refusal *dcrjson.RPCError
	if err != nil && !errors.As(err, &refusal) {
		refusal = &dcrjson.RPCError{Code: dcrjson.ErrRPCWallet, Message: err.Error()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, ErrHang):
	case errors.Is(err, ErrDrop):
		conn.UnderlyingConn().Close()
	case errors.Is(err, ErrGarbage):
		_ = conn.WriteMessage(websocket.TextMessage, []byte("{]"))
	default:
		_ = conn.WriteJSON(map[string]any{"jsonrpc": "1.0", "id": call.ID, "result": result, "error": refusal})
	}
}
