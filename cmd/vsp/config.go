package main

import (
	"crypto/ed25519"
	"errors"
	"net"
	"net/mail"
	"net/netip"
	"slices"
	"time"

	"scrutineer/cmd/alerting"
	"scrutineer/cmd/configfile"
	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/network"
	"scrutineer/vsp/server"
)

// Config is the configuration file, as written. Paths begin at the file's own folder.
type Config struct {
	Network           string              `toml:"network"`
	Name              string              `toml:"name"`
	Listen            string              `toml:"listen"`
	MetricsListen     string              `toml:"metrics_listen"`
	Database          string              `toml:"database"`
	SigningKeyFile    string              `toml:"signing_key_file"`
	SealingKeyFile    string              `toml:"sealing_key_file"`
	AdminPasswordFile string              `toml:"admin_password_file"`
	FeePercent        float64             `toml:"fee_percent"`
	FeeXPub           string              `toml:"fee_xpub"`
	Site              string              `toml:"site"`
	SupportEmail      string              `toml:"support_email"`
	Designation       string              `toml:"designation"`
	Closed            bool                `toml:"closed"`
	ClosedMessage     string              `toml:"closed_message"`
	CheckEvery        configfile.Duration `toml:"check_every"`
	Log               LogConfig           `toml:"log"`
	MySQL             *MySQLConfig        `toml:"mysql"`
	Acceptance        AcceptanceConfig    `toml:"acceptance"`
	Limits            LimitsConfig        `toml:"limits"`
	Node              Daemon              `toml:"node"`
	Wallet            []Daemon            `toml:"wallet"`
	Alerts            *AlertsConfig       `toml:"alerts"`
}

// LogConfig is what is logged, and how.
type LogConfig struct {
	Level  string `toml:"level"`
	Format string `toml:"format"`
}

// MySQLConfig is where the database is that several front ends share.
type MySQLConfig struct {
	Address      string `toml:"address"`
	Name         string `toml:"name"`
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
	TLS          string `toml:"tls"`
	CAFile       string `toml:"ca_file"`
}

// AcceptanceConfig is what must hold for new tickets to be taken. What is left out has a default, nil or not.
type AcceptanceConfig struct {
	Wallets        *int                 `toml:"wallets"`
	MaxLag         int64                `toml:"max_lag"`
	MinPeers       int                  `toml:"min_peers"`
	MaxClockOffset configfile.Duration  `toml:"max_clock_offset"`
	MaxBlockAge    *configfile.Duration `toml:"max_block_age"`
}

// LimitsConfig is how often somebody may ask.
type LimitsConfig struct {
	RequestsPerMinute int      `toml:"requests_per_minute"`
	TrustedProxies    []string `toml:"trusted_proxies"`
}

// Daemon is where a node or a wallet listens.
type Daemon struct {
	Name         string `toml:"name,omitempty"`
	Address      string `toml:"address"`
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
	CertFile     string `toml:"cert_file"`
}

// settings is a configuration that was found in order, with what its files hold.
type settings struct {
	Config
	file          *configfile.File
	profile       network.Profile
	signingKey    ed25519.PrivateKey
	database      string // path; empty if there is a [mysql]
	mysqlPassword string
	mysqlCA       []byte           // PEM; nil means the system's roots
	sealingKey    string           // path
	adminPassword *server.Password // nil if there is none
	gate          vsp.Gate
	proxies       []netip.Prefix // whose X-Forwarded-For is believed
	node          dcrrpc.Config
	wallets       []dcrrpc.Config
	alerting      *alerting.Settings // nil if nobody is told of anything
	websiteCA     []byte             // PEM; nil means the system's roots
}

// load reads the configuration. Its error names everything that is wrong in it.
func load(path string) (*settings, error) {
	s := &settings{Config: defaults()}
	file, err := configfile.Read(path, &s.Config)
	if err != nil {
		return nil, err
	}
	s.file = file
	s.checkService(file)
	s.checkKeys(file)
	s.checkDatabase(file)
	s.checkFee(file)
	s.checkDaemons(file)
	s.checkAcceptance(file)
	s.checkLimits(file)
	s.checkAlerts(file)
	return s, file.Err()
}

func defaults() Config {
	return Config{
		Listen: "127.0.0.1:8800", SigningKeyFile: "signing.key", SealingKeyFile: "sealing.key",
		Designation: "Voting Service Provider", CheckEvery: configfile.Duration(5 * time.Second),
		Log:        LogConfig{Level: "info", Format: "text"},
		Acceptance: AcceptanceConfig{MaxLag: 2, MinPeers: 1, MaxClockOffset: configfile.Duration(time.Minute)},
		Limits:     LimitsConfig{RequestsPerMinute: 1200, TrustedProxies: []string{"127.0.0.1", "::1"}},
	}
}

func (s *settings) checkService(file *configfile.File) {
	var err error
	if s.profile, err = network.Lookup(s.Network); err != nil {
		file.Wrong("network", "%v", err)
	}
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		file.Wrong("listen", "%q is not host:port, such as 127.0.0.1:8800", s.Listen)
	}
	if s.MetricsListen != "" {
		s.checkPrivate(file)
	}
	if s.Site == "" {
		file.Wrong("site", "is missing: write the name that holders and mails know the VSP by, such as vsp.example.org")
	}
	if _, err := mail.ParseAddress(s.SupportEmail); err != nil {
		file.Wrong("support_email", "%q is no mail address: holders need one to reach you", s.SupportEmail)
	}
	if s.ClosedMessage != "" && !s.Closed {
		s.ClosedMessage = "" // as in vspd: it is shown only while closed
	}
	if s.CheckEvery <= 0 {
		file.Wrong("check_every", "must be more than 0, such as 5s")
	}
	if _, err := logLevel(s.Log.Level); err != nil {
		file.Wrong("log.level", "%v", err)
	}
	if s.Log.Format != "text" && s.Log.Format != "json" {
		file.Wrong("log.format", `%q is unknown: use "text" or "json"`, s.Log.Format)
	}
}

// mistakesIn returns the mistakes of some keys, or nil.
func mistakesIn(err error, keys ...string) error {
	var all *configfile.Mistakes
	if !errors.As(err, &all) {
		return err
	}
	list := slices.DeleteFunc(slices.Clone(all.List), func(m configfile.Mistake) bool { return !slices.Contains(keys, m.Key) })
	if len(list) == 0 {
		return nil
	}
	return &configfile.Mistakes{Path: all.Path, List: list}
}
