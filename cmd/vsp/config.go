package main

import (
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"time"

	"github.com/decred/dcrd/hdkeychain/v3"

	"scrutineer/cmd/configfile"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/network"
)

// Config is the configuration file, as written. Paths begin at the file's own folder.
type Config struct {
	Network        string              `toml:"network"`
	Listen         string              `toml:"listen"`
	Database       string              `toml:"database"`
	SigningKeyFile string              `toml:"signing_key_file"`
	SealingKeyFile string              `toml:"sealing_key_file"`
	FeePercent     float64             `toml:"fee_percent"`
	FeeXPub        string              `toml:"fee_xpub"`
	Site           string              `toml:"site"`
	SupportEmail   string              `toml:"support_email"`
	Designation    string              `toml:"designation"`
	Closed         bool                `toml:"closed"`
	ClosedMessage  string              `toml:"closed_message"`
	CheckEvery     configfile.Duration `toml:"check_every"`
	Log            struct {
		Level  string `toml:"level"`
		Format string `toml:"format"`
	} `toml:"log"`
	Node   Daemon        `toml:"node"`
	Wallet []Daemon      `toml:"wallet"`
	Alerts *AlertsConfig `toml:"alerts"`
}

// Daemon is where a node or a wallet listens.
type Daemon struct {
	Name         string `toml:"name"`
	Address      string `toml:"address"`
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
	CertFile     string `toml:"cert_file"`
}

// AlertsConfig is who is told, and how.
type AlertsConfig struct {
	SMTP         string              `toml:"smtp"`
	TLS          string              `toml:"tls"`
	CAFile       string              `toml:"ca_file"`
	User         string              `toml:"user"`
	PasswordFile string              `toml:"password_file"`
	From         string              `toml:"from"`
	To           []string            `toml:"to"`
	RemindEvery  configfile.Duration `toml:"remind_every"`
}

// settings is a configuration that was found in order, with what its files hold.
type settings struct {
	Config
	profile      network.Profile
	signingKey   ed25519.PrivateKey
	database     string // path
	sealingKey   string // path
	node         dcrrpc.Config
	wallets      []dcrrpc.Config
	mailPassword string
	mailCA       []byte
}

// load reads the configuration. Its error names everything that is wrong in it.
func load(path string) (*settings, error) {
	s := &settings{Config: defaults()}
	file, err := configfile.Read(path, &s.Config)
	if err != nil {
		return nil, err
	}
	s.checkService(file)
	s.checkFee(file)
	s.checkDaemons(file)
	s.checkAlerts(file)
	return s, file.Err()
}

func defaults() Config {
	c := Config{Listen: "127.0.0.1:8800", Database: "vsp.db", SigningKeyFile: "signing.key", SealingKeyFile: "sealing.key",
		Designation: "Voting Service Provider", CheckEvery: configfile.Duration(5 * time.Second)}
	c.Log.Level, c.Log.Format = "info", "text"
	return c
}

func (s *settings) checkService(file *configfile.File) {
	var err error
	if s.profile, err = network.Lookup(s.Network); err != nil {
		file.Wrong("network", "%v", err)
	}
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		file.Wrong("listen", "%q is not host:port, such as 127.0.0.1:8800", s.Listen)
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
	s.database = file.Resolve(s.Database)
	s.sealingKey = file.Resolve(s.SealingKeyFile)
	file.Secret("sealing_key_file", s.SealingKeyFile)
	if file.Secret("signing_key_file", s.SigningKeyFile) == "" {
		return
	}
	if s.signingKey, err = parseSigningKey(file.Contents("signing_key_file", s.SigningKeyFile)); err != nil {
		file.Wrong("signing_key_file", "%s %v", file.Resolve(s.SigningKeyFile), err)
	}
}

func (s *settings) checkFee(file *configfile.File) {
	// The bounds are vspd's (internal/config): below 0.01 the formula loses its precision.
	if s.FeePercent < 0.01 || s.FeePercent > 100 {
		file.Wrong("fee_percent", "%v is out of range: use 0.01 to 100", s.FeePercent)
	}
	if s.profile.Params == nil {
		return
	}
	key, err := hdkeychain.NewKeyFromString(s.FeeXPub, s.profile.Params)
	switch {
	case err != nil:
		file.Wrong("fee_xpub", "is no extended public key of %s (%v): take it from a cold wallet with "+
			"dcrctl --wallet getmasterpubkey", s.Network, err)
	case key.IsPrivate():
		file.Wrong("fee_xpub", "is an extended private key: it must never be on a server; use getmasterpubkey's answer")
	}
}

func (s *settings) checkDaemons(file *configfile.File) {
	s.node = s.Node.check(file, "node", s.profile.NodeRPCPort)
	if need := s.profile.MinWallets; len(s.Wallet) < need {
		file.Wrong("wallet", "%d voting wallets are configured, %s needs at least %d", len(s.Wallet), s.Network, need)
	}
	names, addresses := map[string]bool{}, map[string]bool{}
	for i := range s.Wallet {
		key := fmt.Sprintf("wallet[%d]", i)
		w := &s.Wallet[i]
		if w.Name == "" {
			w.Name = fmt.Sprintf("wallet-%d", i+1)
		}
		rpc := w.check(file, key, s.profile.WalletRPCPort)
		if names[w.Name] {
			file.Wrong(key+".name", "%q is another wallet's name", w.Name)
		}
		if addresses[rpc.Address] && w.Address != "" {
			file.Wrong(key+".address", "%s is another wallet's address", rpc.Address)
		}
		names[w.Name], addresses[rpc.Address] = true, true
		s.wallets = append(s.wallets, rpc)
	}
}

// check returns how to reach a daemon. A missing port is the network's own.
func (d *Daemon) check(file *configfile.File, key, port string) dcrrpc.Config {
	address := d.Address
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
		address = net.JoinHostPort(host, port)
	}
	if host == "" {
		file.Wrong(key+".address", "is missing: write host:port")
	}
	if d.User == "" {
		file.Wrong(key+".user", "is missing: write the daemon's RPC user")
	}
	return dcrrpc.Config{
		Address:  address,
		User:     d.User,
		Password: file.Secret(key+".password_file", d.PasswordFile),
		CertPEM:  certificate(file, key+".cert_file", d.CertFile),
	}
}

func certificate(file *configfile.File, key, name string) []byte {
	data := file.Contents(key, name)
	if block, _ := pem.Decode(data); data != nil && (block == nil || block.Type != "CERTIFICATE") {
		file.Wrong(key, "%s holds no PEM certificate", file.Resolve(name))
	}
	return data
}

func (s *settings) checkAlerts(file *configfile.File) {
	a := s.Alerts
	if a == nil {
		return
	}
	if _, _, err := net.SplitHostPort(a.SMTP); err != nil {
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
