// Package email is delivery over SMTP.
//
// A Sender hands each notice to one mail server as one mail for one recipient, over TLS unless told otherwise. The mail
// is a pure function of the notice, so that a second copy, which SMTP cannot rule out when a connection breaks between
// acceptance and answer, carries the same Message-ID. All mails of an incident are one thread: they answer its first
// mail, and their subjects differ only in the word in brackets. What opened together is told in one mail, and its ends in the
// same thread. Subjects fit a phone; bodies have at most 15 lines on a screen of 72 characters, the answer first, and are not
// broken but where a paragraph ends, for each screen is as wide as it is.
//
// When to send, in which order and how often to try is left to package alerts; bounces that come back later, to whoever
// reads the From address.
package email

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"scrutineer/alerts"
)

// Encryption is how the connection to the mail server is protected.
type Encryption string

// The kinds of protection. The empty value is STARTTLS.
const (
	STARTTLS Encryption = "starttls" // TLS, with a certificate that is valid for the server's name, or nothing is sent
	Plain    Encryption = "none"     // none: for a mail server on the same machine
)

// Config says which mail server delivers, and as whom.
type Config struct {
	Server     string         // host:port
	Encryption Encryption     // STARTTLS if empty
	Roots      *x509.CertPool // issuers of the server's certificate; the system's if nil
	Username   string         // for AUTH PLAIN; none if empty
	Password   string         // never sent without TLS, never in a log or error
	From       string         // "alerts@example.org" or "Name <alerts@example.org>"
	Site       string         // which service the alerts are about, as in subjects: "vsp.example.org"

	DKIM *DKIM // signs each mail; nil for none

	Acknowledge string // the command that takes an incident on, without its number; not told if empty
}

// Sender is an alerts.Sender over SMTP.
type Sender struct {
	config Config
	host   string // of config.Server, as its certificate must name it
	from   mailbox
}

// New returns a Sender. It does not connect; it returns all that is wrong with the configuration.
func New(config Config) (*Sender, error) {
	var errs []error
	host, _, err := net.SplitHostPort(config.Server)
	if err != nil {
		errs = append(errs, fmt.Errorf("mail server %q: %w", config.Server, err))
	}
	from, err := parseMailbox(config.From)
	if err != nil {
		errs = append(errs, fmt.Errorf("sender address: %w", err))
	}
	switch config.Encryption {
	case "", STARTTLS:
	case Plain:
		if config.Username != "" {
			errs = append(errs, errors.New("a password is never sent without TLS: use starttls, or no username"))
		}
	default:
		errs = append(errs, fmt.Errorf("encryption %q: use %s or %s", config.Encryption, STARTTLS, Plain))
	}
	if config.DKIM != nil {
		if err := config.DKIM.Check(); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Sender{config: config, host: host, from: from}, nil
}

// CheckRecipient returns why alerts cannot be mailed to the address, or nil. The address may come with a name.
func CheckRecipient(address string) error {
	_, err := parseMailbox(address)
	return err
}

// Send mails the notice to n.To, which may be written "Name <address>", in a dialogue of its own. A refusal of sender,
// recipient or content with a 5xx code is permanent. All else is not: the network, a certificate that does not fit, 4xx
// codes, and whatever the server says before it is given a mail, a wrong password included, for that can be mended while
// the notice waits.
func (s *Sender) Send(ctx context.Context, n alerts.Notice) error {
	to, err := parseMailbox(n.To)
	if err != nil {
		return &alerts.Permanent{Err: err}
	}
	letter, err := s.compose(n, to)
	if err != nil {
		return &alerts.Permanent{Err: err}
	}
	return s.post(ctx, to, letter)
}
