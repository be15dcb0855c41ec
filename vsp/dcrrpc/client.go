// Package dcrrpc is JSON-RPC to node and wallet daemons over rpcclient/v8: TLS, deadlines, reconnection, dialects.
//
// A Client dials when it is first used and again whenever a call finds the connection gone, so that a daemon may come and
// go without its users noticing more than failed calls. Every call ends by its context or by the client's own timeout,
// whichever is first. A connection on which a call ran into that timeout is given up: the far side may be gone without
// having said so.
//
// What an answer means is left to the callers.
package dcrrpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrjson/v4"
	"github.com/decred/dcrd/rpcclient/v8"
)

// DefaultTimeout bounds a call whose Config gives no timeout of its own.
const DefaultTimeout = 15 * time.Second

// ErrUnreachable says that the daemon could not be asked: refused, gone, silent, or it did not take our credentials. It
// says nothing about what the daemon would have answered.
var ErrUnreachable = errors.New("daemon unreachable")

// JSON-RPC error codes that callers tell apart (dcrjson/v4 jsonrpcerr.go).
const (
	CodeNoTx          = dcrjson.ErrRPCNoTxInfo       // -5: no such transaction, or not indexed
	CodeDuplicateTx   = dcrjson.ErrRPCDuplicateTx    // -40: already known
	CodeOutOfRange    = dcrjson.ErrRPCOutOfRange     // -1: no block at that height
	CodeMethodUnknown = dcrjson.RPCErrorCode(-32601) // the daemon has no such call
)

// Config says where a daemon listens and what it wants to see.
type Config struct {
	Address  string        // host:port
	User     string        // basic authentication
	Password string        // never logged
	CertPEM  []byte        // the daemon's certificate or its issuer's; the only roots trusted
	Timeout  time.Duration // for one call; DefaultTimeout if zero
}

// Client talks to one daemon. It is safe for concurrent use.
type Client struct {
	config Config

	// handlers and subscriptions are set before first use and then only read.
	handlers      *rpcclient.NotificationHandlers
	subscriptions []string

	// turn holds one token: who has it owns conn and closed. It is held while dialling, so that one dial serves all.
	turn   chan struct{}
	conn   *rpcclient.Client
	closed bool
}

// New returns a client that has not dialled yet.
func New(config Config) *Client {
	if config.Timeout == 0 {
		config.Timeout = DefaultTimeout
	}
	return &Client{config: config, turn: make(chan struct{}, 1)}
}

// Address returns the host:port the client talks to.
func (c *Client) Address() string { return c.config.Address }

// Subscribe asks for the daemon's notifications: the methods, such as "notifyblocks", are called on each new connection
// before anything else, and what then comes is given to handlers, in order, from one goroutine. A handler must return
// soon: answers to calls wait behind it. Subscribe must be called before the first call. Only calls notice a lost
// connection, so a subscriber keeps one going at the pace at which it wants to notice.
func (c *Client) Subscribe(handlers *rpcclient.NotificationHandlers, methods ...string) {
	c.handlers, c.subscriptions = handlers, methods
}

// Call runs one method and decodes its answer into result, which may be nil. Errors are *dcrjson.RPCError where the
// daemon answered with one (see Code), and wrap ErrUnreachable where it could not be asked.
func (c *Client) Call(ctx context.Context, result any, method string, params ...any) error {
	return c.CallTimeout(ctx, c.config.Timeout, result, method, params...)
}

// CallTimeout is Call with another timeout than the client's own, for methods known to be slow.
func (c *Client) CallTimeout(ctx context.Context, timeout time.Duration, result any, method string, params ...any) error {
	raw := make([]json.RawMessage, len(params))
	for i, p := range params {
		if h, ok := p.(chainhash.Hash); ok {
			p = hashText(h)
		}
		b, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("%s: encode parameter %d: %w", method, i, err)
		}
		raw[i] = b
	}
	callCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := c.connection(callCtx)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	answer, err := conn.RawRequest(callCtx, method, raw)
	if err != nil {
		return fmt.Errorf("%s: %w", method, c.failure(ctx, callCtx, conn, err))
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("%s: decode answer of %s: %w", method, c.config.Address, err)
	}
	return nil
}

// failure sorts what rpcclient says: an answer of the daemon passes as it is; everything else means the connection is of
// no more use, unless it was the caller who ended the call.
func (c *Client) failure(caller, call context.Context, conn *rpcclient.Client, err error) error {
	var rpcErr *dcrjson.RPCError
	if errors.As(err, &rpcErr) {
		return err
	}
	if caller.Err() != nil {
		return caller.Err()
	}
	conn.Shutdown() // the next call dials anew
	if call.Err() != nil {
		err = errors.New("no answer in time")
	}
	return fmt.Errorf("%s: %w: %w", c.config.Address, ErrUnreachable, err)
}

// connection returns the open connection, dialling if there is none.
func (c *Client) connection(ctx context.Context) (*rpcclient.Client, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w: waiting for a dial: %w", c.config.Address, ErrUnreachable, ctx.Err())
	}
	if c.closed {
		return nil, fmt.Errorf("%s: %w: client closed", c.config.Address, ErrUnreachable)
	}
	if c.conn != nil && !c.conn.Disconnected() {
		return c.conn, nil
	}
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", c.config.Address, ErrUnreachable, err)
	}
	c.conn = conn
	return conn, nil
}

// dial connects and subscribes. rpcclient's own dial knows no deadline, so it runs aside, and what it may still bring
// after ours has passed is shut down.
func (c *Client) dial(ctx context.Context) (*rpcclient.Client, error) {
	conn, err := rpcclient.New(&rpcclient.ConnConfig{
		Host: c.config.Address, Endpoint: "ws", User: c.config.User, Pass: c.config.Password,
		Certificates: c.config.CertPEM, DisableConnectOnNew: true, DisableAutoReconnect: true,
	}, c.handlers)
	if err != nil {
		return nil, err
	}
	dialled := make(chan error, 1)
	go func() { dialled <- conn.Connect(context.Background(), false) }()
	select {
	case err = <-dialled:
	case <-ctx.Done():
		go func() { <-dialled; conn.Shutdown() }()
		return nil, fmt.Errorf("dial: %w", ctx.Err())
	}
	if err != nil {
		conn.Shutdown()
		return nil, err
	}
	for _, method := range c.subscriptions {
		if _, err := conn.RawRequest(ctx, method, nil); err != nil {
			conn.Shutdown()
			return nil, fmt.Errorf("%s: %w", method, err)
		}
	}
	return conn, nil
}

// Close ends the connection and every call under way. The client cannot be used again.
func (c *Client) Close() {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	c.closed = true
	if c.conn != nil {
		c.conn.Shutdown()
		c.conn.WaitForShutdown()
	}
}

// Code returns the JSON-RPC error code in err, and whether the daemon answered with one at all.
func Code(err error) (dcrjson.RPCErrorCode, bool) {
	var rpcErr *dcrjson.RPCError
	if !errors.As(err, &rpcErr) {
		return 0, false
	}
	return rpcErr.Code, true
}

// IsCode reports whether the daemon answered with this error code.
func IsCode(err error, code dcrjson.RPCErrorCode) bool {
	got, ok := Code(err)
	return ok && got == code
}
