package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"scrutineer/alerts"
	"scrutineer/alerts/email"
)

// duty is the alerts of the running service: the desk, the file that it goes on from after a restart, and the socket at
// which vsp alerts reaches it.
type duty struct {
	desk     *alerts.Desk
	file     *alerts.File
	listener net.Listener
	log      *slog.Logger
}

// newDuty returns the alerts that the configuration asks for, or nil if it asks for none.
func newDuty(s *settings, service counted, log *slog.Logger) (_ *duty, err error) {
	if s.Alerts == nil {
		return nil, nil
	}
	sender, err := newSender(s)
	if err != nil {
		return nil, err
	}
	file, err := alerts.OpenFile(s.alertStore)
	if err != nil {
		return nil, fmt.Errorf("alerts.store: %w", err)
	}
	d := &duty{file: file, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	if d.listener, err = listenPrivately(alertSocket(s)); err != nil {
		return nil, err
	}
	rules := alerts.DefaultRules()
	rules.Remind, rules.Escalate = time.Duration(s.Alerts.RemindEvery), time.Duration(s.Alerts.EscalateAfter)
	d.desk, err = alerts.NewDesk(alerts.Config{Rules: rules, Sender: sender, Store: file, Recipients: s.Alerts.To,
		Escalation: s.Alerts.EscalateTo, Heartbeat: heartbeat(s, service), Log: log, Retry: alerts.DefaultRetry()})
	if err != nil {
		return nil, errors.Join(err, d.listener.Close())
	}
	withdraw(d.desk, s, time.Now())
	return d, nil
}

func newSender(s *settings) (*email.Sender, error) {
	var roots *x509.CertPool
	if s.mailCA != nil {
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM(s.mailCA)
	}
	return email.New(email.Config{
		Server: s.Alerts.SMTP, Encryption: email.Encryption(s.Alerts.TLS), Roots: roots, Username: s.Alerts.User,
		Password: s.mailPassword, From: s.Alerts.From, Site: s.Site, Acknowledge: "vsp alerts ack", DKIM: s.dkim,
	})
}

// alertSocket is where the running service answers vsp alerts.
func alertSocket(s *settings) string { return s.alertStore + ".sock" }

// listenPrivately listens where only the service's own user, and root, can ask. Whoever calls it has the store open, so a
// socket that is there is left from a process that was killed.
func listenPrivately(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("listen for vsp alerts: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for vsp alerts: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for vsp alerts: %w", err), listener.Close())
	}
	return listener, nil
}

// close gives the mails that still wait a last chance. What is not delivered then goes out after the next start.
func (d *duty) close() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := d.desk.Close(ctx); err != nil {
		d.log.Warn("alerts are not delivered yet; they are kept for the next start", "err", err)
	}
	_ = d.listener.Close() // it is closed already if it ever answered
	if err := d.file.Close(); err != nil {
		d.log.Error("close incidents", "err", err)
	}
}
