// Package alerting is how a program that runs for long has people mailed of incidents: the section [alerts] of its
// configuration, the desk with its store and mail server, and the socket at which the program's alerts commands reach it.
// What is looked at, and how it is worded, is left to the programs.
package alerting

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"scrutineer/alerts"
	"scrutineer/alerts/email"
)

// drainTimeout bounds the delivery of mails that still wait when the service ends.
const drainTimeout = 5 * time.Second

// Duty is the alerts of a running service: the desk, the file that it goes on from after a restart, and the socket at
// which the commands reach it. Make it with NewDuty and end it with Close.
type Duty struct {
	Desk     *alerts.Desk
	settings *Settings
	file     *alerts.File
	listener net.Listener
	log      *slog.Logger
}

// NewDuty returns the alerts that a section asks for. The heartbeat's mails have what report says; it may be nil.
func NewDuty(s *Settings, report Report, log *slog.Logger) (_ *Duty, err error) {
	sender, err := s.sender()
	if err != nil {
		return nil, err
	}
	heartbeat := alerts.Heartbeat{Every: time.Duration(*s.HeartbeatEvery), To: s.HeartbeatTo, Report: report}
	rules := alerts.DefaultRules()
	rules.Remind, rules.Escalate = time.Duration(s.RemindEvery), time.Duration(s.EscalateAfter)
	return newDuty(s, alerts.Config{Rules: rules, Sender: sender, Recipients: s.To, Escalation: s.EscalateTo, Heartbeat: heartbeat,
		Log: log, Retry: alerts.DefaultRetry()})
}

// Report is what a heartbeat's mail says: see alerts.Heartbeat.
type Report = func(memo json.RawMessage) (text string, next json.RawMessage)

// newDuty puts a desk on the section's store.
func newDuty(s *Settings, config alerts.Config) (_ *Duty, err error) {
	file, err := alerts.OpenFile(s.Path)
	if err != nil {
		return nil, fmt.Errorf("alerts.store: %w", err)
	}
	d := &Duty{settings: s, file: file, log: config.Log}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	if d.listener, err = s.listen(); err != nil {
		return nil, err
	}
	config.Store = file
	if d.Desk, err = alerts.NewDesk(config); err != nil {
		return nil, errors.Join(err, d.listener.Close())
	}
	return d, nil
}

func (s *Settings) sender() (*email.Sender, error) {
	var roots *x509.CertPool
	if s.ca != nil {
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM(s.ca)
	}
	return email.New(email.Config{
		Server: s.SMTP, Encryption: email.Encryption(s.TLS), Roots: roots, Username: s.User, Password: s.password,
		From: s.From, Site: s.Site, Acknowledge: s.Program.Name + " alerts ack", DKIM: s.dkim,
	})
}

// socket is where the running service answers.
func (s *Settings) socket() string { return s.Path + ".sock" }

// listen listens where only the service's own user, and root, can ask. Whoever calls it has the store open, so a socket that
// is there is left from a process that was killed.
func (s *Settings) listen() (net.Listener, error) {
	listener, err := listenPrivately(s.socket())
	if err != nil {
		return nil, fmt.Errorf("listen for %s alerts: %w", s.Program.Name, err)
	}
	return listener, nil
}

func listenPrivately(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// Close gives the mails that still wait a last chance. What is not delivered then goes out after the next start.
func (d *Duty) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := d.Desk.Close(ctx); err != nil {
		d.log.Warn("alerts are not delivered yet; they are kept for the next start", "err", err)
	}
	_ = d.listener.Close() // it is closed already if it ever answered
	if err := d.file.Close(); err != nil {
		d.log.Error("close incidents", "err", err)
	}
}
