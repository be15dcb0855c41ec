package email

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"scrutineer/alerts"
)

const loopback = "127.0.0.1:0"

// send delivers one notice with a deadline.
func send(t *testing.T, config Config, limit time.Duration) error {
	config.From, config.Site, config.Acknowledge = "Scrutineer <alerts@example.org>", "vsp.example.org", "vsp alerts ack"
	s, err := New(config)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return s.Send(ctx, down())
}

func requireTemporary(t *testing.T, err error) {
	require.Error(t, err)
	var permanent *alerts.Permanent
	require.False(t, errors.As(err, &permanent), "this can be mended, and the mail must not be dropped: %v", err)
}

func TestSend(t *testing.T) {
	cert, roots := certificate(t, "127.0.0.1", time.Now().AddDate(0, 1, 0))
	for name, c := range map[string]struct {
		server *server
		config Config
	}{
		"plain":               {&server{}, Config{Encryption: Plain}},
		"STARTTLS":            {&server{cert: cert}, Config{Roots: roots}},
		"STARTTLS, PLAIN":     {&server{cert: cert, auth: accept}, Config{Roots: roots, Encryption: STARTTLS, Username: "us", Password: "hush"}},
		"TLS, though unasked": {&server{cert: cert, auth: accept}, Config{Roots: roots}},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.Server = c.server.start(t, loopback).address
			require.NoError(t, send(t, c.config, 10*time.Second))
			kept := c.server.kept()
			require.Len(t, kept, 1)
			require.Equal(t, "alerts@example.org", kept[0].from)
			require.Equal(t, "night@example.org", kept[0].to)
			require.Equal(t, c.config.Encryption != Plain, kept[0].tls)
			require.Equal(t, c.config.Username, kept[0].user)
			to, err := parseMailbox(down().To)
			require.NoError(t, err)
			want, err := sender(t).compose(down(), to)
			require.NoError(t, err)
			require.Equal(t, string(want), kept[0].data)
		})
	}
}

func accept(user, password string) error {
	if user != "us" || password != "hush" {
		return smtp.ErrAuthFailed
	}
	return nil
}

func TestNothingIsSentOverADoubtfulConnection(t *testing.T) {
	soon := time.Now().AddDate(0, 1, 0)
	good, goodRoots := certificate(t, "127.0.0.1", soon)
	elsewhere, elsewhereRoots := certificate(t, "mail.example.org", soon)
	expired, expiredRoots := certificate(t, "127.0.0.1", time.Now().AddDate(0, 0, -1))
	for name, c := range map[string]struct {
		cert  *tls.Certificate
		roots *x509.CertPool
		says  string
	}{
		"unknown issuer":     {good, elsewhereRoots, "unknown authority"},
		"other name":         {elsewhere, elsewhereRoots, "127.0.0.1"},
		"expired":            {expired, expiredRoots, "expired"},
		"STARTTLS not there": {nil, goodRoots, "support STARTTLS"},
	} {
		t.Run(name, func(t *testing.T) {
			server := (&server{cert: c.cert, auth: accept, onMail: func() error {
				t.Error("a mail was begun")
				return nil
			}}).start(t, loopback)
			err := send(t, Config{Server: server.address, Roots: c.roots, Username: "us", Password: "hush"}, 10*time.Second)
			requireTemporary(t, err)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, server.address)
			require.Empty(t, server.kept())
		})
	}
}

func TestPasswordIsNeverTold(t *testing.T) {
	cert, roots := certificate(t, "127.0.0.1", time.Now().AddDate(0, 1, 0))
	server := (&server{cert: cert, auth: func(user, password string) error {
		echo := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
		return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no good: " + password + " " + echo}
	}}).start(t, loopback)
	err := send(t, Config{Server: server.address, Roots: roots, Username: "us", Password: "hush"}, 10*time.Second)
	requireTemporary(t, err)
	require.ErrorContains(t, err, `does not accept user "us" or the password: code 535`)
	require.NotContains(t, err.Error(), "hush")
	require.NotContains(t, err.Error(), base64.StdEncoding.EncodeToString([]byte("\x00us\x00hush")))

	server.smtp.Backend = smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{server: server}, nil })
	err = send(t, Config{Server: server.address, Roots: roots, Username: "us", Password: "hush"}, 10*time.Second)
	requireTemporary(t, err)
	require.ErrorContains(t, err, "does not offer AUTH PLAIN")
}

func TestWhatIsPermanent(t *testing.T) {
	answer := func(code int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: "said the server"}
	}
	for _, c := range []struct {
		server    *server
		permanent bool
	}{
		{&server{onMail: func() error { return answer(421) }}, false},
		{&server{onMail: func() error { return answer(530) }}, false}, // wants a login: ours to mend
		{&server{onMail: func() error { return answer(553) }}, true},
		{&server{onRcpt: func(string) error { return answer(450) }}, false},
		{&server{onRcpt: func(string) error { return answer(550) }}, true},
		{&server{Fail: func(string) (bool, error) { return false, answer(452) }}, false},
		{&server{Fail: func(string) (bool, error) { return false, answer(552) }}, false}, // full
		{&server{Fail: func(string) (bool, error) { return false, answer(554) }}, true},
	} {
		c.server.start(t, loopback)
		err := send(t, Config{Server: c.server.address, Encryption: Plain}, 10*time.Second)
		require.ErrorContains(t, err, "said the server")
		require.ErrorContains(t, err, "mail to night@example.org through "+c.server.address)
		var permanent *alerts.Permanent
		require.Equal(t, c.permanent, errors.As(err, &permanent), err)
	}

	closed := scripted(t, func(conn net.Conn) { fmt.Fprint(conn, "554 no service here\r\n") })
	requireTemporary(t, send(t, Config{Server: closed, Encryption: Plain}, 10*time.Second))

	s := sender(t)
	n := down()
	n.To = "night@example.org, day@example.org"
	var permanent *alerts.Permanent
	require.ErrorAs(t, s.Send(t.Context(), n), &permanent)
}

func TestSilentServerIsLeftInTime(t *testing.T) {
	for name, greeting := range map[string]string{"at once": "", "after its greeting": "220 mail.example.org\r\n"} {
		t.Run(name, func(t *testing.T) {
			address := scripted(t, func(conn net.Conn) {
				fmt.Fprint(conn, greeting)
				_, _ = io.Copy(io.Discard, conn) // until the client hangs up
			})
			start := time.Now()
			err := send(t, Config{Server: address}, 100*time.Millisecond)
			requireTemporary(t, err)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Less(t, time.Since(start), 5*time.Second)
		})
	}
}

// A mail is delivered when the server says 250 to its end, however the connection ends after that.
func TestDeliveredIsDeliveredWhateverFollows(t *testing.T) {
	address := scripted(t, func(conn net.Conn) {
		fmt.Fprint(conn, "220 mail.example.org\r\n")
		lines, data := bufio.NewScanner(conn), false
		for lines.Scan() {
			switch line := lines.Text(); {
			case data && line == ".":
				fmt.Fprint(conn, "250 taken\r\n")
				return
			case data:
			case strings.HasPrefix(line, "DATA"):
				data = true
				fmt.Fprint(conn, "354 go on\r\n")
			default:
				fmt.Fprint(conn, "250 yes\r\n")
			}
		}
	})
	require.NoError(t, send(t, Config{Server: address, Encryption: Plain}, 10*time.Second))
}
