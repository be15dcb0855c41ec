package alerting

import (
	"cmp"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"scrutineer/alerts/email"
	"scrutineer/cmd/configfile"
	"scrutineer/cmd/output"
)

// Config is the section [alerts], as written: who is told, and how. What only one program has is beside it.
type Config struct {
	Store         string              `toml:"store"`
	SMTP          string              `toml:"smtp"`
	TLS           string              `toml:"tls"`
	CAFile        string              `toml:"ca_file"`
	User          string              `toml:"user"`
	PasswordFile  string              `toml:"password_file"`
	From          string              `toml:"from"`
	To            []string            `toml:"to"`
	RemindEvery   configfile.Duration `toml:"remind_every"`
	EscalateTo    []string            `toml:"escalate_to"`
	EscalateAfter configfile.Duration `toml:"escalate_after"`
	DKIM          *DKIMConfig         `toml:"dkim"`

	HeartbeatEvery *configfile.Duration `toml:"heartbeat_every"`
	HeartbeatTo    []string             `toml:"heartbeat_to"`
	HeartbeatURL   string               `toml:"heartbeat_url"`
}

// DKIMConfig is with which key mails are signed, and where its record is in the DNS.
type DKIMConfig struct {
	Domain   string `toml:"domain"`
	Selector string `toml:"selector"`
	KeyFile  string `toml:"key_file"`
}

// Program is whose alerts they are.
type Program struct {
	Name    string // what its commands begin with: "vsp"
	Service string // the command that runs for long: "vsp serve"
}

// Settings is a section that was found in order, with what its files hold.
type Settings struct {
	Config
	Program Program
	Site    string // which service the alerts are about
	Path    string // of the file that keeps incidents

	password string
	ca       []byte      // PEM; nil means the system's roots
	dkim     *email.DKIM // nil if mails are not signed
}

// Check fills in what a section leaves out, and tells the file what is wrong in it.
func Check(file *configfile.File, section *Config, program Program, site string) *Settings {
	a := section
	if !configfile.IsHostPort(a.SMTP) {
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
	CheckPause(file, "alerts.remind_every", &a.RemindEvery, 30*time.Minute)
	CheckPause(file, "alerts.escalate_after", &a.EscalateAfter, 15*time.Minute)
	checkHeartbeat(file, a)
	s := &Settings{Program: program, Site: site, Path: file.Resolve(cmp.Or(a.Store, "alerts.db"))}
	s.checkStore(file)
	if a.DKIM != nil {
		s.checkDKIM(file, a)
	}
	if a.User != "" {
		s.password = file.Secret("alerts.password_file", a.PasswordFile)
	}
	if a.CAFile != "" {
		s.ca = file.Certificate("alerts.ca_file", a.CAFile)
	}
	s.Config = *a
	return s
}

func checkHeartbeat(file *configfile.File, a *Config) {
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
}

func checkAddresses(file *configfile.File, key string, addresses []string) {
	for _, address := range addresses {
		if err := email.CheckRecipient(address); err != nil {
			file.Wrong(key, "%q is no mail address that can be used, such as name@example.org", address)
		}
	}
}

// CheckPause fills in a time that was left out.
func CheckPause(file *configfile.File, key string, pause *configfile.Duration, usual time.Duration) {
	if *pause == 0 {
		*pause = configfile.Duration(usual)
	}
	if *pause < 0 {
		file.Wrong(key, "must be more than 0, such as %s", output.Shortly(usual))
	}
}

// maxSocket is the longest path that a socket may have on Linux and the BSDs, in bytes.
const maxSocket = 103

func (s *Settings) checkStore(file *configfile.File) {
	folder := filepath.Dir(s.Path)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		file.Wrong("alerts.store", "%s is no folder: name a file in one that the service may write to", folder)
	}
	if path := s.socket(); len(path) > maxSocket {
		file.Wrong("alerts.store", "%s is longer than %d bytes, which the socket beside it must not be", path, maxSocket)
	}
}
