package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"scrutineer/alerts"
)

// goodbye is how long the server may take to answer QUIT. The mail is delivered by then, so waiting is only courtesy.
const goodbye = time.Second

// post hands a letter to the server in one SMTP session, which ends with ctx at the latest.
func (s *Sender) post(ctx context.Context, to mailbox, letter []byte) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.config.Server)
	if err != nil {
		return fmt.Errorf("reach mail server: %w", err)
	}
	// The client sets a deadline of its own for each command, so the connection is cut instead.
	cut := context.AfterFunc(ctx, func() { conn.Close() })
	defer cut()
	defer conn.Close()

	client, err := s.greet(conn)
	if err != nil {
		return fmt.Errorf("greet mail server %s: %w", s.config.Server, because(ctx, err))
	}
	if err := transact(client, s.from, to, letter); err != nil {
		err = fmt.Errorf("mail to %s through %s: %w", to.address, s.config.Server, because(ctx, err))
		if refused(err) {
			return &alerts.Permanent{Err: err}
		}
		return err
	}
	client.CommandTimeout = goodbye
	_ = client.Quit() // its answer changes nothing
	return nil
}

// because adds why a connection broke where it was us who cut it.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

// greet brings the connection to where a mail can be given: encrypted and authenticated, as configured.
func (s *Sender) greet(conn net.Conn) (*smtp.Client, error) {
	client := smtp.NewClient(conn)
	if s.config.Encryption != Plain {
		var err error
		client, err = smtp.NewClientStartTLS(conn, &tls.Config{ServerName: s.host, RootCAs: s.config.Roots, MinVersion: tls.VersionTLS12})
		if err != nil {
			return nil, err
		}
	}
	if err := client.Hello(s.from.domain()); err != nil {
		return nil, err
	}
	if s.config.Username == "" {
		return client, nil
	}
	return client, s.authenticate(client)
}

// authenticate gives name and password. Of a refusal it keeps the code alone: the server's words might repeat ours.
func (s *Sender) authenticate(client *smtp.Client) error {
	if !client.SupportsAuth(sasl.Plain) {
		return errors.New("the server does not offer AUTH PLAIN")
	}
	err := client.Auth(sasl.NewPlainClient("", s.config.Username, s.config.Password))
	var answer *smtp.SMTPError
	if errors.As(err, &answer) {
		return fmt.Errorf("the server does not accept user %q or the password: code %d", s.config.Username, answer.Code)
	}
	return err
}

// transact gives one mail. When it returns nil, the server has taken charge of it.
func transact(client *smtp.Client, from, to mailbox, letter []byte) error {
	if err := client.Mail(from.address, nil); err != nil {
		return err
	}
	if err := client.Rcpt(to.address, nil); err != nil {
		return err
	}
	data, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := data.Write(letter); err != nil {
		return err
	}
	return data.Close()
}

// refused reports whether the server will never take the mail. Codes that ask for credentials or encryption (RFC 4954,
// 6; RFC 3207, 4) speak of the session, not of the mail, and a full mailbox (552) can be emptied while the mail waits.
func refused(err error) bool {
	var answer *smtp.SMTPError
	if !errors.As(err, &answer) {
		return false
	}
	switch answer.Code {
	case 530, 534, 535, 538, 552:
		return false
	}
	return answer.Code/100 == 5
}
