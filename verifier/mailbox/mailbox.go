// Package mailbox is the reviewer's own mailbox for a demonstration of alerts: an SMTP server for one address.
//
// It takes mail for that address, and for any local+detail@domain of it, so that each fault can have an address of its own. A mail
// is acknowledged only when its keeper has it. Encryption is offered, with a certificate that is given or made: mail servers take
// any where they send to a stranger. It relays nothing and answers for no other address.
//
// What mails mean, and who has signed them, is left to others.
package mailbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// Limits on who sends. An alert has a few thousand bytes.
const (
	MaxBytes      = 128 << 10
	maxRecipients = 20
	sessionTime   = 30 * time.Second // for each read and write
)

// Mail is a mail as it came.
type Mail struct {
	From string   // of the envelope
	To   []string // of the envelope
	TLS  bool     // the session was encrypted
	Raw  []byte
}

// Config makes a Mailbox.
type Config struct {
	Address     string           // whose mailbox it is: local@domain
	Certificate *tls.Certificate // for STARTTLS; made for the address's domain if nil
	Keep        func(Mail) error // is called for one mail at a time; after an error the sender is asked to try again
	Log         *slog.Logger
}

// Mailbox is a server at work.
type Mailbox struct {
	server   *smtp.Server
	listener net.Listener
	served   chan struct{} // closed when it has ended
}

// Open begins to take mail at a listener, which it closes when it ends.
func Open(listener net.Listener, config Config) (*Mailbox, error) {
	local, domain, found := strings.Cut(config.Address, "@")
	if !found || local == "" || domain == "" || strings.Contains(local, "+") {
		return nil, fmt.Errorf("%q is no address that a mailbox can have: write it as local@domain, without a plus", config.Address)
	}
	if config.Certificate == nil {
		made, err := newCertificate(domain, time.Now())
		if err != nil {
			return nil, err
		}
		config.Certificate = &made
	}
	keep := make(chan struct{}, 1)
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{config: config, conn: c, keep: keep}, nil
	}))
	server.Domain, server.MaxMessageBytes, server.MaxRecipients = domain, MaxBytes, maxRecipients
	server.ReadTimeout, server.WriteTimeout = sessionTime, sessionTime
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*config.Certificate}, MinVersion: tls.VersionTLS12}
	server.ErrorLog = slog.NewLogLogger(config.Log.Handler(), slog.LevelDebug)
	m := &Mailbox{server: server, listener: listener, served: make(chan struct{})}
	go func() {
		defer close(m.served)
		_ = server.Serve(listener) // ends by Close
	}()
	return m, nil
}

// Close takes no more mail and ends every session.
func (m *Mailbox) Close() error {
	err := m.server.Close()
	<-m.served
	if errors.Is(err, smtp.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Try reports whether a mailbox takes a sender who comes to an address, host:port: nil, or why it does not.
func Try(ctx context.Context, address, recipient string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("reach our own mailbox: %w", err)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	client := smtp.NewClient(conn)
	defer client.Close()
	if err := client.Mail("", nil); err != nil {
		return fmt.Errorf("ask our own mailbox: %w", err)
	}
	if err := client.Rcpt(recipient, nil); err != nil {
		return fmt.Errorf("ask our own mailbox: %w", err)
	}
	_ = client.Quit() // its answer changes nothing
	return nil
}

// session takes the mails of one connection.
type session struct {
	config Config
	conn   *smtp.Conn
	keep   chan struct{}
	from   string
	to     []string
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt takes the mailbox's own address only: whoever asks for more is no sender of alerts.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !within(s.config.Address, to) {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such address here"}
	}
	s.to = append(s.to, to)
	return nil
}

// within reports whether an address is another's, or has a detail behind a plus.
func within(own, other string) bool {
	local, domain, _ := strings.Cut(strings.ToLower(own), "@")
	at := strings.LastIndexByte(other, '@')
	if at < 0 || strings.ToLower(other[at+1:]) != domain {
		return false
	}
	user, _, _ := strings.Cut(strings.ToLower(other[:at]), "+")
	return user == local
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, encrypted := s.conn.TLSConnectionState()
	s.keep <- struct{}{}
	defer func() { <-s.keep }()
	if err := s.config.Keep(Mail{From: s.from, To: s.to, TLS: encrypted, Raw: raw}); err != nil {
		s.config.Log.Error("mail was not kept, and is asked for again", "err", err)
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "Not kept, try again later"}
	}
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error { return nil }
