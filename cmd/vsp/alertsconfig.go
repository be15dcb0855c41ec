package main

import (
	"net/mail"
	"time"

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
	for _, to := range a.To {
		if _, err := mail.ParseAddress(to); err != nil {
			file.Wrong("alerts.to", "%q is no mail address", to)
		}
	}
	if a.RemindEvery == 0 {
		a.RemindEvery = configfile.Duration(30 * time.Minute)
	}
	if a.RemindEvery < 0 {
		file.Wrong("alerts.remind_every", "must be more than 0, such as 30m")
	}
	if a.User != "" {
		s.mailPassword = file.Secret("alerts.password_file", a.PasswordFile)
	}
	if a.CAFile != "" {
		s.mailCA = certificate(file, "alerts.ca_file", a.CAFile)
	}
}
