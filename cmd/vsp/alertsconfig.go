package main

import (
	"cmp"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"time"

	"scrutineer/alerts/email"
	"scrutineer/cmd/configfile"
)

func (s *settings) checkAlerts(file *configfile.File) {
	a := s.Alerts
	if a == nil {
		return
	}
	if !isHostPort(a.SMTP) {
		file.Wrong("alerts.smtp", "%q is not host:port, such as mail.example.org:587", a.SMTP)
	}
	switch a.TLS {
	case "":
		a.TLS = "starttls"
	case "starttls", "none":
	default:
		file.Wrong("alerts.tls", `%q is unknown: use "starttls", or "none" for a mail server on this machine`, a.TLS)
	}
	if _, err := mail.ParseAddress(a.From); err != nil {
		file.Wrong("alerts.from", "%q is no mail address", a.From)
	}
	if len(a.To) == 0 {
		file.Wrong("alerts.to", "is missing: name at least one mail address")
	}
	checkAddresses(file, "alerts.to", a.To)
	checkAddresses(file, "alerts.escalate_to", a.EscalateTo)
	checkPause(file, "alerts.remind_every", &a.RemindEvery, 30*time.Minute)
	checkPause(file, "alerts.escalate_after", &a.EscalateAfter, 15*time.Minute)
	s.checkAlertStore(file)
	if a.DKIM != nil {
		s.checkDKIM(file)
	}
	if a.User != "" {
		s.mailPassword = file.Secret("alerts.password_file", a.PasswordFile)
	}
	if a.CAFile != "" {
		s.mailCA = certificate(file, "alerts.ca_file", a.CAFile)
	}
}

func checkAddresses(file *configfile.File, key string, addresses []string) {
	for _, address := range addresses {
		if err := email.CheckRecipient(address); err != nil {
			file.Wrong(key, "%q is no mail address that can be used, such as name@example.org", address)
		}
	}
}

// checkPause fills in a time that was left out.
func checkPause(file *configfile.File, key string, pause *configfile.Duration, usual time.Duration) {
	if *pause == 0 {
		*pause = configfile.Duration(usual)
	}
	if *pause < 0 {
		file.Wrong(key, "must be more than 0, such as %s", strings.TrimSuffix(usual.String(), "0s"))
	}
}

// maxSocket is the longest path that a socket may have on Linux and the BSDs, in bytes.
const maxSocket = 103

func (s *settings) checkAlertStore(file *configfile.File) {
	s.alertStore = file.Resolve(cmp.Or(s.Alerts.Store, "alerts.db"))
	folder := filepath.Dir(s.alertStore)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		file.Wrong("alerts.store", "%s is no folder: name a file in one that the service may write to", folder)
	}
	if path := alertSocket(s); len(path) > maxSocket {
		file.Wrong("alerts.store", "%s is longer than %d bytes, which the socket beside it must not be", path, maxSocket)
	}
}
