package testnet

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Limits of the mail server. A report in the mail stays far below.
const (
	maxMailBytes = 4 << 20
	mailTimeout  = 30 * time.Second // for each read and write of a session
)

// Mail is a mail as it came in.
type Mail struct {
	Path     string   // its file
	From     string   // of the envelope
	To       []string // of the envelope
	Subject  string   // decoded
	Received time.Time
	TLS      bool   // the session was encrypted
	Raw      []byte // as received
}

// Sink is a mail server that keeps all it is given: the nth mail as n.eml, four digits, in the order of arrival. The file
// is the mail as received, behind a line Return-Path for its envelope's sender and a line Delivered-To for each recipient.
type Sink struct {
	dir      string
	server   *smtp.Server
	listener net.Listener
	served   chan struct{} // closed when the server has ended

	mu      sync.Mutex // owns what follows, and the order of the files
	mails   []Mail
	arrived chan struct{} // closed and replaced with each mail

	domain, next string // by Forward
	lost         bool   // by Lose
}

// SinkOption changes how a Sink works.
type SinkOption func(*smtp.Server)

// WithSTARTTLS lets the sink offer encryption.
func WithSTARTTLS(certificate tls.Certificate) SinkOption {
	return func(s *smtp.Server) {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
}

// StartSink listens on address, host:port, and keeps mails in dir, which it makes.
func StartSink(address, dir string, options ...SinkOption) (*Sink, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("start mail server: %w", err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("start mail server: %w", err)
	}
	s := &Sink{dir: dir, listener: listener, served: make(chan struct{}), arrived: make(chan struct{})}
	s.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &mailSession{sink: s, conn: c}, nil
	}))
	s.server.Domain = "mail.example.org"
	s.server.MaxMessageBytes = maxMailBytes
	s.server.ReadTimeout, s.server.WriteTimeout = mailTimeout, mailTimeout
	for _, option := range options {
		option(s.server)
	}
	go func() {
		defer close(s.served)
		_ = s.server.Serve(listener) // ends by Close
	}()
	return s, nil
}

// Addr returns where the sink listens, host:port.
func (s *Sink) Addr() string { return s.listener.Addr().String() }

// Close ends the server and every session under way.
func (s *Sink) Close() error {
	err := s.server.Close()
	<-s.served
	if errors.Is(err, smtp.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Mails returns the mails so far, in the order of arrival.
func (s *Sink) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Wait returns the first mail that matches, waiting for one to come until ctx ends. The error lists what came instead.
func (s *Sink) Wait(ctx context.Context, match func(Mail) bool) (Mail, error) {
	for seen := 0; ; {
		s.mu.Lock()
		mails, arrived := s.mails, s.arrived
		s.mu.Unlock()
		for ; seen < len(mails); seen++ {
			if match(mails[seen]) {
				return mails[seen], nil
			}
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return Mail{}, fmt.Errorf("wait for mail: %w; %d came: %s", ctx.Err(), len(mails), subjects(mails))
		}
	}
}

func subjects(mails []Mail) string {
	var all []string
	for _, m := range mails {
		all = append(all, fmt.Sprintf("%q", m.Subject))
	}
	return strings.Join(all, ", ")
}

// keep writes a mail to its file before it is acknowledged.
func (s *Sink) keep(m Mail) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.Path = filepath.Join(s.dir, fmt.Sprintf("%04d.eml", len(s.mails)+1))
	var text bytes.Buffer
	fmt.Fprintf(&text, "Return-Path: <%s>\r\n", m.From)
	for _, to := range m.To {
		fmt.Fprintf(&text, "Delivered-To: %s\r\n", to)
	}
	text.Write(m.Raw)
	if err := os.WriteFile(m.Path+".new", text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("keep mail: %w", err)
	}
	if err := os.Rename(m.Path+".new", m.Path); err != nil {
		return fmt.Errorf("keep mail: %w", err)
	}
	s.mails = append(s.mails, m)
	close(s.arrived)
	s.arrived = make(chan struct{})
	return nil
}

// mailSession takes the mails of one connection.
type mailSession struct {
	sink *Sink
	conn *smtp.Conn
	from string
	to   []string
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, encrypted := s.conn.TLSConnectionState()
	m := Mail{From: s.from, To: s.to, Subject: subject(raw), Received: time.Now().UTC(), TLS: encrypted, Raw: raw}
	if err := s.sink.forward(m); err != nil {
		return err
	}
	return s.sink.keep(m)
}

func (s *mailSession) Reset() { s.from, s.to = "", nil }

func (s *mailSession) Logout() error { return nil }

// subject returns a mail's decoded subject, or what stands there if it cannot be decoded.
func subject(raw []byte) string {
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return ""
	}
	text := message.Header.Get("Subject")
	if decoded, err := new(mime.WordDecoder).DecodeHeader(text); err == nil {
		return decoded
	}
	return text
}
