package main

import (
	"cmp"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
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
	s.checkHeartbeat(file)
	s.checkWatched(file)
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

// expectName is what a watched heartbeat may be called, for it stands in a URL.
var expectName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,40}$`)

func (s *settings) checkHeartbeat(file *configfile.File) {
	a := s.Alerts
	if a.HeartbeatEvery == nil {
		day := configfile.Duration(24 * time.Hour)
		a.HeartbeatEvery = &day
	}
	if *a.HeartbeatEvery < 0 {
		file.Wrong("alerts.heartbeat_every", `must be more than 0, such as 24h, or "0s" for none`)
	}
	checkAddresses(file, "alerts.heartbeat_to", a.HeartbeatTo)
	if u, err := url.Parse(a.HeartbeatURL); a.HeartbeatURL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		file.Wrong("alerts.heartbeat_url", "is no URL, such as https://hc-ping.com/...") // it is not repeated: it may hold a secret
	}
	seen := map[string]bool{}
	for i, e := range a.Expect {
		key := fmt.Sprintf("alerts.expect[%d]", i)
		switch {
		case !expectName.MatchString(e.Name):
			file.Wrong(key+".name", "%q is no name that can stand in a URL: use a-z, 0-9, - and .", e.Name)
		case seen[e.Name]:
			file.Wrong(key+".name", "%q is there twice", e.Name)
		case e.Every <= 0:
			file.Wrong(key+".every", "must be more than 0: how long it may be silent, such as 25h")
		case s.MetricsListen == "":
			file.Wrong(key, "nobody can be heard without metrics_listen")
		}
		seen[e.Name] = true
	}
}

func (s *settings) checkWatched(file *configfile.File) {
	a := s.Alerts
	if a.BackupDir != "" {
		a.BackupDir = file.Resolve(a.BackupDir)
		if info, err := os.Stat(a.BackupDir); err != nil || !info.IsDir() {
			file.Wrong("alerts.backup_dir", "%s is no folder: name the one that vsp backup writes to", a.BackupDir)
		}
	}
	checkPause(file, "alerts.backup_max_age", &a.BackupMaxAge, 25*time.Hour)
	if a.Website != "" && !isHostPort(a.Website) {
		file.Wrong("alerts.website", "%q is not host:port, such as vsp.example.org:443", a.Website)
	}
	if a.WebsiteCAFile != "" {
		s.websiteCA = certificate(file, "alerts.website_ca_file", a.WebsiteCAFile)
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
		file.Wrong(key, "must be more than 0, such as %s", shortly(usual))
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
