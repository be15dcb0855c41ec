package main

import (
	"fmt"
	"os"
	"regexp"
	"time"

	"scrutineer/cmd/alerting"
	"scrutineer/cmd/configfile"
)

// AlertsConfig is who is told, and how, and what is looked at for it.
type AlertsConfig struct {
	alerting.Config

	Expect        []ExpectConfig      `toml:"expect"`
	BackupDir     string              `toml:"backup_dir"`
	BackupMaxAge  configfile.Duration `toml:"backup_max_age"`
	Website       string              `toml:"website"`
	WebsiteCAFile string              `toml:"website_ca_file"`
}

// ExpectConfig is one that must be heard from.
type ExpectConfig struct {
	Name  string              `toml:"name"`
	Every configfile.Duration `toml:"every"`
}

// alertsProgram is whose alerts they are.
var alertsProgram = alerting.Program{Name: "vsp", Service: "vsp serve"}

func (s *settings) checkAlerts(file *configfile.File) {
	if s.Alerts == nil {
		return
	}
	s.alerting = alerting.Check(file, &s.Alerts.Config, alertsProgram, s.Site)
	s.checkExpected(file)
	s.checkWatched(file)
}

// expectName is what a watched heartbeat may be called, for it stands in a URL.
var expectName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,40}$`)

func (s *settings) checkExpected(file *configfile.File) {
	seen := map[string]bool{}
	for i, e := range s.Alerts.Expect {
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
	alerting.CheckPause(file, "alerts.backup_max_age", &a.BackupMaxAge, 25*time.Hour)
	if a.Website != "" && !configfile.IsHostPort(a.Website) {
		file.Wrong("alerts.website", "%q is not host:port, such as vsp.example.org:443", a.Website)
	}
	if a.WebsiteCAFile != "" {
		s.websiteCA = file.Certificate("alerts.website_ca_file", a.WebsiteCAFile)
	}
}
