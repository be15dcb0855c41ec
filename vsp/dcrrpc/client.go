// Package dcrrpc is JSON-RPC to node and wallet daemons over rpcclient/v8: TLS, deadlines, reconnection, dialects.
//
// A Client dials when it is first used and again whenever a call finds the connection gone, so that a daemon may come and
// go without its users noticing more than failed calls. Every call ends by its context or by the client's own timeout,
// whichever is first. A connection on which a call ran into the client's timeout is given up: the far side may be gone
// without having said so. A call that its caller leaves earlier harms nobody else's.
//
// A call that failed may have been carried out. What an answer means is left to the callers.
package dcrrpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrjson/v4"
	"github.com/decred/dcrd/rpcclient/v8"
)

// DefaultTimeout bounds a call whose Config gives no timeout of its own.
const DefaultTimeout = 15 * time.Second

// What keeps a daemon from being asked. They say nothing about what it would have answered.
var (
	// ErrUnreachable: refused, gone, silent, or it did not take our credentials.
	ErrUnreachable = errors.New("daemon unreachable")

	// ErrCredentials comes with ErrUnreachable where the daemon did not take our user and password.
	ErrCredentials = rpcclient.ErrInvalidAuth

	// ErrSilent comes with ErrUnreachable where the daemon took a call and did not answer it in time.
	ErrSilent = errors.New("no answer in time")
)

// JSON-RPC error codes that callers tell apart (dcrjson/v4 jsonrpcerr.go).
const (
	CodeNoTx        = dcrjson.ErrRPCNoTxInfo           // -5: no such transaction, or not indexed
	CodeDuplicateTx = dcrjson.ErrRPCDuplicateTx        // -40: already known
	CodeMisc        = dcrjson.ErrRPCMisc               // -1: a transaction broke a rule
	CodeOutOfRange  = dcrjson.ErrRPCOutOfRange         // -1: no block at that height
	CodeLocked      = dcrjson.ErrRPCWalletUnlockNeeded // -13: the wallet must be unlocked first
)

// Config says where a daemon listens and what it wants to see.
type Config struct {
	Address  string        // host:port
	User     string        // basic authentication
	Password string        // never logged
	CertPEM  []byte        // the daemon's certificate or its issuer's; the only roots trusted
	Timeout  time.Duration // for a dial and for one call; DefaultTimeout if zero
}

// Client talks to one daemon. It is safe for concurrent use.
type Client struct {
	config Config

	// handlers and subscriptions are set before first use and then only read.
	handlers      *rpcclient.NotificationHandlers
	subscriptions []string

	life    context.Context // ends with Close
	end     context.CancelFunc
	workers sync.WaitGroup // dials and calls under way; Add only with mu held and life not ended

	stuck chan struct{} // one token for each dial of rpcclient that has not returned

	mu     sync.Mutex // guards what follows
	conn   *rpcclient.Client
	serial uint64        // of conn
	lost   chan struct{} // closed when conn is over; nil before the first
	dial   *dial         // the one under way, or nil
}

// New returns a client that has not dialled yet.
func New(config Config) *Client {
	if config.Timeout == 0 {
		config.Timeout = DefaultTimeout
	}
	c := &Client{config: config, stuck: make(chan struct{}, maxStuck)}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// Address returns the host:port the client talks to.
func (c *Client) Address() string { return c.config.Address }

// Subscribe asks for the daemon's notifications: the methods, such as "notifyblocks", are called on each new connection
// before anything else, and what then comes is given to handlers, in order, from one goroutine. A handler must return
// soon, as answers to calls wait behind it, and must not use the client. Subscribe must be called before the first call.
// Only calls notice a lost connection, so a subscriber keeps one going at the pace at which it wants to notice.
func (c *Client) Subscribe(handlers *rpcclient.NotificationHandlers, methods ...string) {
	c.handlers, c.subscriptions = handlers, methods
}

// Call runs one method and decodes its answer into result, which may be nil; into a *json.RawMessage it goes as it came.
// Errors are *dcrjson.RPCError where the
// daemon answered with one (see Code), wrap ErrUnreachable where it could not be asked, and wrap the context's own where
// the caller ended the call.
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
	conn, _, err := c.connection(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	answer, err := c.request(ctx, timeout, conn, method, raw)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if raw, ok := result.(*json.RawMessage); ok {
		*raw = answer
		return nil
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("%s: decode answer of %s: %w", method, c.config.Address, err)
	}
	return nil
}

type answer struct {
	raw json.RawMessage
	err error
}

// request sends one call and waits for its answer. The wait goes on aside after the caller has left: only the client's
// timeout tells whether the far side is gone, and callers in a hurry would otherwise keep a dead connection for ever.
func (c *Client) request(ctx context.Context, timeout time.Duration, conn *rpcclient.Client, method string,
	params []json.RawMessage) (json.RawMessage, error) {

	if !c.begin() {
		return nil, c.unreachable(errClosed)
	}
	answered := make(chan answer, 1)
	go func() {
		defer c.workers.Done()
		// Shutdown also frees a request that cannot even be sent.
		late := time.AfterFunc(timeout, conn.Shutdown)
		raw, err := conn.RawRequest(context.Background(), method, params)
		if !late.Stop() && err != nil {
			err = ErrSilent
		}
		answered <- answer{raw, err}
	}()
	select {
	case a := <-answered:
		var refusal *dcrjson.RPCError
		if a.err == nil || errors.As(a.err, &refusal) {
			return a.raw, a.err
		}
		return nil, c.unreachable(a.err)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

var errClosed = errors.New("client closed")

func (c *Client) unreachable(cause error) error {
	return fmt.Errorf("%s: %w: %w", c.config.Address, ErrUnreachable, cause)
}

// begin counts one more worker, unless the client is closed.
func (c *Client) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		return false
	}
	c.workers.Add(1)
	return true
}

// Close ends the connection and every call under way, and returns when they have ended. The client cannot be used again.
func (c *Client) Close() {
	c.end()
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn != nil {
		conn.Shutdown()
		conn.WaitForShutdown()
	}
	c.workers.Wait()
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
