package dcrrpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/decred/dcrd/rpcclient/v8"
)

// maxStuck bounds the dials of rpcclient that hang, which cannot be ended from outside. They end when the far side's
// process does, or when TCP gives up after a quarter of an hour.
const maxStuck = 4

// dial is one attempt to connect, which all who need the connection wait for.
type dial struct {
	done   chan struct{} // closed when conn, serial and err are set
	conn   *rpcclient.Client
	serial uint64
	err    error
}

// Connect dials if there is no connection, and returns the serial number of the connection there is. Another number than
// before means that the daemon may have restarted, or be another one.
func (c *Client) Connect(ctx context.Context) (uint64, error) {
	_, serial, err := c.connection(ctx)
	return serial, err
}

// connection returns the open connection and its serial number. Who leaves early does not end the dial for the others.
func (c *Client) connection(ctx context.Context) (*rpcclient.Client, uint64, error) {
	c.mu.Lock()
	if c.life.Err() != nil {
		c.mu.Unlock()
		return nil, 0, c.unreachable(errClosed)
	}
	if c.conn != nil && !c.conn.Disconnected() {
		defer c.mu.Unlock()
		return c.conn, c.serial, nil
	}
	d := c.dial
	if d == nil {
		d = &dial{done: make(chan struct{})}
		c.dial = d
		c.workers.Add(1)
		go c.run(d, c.conn)
	}
	c.mu.Unlock()

	select {
	case <-d.done:
		return d.conn, d.serial, d.err
	case <-ctx.Done():
		return nil, 0, fmt.Errorf("%s: dial: %w", c.config.Address, ctx.Err())
	}
}

// run carries out a dial, once the connection before it has delivered its last notification.
func (c *Client) run(d *dial, before *rpcclient.Client) {
	defer c.workers.Done()
	if before != nil {
		before.WaitForShutdown()
	}
	ctx, cancel := context.WithTimeout(c.life, c.config.Timeout)
	defer cancel()
	conn, err := c.open(ctx)

	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(d.done)
	c.dial = nil
	if err == nil && c.life.Err() != nil {
		conn.Shutdown()
		conn.WaitForShutdown()
		err = errClosed
	}
	if err != nil {
		d.err = c.unreachable(err)
		return
	}
	c.serial++
	c.conn = conn
	d.conn, d.serial = conn, c.serial
	lost := make(chan struct{})
	c.lost = lost
	c.workers.Add(1)
	go func() {
		defer c.workers.Done()
		conn.WaitForShutdown()
		close(lost)
	}()
}

// Lost returns a channel that is closed when the present connection is over, which shows at once where a daemon ends, and
// not before the next call where a host falls silent. It is nil while there is no connection.
func (c *Client) Lost() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil || c.conn.Disconnected() {
		return nil
	}
	return c.lost
}

// open connects and subscribes.
func (c *Client) open(ctx context.Context) (*rpcclient.Client, error) {
	if err := c.knock(ctx); err != nil {
		return nil, err
	}
	conn, err := c.websocket(ctx)
	if err != nil {
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

// knock finds out within a deadline whether anybody answers with the right certificate. rpcclient's dial knows no
// deadline and would hang on a stopped process or a dark host.
func (c *Client) knock(ctx context.Context) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(c.config.CertPEM) {
		return errors.New("no certificate to trust")
	}
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", c.config.Address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// websocket runs rpcclient's dial aside and shuts down what it may still bring after the deadline.
func (c *Client) websocket(ctx context.Context) (*rpcclient.Client, error) {
	select {
	case c.stuck <- struct{}{}:
	default:
		return nil, fmt.Errorf("%d earlier dials hang: %w", maxStuck, ErrSilent)
	}
	conn, err := rpcclient.New(&rpcclient.ConnConfig{
		Host: c.config.Address, Endpoint: "ws", User: c.config.User, Pass: c.config.Password,
		Certificates: c.config.CertPEM, DisableConnectOnNew: true, DisableAutoReconnect: true,
	}, c.handlers)
	if err != nil {
		<-c.stuck
		return nil, err
	}
	dialled := make(chan error, 1)
	go func() {
		dialled <- conn.Connect(context.Background(), false)
		<-c.stuck
	}()
	select {
	case err := <-dialled:
		if err != nil {
			conn.Shutdown()
			return nil, err
		}
		return conn, nil
	case <-ctx.Done():
		go func() { <-dialled; conn.Shutdown() }()
		return nil, fmt.Errorf("dial: %w", ctx.Err())
	}
}
