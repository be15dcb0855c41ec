package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"time"

	"scrutineer/alerts"
)

// When a certificate that will run out is told. Those that are renewed by themselves are renewed a month before.
const (
	runsOutSoon = 14 * 24 * time.Hour
	runsOutNow  = 3 * 24 * time.Hour

	handshakeTimeout = 10 * time.Second
)

// lookAtCertificates looks at those of the daemons, as we have them, and at the website's, as the world sees it.
func (w *watch) lookAtCertificates(ctx context.Context, now time.Time) {
	s := w.settings
	w.tellDaemon(now, "node", s.node.CertPEM)
	for i, wallet := range s.wallets {
		w.tellDaemon(now, s.Wallet[i].Name, wallet.CertPEM)
	}
	if s.Alerts.Website == "" {
		return
	}
	var roots *x509.CertPool
	if s.websiteCA != nil {
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM(s.websiteCA)
	}
	until, fault, err := websiteCertificate(ctx, s.Alerts.Website, roots, now)
	if err != nil {
		w.log.Warn("the website's certificate cannot be looked at", "website", s.Alerts.Website, "err", err)
		return
	}
	w.tellWebsite(now, until, fault)
}

// websiteCertificate returns until when the certificate is valid that somebody sees who connects now, and what such a one
// would refuse it for. Its error is why it could not be seen.
func websiteCertificate(ctx context.Context, address string, roots *x509.CertPool, now time.Time) (until time.Time, fault, err error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return time.Time{}, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	// It is verified below: one that is not valid must be seen, too.
	dialer := tls.Dialer{Config: &tls.Config{ServerName: host, InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return time.Time{}, nil, err
	}
	defer conn.Close()
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	options := x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	_, fault = chain[0].Verify(options)
	return chain[0].NotAfter, fault, nil
}

func (w *watch) tellWebsite(now, until time.Time, fault error) {
	const key = alerts.Key("certificate/website")
	a := alerts.Alert{Subject: "The website's certificate", Action: "renew it on the front end: `certbot renew`, then reload nginx.",
		Seen: "the front end, at " + w.settings.Alerts.Website}
	switch {
	case fault != nil:
		a.Problem, a.Severity = "is not valid", alerts.Crit
		a.What = fmt.Sprintf("Who connects to %s is refused: %v.", w.settings.Alerts.Website, fault)
		a.Impact = "Wallets cannot register tickets, pay fees or change choices. Votes are cast as before."
	case until.Sub(now) < runsOutSoon:
		a.Problem = "runs out"
		if until.Sub(now) < runsOutNow {
			a.Severity = alerts.Crit
		}
		a.What = fmt.Sprintf("It is valid until %s UTC.", second(until))
		a.Impact = "From then on wallets cannot register tickets, pay fees or change choices."
	default:
		w.desk.Good(key, now, "")
		return
	}
	w.bad(key, now, a)
}

func (w *watch) tellDaemon(now time.Time, name string, text []byte) {
	until, err := validUntil(text)
	if err != nil {
		return // vsp check says so
	}
	key := alerts.Key("certificate/" + name)
	if until.Sub(now) >= runsOutSoon {
		w.desk.Good(key, now, "")
		return
	}
	a := alerts.Alert{Subject: name + "'s certificate", Problem: "runs out", Severity: alerts.Warn,
		What:   fmt.Sprintf("The RPC certificate of %s is valid until %s UTC.", name, second(until)),
		Impact: "From then on the service cannot reach it.",
		Action: fmt.Sprintf("delete rpc.cert and rpc.key of %s, restart it, copy rpc.cert here, restart vsp.", name),
		Seen:   "the front end of " + w.settings.Site,
	}
	if until.Sub(now) < runsOutNow {
		a.Severity = alerts.Crit
	}
	w.bad(key, now, a)
}

// bad tells what needs no second look, or would have to wait long for one.
func (w *watch) bad(key alerts.Key, now time.Time, a alerts.Alert) {
	for range alerts.DefaultRules().Hold {
		w.desk.Bad(key, now, a)
	}
}

// validUntil returns when the first certificate of a PEM file runs out.
func validUntil(text []byte) (time.Time, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return time.Time{}, errors.New("no certificate")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}, err
	}
	return c.NotAfter, nil
}
