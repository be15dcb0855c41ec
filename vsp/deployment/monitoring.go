package deployment

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"path/filepath"
	"strings"
)

// Monitoring is how every host is watched by a monit of its own, whom it mails, and where it finds what it watches. Addresses
// are host:port, as they are on the host itself. What is left out has a default, but for mail and Site.
type Monitoring struct {
	Every            int      `toml:"every"`              // seconds between two looks; 30
	MailServer       string   `toml:"mail_server"`        // port 25 or 587: STARTTLS; others: TLS from the start
	MailTLS          string   `toml:"mail_tls"`           // "" or, for a mail server on the same machine, "none"
	MailUser         string   `toml:"mail_user"`          // none if empty
	MailPasswordFile string   `toml:"mail_password_file"` // its first line goes into the control files
	CAFile           string   `toml:"ca_file"`            // on each host, PEM; Debian's if empty
	From             string   `toml:"from"`               // mail address
	To               []string `toml:"to"`                 // mail addresses
	State            string   `toml:"state"`              // monit's own folder; /var/lib/monit
	Disks            []string `toml:"disks"`              // mount points that must not fill up; /
	Clock            string   `toml:"clock"`              // prints "yes" while the clock is synchronised; timedatectl

	Site       string `toml:"site"`        // the front end's name, as in its certificate
	VSP        string `toml:"vsp"`         // metrics_listen; 127.0.0.1:8801
	Backups    string `toml:"backups"`     // folder that each backup is a new file in; /var/backups/vsp
	NodeRPC    string `toml:"node_rpc"`    // 127.0.0.1:9109
	WalletRPC  string `toml:"wallet_rpc"`  // 127.0.0.1:9110
	WalletInfo string `toml:"wallet_info"` // prints the wallet's walletinfo; dcrctl
	Database   string `toml:"database"`    // 127.0.0.1:3306
}

// reminder is how many seconds after a mail a reminder follows.
const reminder = 1800

// complete fills in what was left out.
func (m Monitoring) complete() Monitoring {
	for value, usual := range map[*string]string{
		&m.CAFile: "/etc/ssl/certs/ca-certificates.crt", &m.State: "/var/lib/monit",
		&m.Clock: "/usr/bin/timedatectl show --property=NTPSynchronized --value",
		&m.VSP:   "127.0.0.1:8801", &m.Backups: "/var/backups/vsp", &m.NodeRPC: "127.0.0.1:9109", &m.WalletRPC: "127.0.0.1:9110",
		&m.WalletInfo: "/usr/local/bin/dcrctl --wallet walletinfo", &m.Database: "127.0.0.1:3306",
	} {
		if *value == "" {
			*value = usual
		}
	}
	if m.Every == 0 {
		m.Every = 30
	}
	if len(m.Disks) == 0 {
		m.Disks = []string{"/"}
	}
	return m
}

// mistakes adds what is wrong. It is asked of what is complete.
func (m Monitoring) mistakes(all *mistakes) {
	at := func(key string) string { return "monitoring." + key }
	if m.Every < 1 {
		all.add(at("every"), "must be a number of seconds, such as 30")
	}
	m.mailMistakes(all)
	for key, address := range map[string]string{"vsp": m.VSP, "node_rpc": m.NodeRPC, "wallet_rpc": m.WalletRPC, "database": m.Database} {
		if !isHostPort(address) {
			all.add(at(key), "%q is not host:port, such as 127.0.0.1:9109", address)
		}
	}
	if m.Site == "" || strings.ContainsAny(m.Site, " /:\"") {
		all.add(at("site"), "must be the front end's name, such as vsp.example.org")
	}
	for key, path := range map[string]string{"ca_file": m.CAFile, "state": m.State, "backups": m.Backups, "clock": m.Clock, "wallet_info": m.WalletInfo} {
		if !filepath.IsAbs(path) || strings.ContainsAny(path, "\"\n") {
			all.add(at(key), "%q must begin with / and have no quotation marks", path)
		}
	}
	for _, disk := range m.Disks {
		if !filepath.IsAbs(disk) || strings.ContainsAny(disk, " \"\n") {
			all.add(at("disks"), "%q is no mount point", disk)
		}
	}
}

func (m Monitoring) mailMistakes(all *mistakes) {
	host, _, _ := net.SplitHostPort(m.MailServer)
	local, err := netip.ParseAddr(host)
	switch {
	case !isHostPort(m.MailServer):
		all.add("monitoring.mail_server", "%q is not host:port, such as mail.example.org:587", m.MailServer)
	case m.MailTLS != "" && m.MailTLS != "none":
		all.add("monitoring.mail_tls", `%q is unknown: leave it out, or write "none" for a mail server on the same machine`, m.MailTLS)
	case m.MailTLS == "none" && host != "localhost" && (err != nil || !local.IsLoopback()):
		all.add("monitoring.mail_tls", `"none" is for a mail server on the same machine, which %s is not`, host)
	}
	if strings.ContainsAny(m.MailUser, "\"\n") {
		all.add("monitoring.mail_user", "must have no quotation marks")
	}
	if len(m.To) == 0 {
		all.add("monitoring.to", "is missing: name at least one mail address")
	}
	for _, to := range m.To {
		if !isAddress(to) {
			all.add("monitoring.to", "%q is no plain mail address, such as name@example.org", to)
		}
	}
	if !isAddress(m.From) {
		all.add("monitoring.from", "%q is no plain mail address, such as monit@example.org", m.From)
	}
}

// isAddress reports whether a mail address can stand in a control file as it is.
func isAddress(text string) bool {
	parsed, err := mail.ParseAddress(text)
	return err == nil && parsed.Address == text && !strings.ContainsAny(text, " \"{};,")
}

func isHostPort(text string) bool {
	host, port, err := net.SplitHostPort(text)
	var number uint16
	_, scan := fmt.Sscanf(port, "%d", &number)
	return err == nil && scan == nil && number > 0 && host != "" && !strings.ContainsAny(host, " \"\n")
}
