package main

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/url"
	"time"

	"golang.org/x/crypto/ssh"

	"scrutineer/cmd/alerting"
	"scrutineer/cmd/configfile"
	"scrutineer/verifier"
	"scrutineer/verifier/link"
	"scrutineer/verifier/probe"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/network"
)

// config is trial.toml as written. Paths begin at the file's own folder.
type config struct {
	Name            string              `toml:"name"`
	URL             string              `toml:"url"`
	PubKey          string              `toml:"pubkey"`
	CAFile          string              `toml:"ca_file"`
	Controls        []string            `toml:"controls"`
	Network         string              `toml:"network"`
	Tickets         string              `toml:"tickets"`
	TicketsComplete bool                `toml:"tickets_complete"`
	Drills          string              `toml:"drills"`
	AlertDrill      string              `toml:"alert_drill"`
	Slot            configfile.Duration `toml:"slot"`
	Duration        configfile.Duration `toml:"duration"`
	Journal         string              `toml:"journal"`
	JournalKey      string              `toml:"journal_key"`
	Out             string              `toml:"out"`
	FromHeight      int64               `toml:"from_height"`
	MetricsListen   string              `toml:"metrics_listen"`
	Node            nodeEntry           `toml:"node"`
	LinkKey         string              `toml:"link_key"`
	Vantages        []vantageEntry      `toml:"vantages"`
	Shopper         shopperConfig       `toml:"shopper"`
	Places          placesConfig        `toml:"places"`
	Alerts          *alerting.Config    `toml:"alerts"`
	Policy          struct {
		Uptime        float64             `toml:"uptime"`
		Coverage      float64             `toml:"coverage"`
		MissRate      float64             `toml:"miss_rate"`
		Confidence    float64             `toml:"confidence"`
		TargetLatency configfile.Duration `toml:"target_latency"`
		MaxLagBlocks  int64               `toml:"max_lag_blocks"`
		MaxSkew       configfile.Duration `toml:"max_skew"`
		MinVantages   int                 `toml:"min_vantages"`
	} `toml:"policy"`
}

// nodeEntry is our own node as a configuration names it.
type nodeEntry struct {
	Address      string `toml:"address"`
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
	CertFile     string `toml:"cert_file"`
}

// configHelp is the part of a command's help that shows a whole trial.toml.
const configHelp = `
A trial.toml, with what is used where a line is left out; paths begin at its folder:

    name    = ""              # as the report shows it; the URL's host if left out
    url     = "https://vsp.example.org"
    pubkey  = "BASE64"        # the VSP's key, told by its operator beforehand
    ca_file = ""              # who vouches for its certificate; the system's roots
    controls = []             # URLs of other sites: when none of them answers, or
                              # none in good time, that is our trouble, and counts
                              # for nobody
    network = "testnet3"
    tickets = ""              # file: a line for each ticket whose fee the VSP has
                              # confirmed, its hash; or a list that the VSP signed, as
                              # vsp tickets export makes it, which is complete by its word
    tickets_complete = false  # whether a plain list has every ticket of the VSP
    drills   = ""             # file: a JSON line for each drill, such as {"kind":
                              # "wallets-down","count":1,"from":900,"to":990,"note":""}
    alert_drill = "alert-drill.jsonl" # file of vspverify drill
    slot     = "1m"           # shorter in a compressed trial
    duration = "168h"         # "0s": until it is stopped
    journal  = "journal"      # folder
    journal_key = "journal.key" # signs the journal; made if it is not there, with its
                              # public half in journal.key.pub. One journal, one key
    link_key = "link.key"     # proves to vantages who we are (vspverify vantage invite)
    out      = "."            # folder of report.txt, .json, .html and .sig
    from_height = 0           # first block to account for; 0: the tip as it began
    metrics_listen = ""       # host:port of a private address, for Prometheus: /metrics

    [node]                    # the verifier's own, never the operator's
    address = "127.0.0.1:19109"
    user = ""
    password_file = ""
    cert_file = ""

    [policy]
    uptime = 0.99             # of the slots, at least
    coverage = 0.95           # of the slots that must be known, at least
    miss_rate = 0.01          # of won votes, at most
    confidence = 0.95         # with which that is shown
    target_latency = "2s"     # slower than 5 times this is down
    max_lag_blocks = 2        # that the VSP may be behind our node of a slot ago
    max_skew = "5m"           # that its clock may differ from ours
    min_vantages = 1          # alive in a slot, this one too, or else it is unknown

    [[vantages]]              # for each on another machine (vspverify vantage --help);
    name = "paris"            # its own output says what to put here
    address = "192.0.2.7:7443"
    key = "BASE64"
    journal_key = "..."
                              # and place, latitude, longitude, as in [places]
` + shopperHelp + "\n" + trialPlacesHelp + "\n" + alertsHelp + `

All of it but where things are becomes the journal's first entry, and the files become
entries: in each slot run looks for what is new in them. A change of the plan while the
trial goes on is an entry of its own, and the report says what was changed, and when. A
ticket that was listed once is counted to the end.`

func defaults() config {
	p := verifier.DefaultPolicy()
	c := config{Shopper: shopperDefaults(), Places: placesDefaults(), Network: "testnet3", Slot: configfile.Duration(verifier.RealSlot), Duration: configfile.Duration(7 * 24 * time.Hour), Journal: "journal", JournalKey: "journal.key", LinkKey: "link.key", Out: ".", AlertDrill: "alert-drill.jsonl"}
	c.Policy.Uptime, c.Policy.Coverage, c.Policy.MissRate, c.Policy.Confidence = p.Uptime, p.Coverage, p.MissRate, p.Confidence
	c.Policy.TargetLatency, c.Policy.MaxSkew = configfile.Duration(p.TargetLatency), configfile.Duration(p.MaxSkew)
	c.Policy.MaxLagBlocks, c.Policy.MinVantages = p.MaxLagBlocks, p.MinVantages
	return c
}

// trial is a configuration that was found in order, with what its files hold. Paths are resolved.
type trial struct {
	config
	path   string // of the file, as it was given
	target verifier.Target
	policy verifier.Policy
	roots  *x509.CertPool // nil: the system's

	node dcrrpc.Config
	shop *shop // nil: there is no mystery shopper

	sshKey    ssh.Signer         // nil: nothing is measured from here
	described *described         // nil: nobody measures where the machines are
	alerting  *alerting.Settings // nil: nobody is told of anything

	rootsPEM []byte
	link     link.Key // only where there are vantages
	vantages []linkTo
	dial     func(ctx context.Context, network, address string) (net.Conn, error) // to vantages; nil: over the network
}

// load reads the configuration. Its error names everything that is wrong in it.
func load(path string) (*trial, error) {
	t := &trial{config: defaults(), path: path}
	file, err := configfile.Read(path, &t.config)
	if err != nil {
		return nil, err
	}
	t.checkTarget(file)
	t.node = t.Node.check(file)
	t.checkPolicy(file)
	t.checkTimes(file)
	t.checkShopper(file)
	if t.MetricsListen != "" {
		file.CheckPrivate("metrics_listen", t.MetricsListen)
	}
	for _, p := range []*string{&t.LinkKey, &t.Tickets, &t.Drills, &t.AlertDrill, &t.Journal, &t.JournalKey, &t.Out} {
		*p = file.Resolve(*p)
	}
	t.checkVantages(file)
	t.checkPlaces(file)
	t.checkAlerts(file)
	return t, file.Err()
}

func (t *trial) checkTarget(file *configfile.File) {
	u, err := url.Parse(t.URL)
	for i, control := range t.Controls {
		c, err := url.Parse(control)
		if err != nil || c.Scheme != "https" && c.Scheme != "http" || c.Host == "" {
			file.Wrong("controls", "%q is no site: write it like \"https://example.org\"", t.Controls[i])
		} else if u != nil && c.Hostname() == u.Hostname() {
			file.Wrong("controls", "%s is on the target's own host: name a site that has nothing to do with it", control)
		}
	}
	if t.CAFile != "" {
		t.roots = x509.NewCertPool()
		t.rootsPEM = file.Contents("ca_file", t.CAFile)
		if t.rootsPEM != nil && !t.roots.AppendCertsFromPEM(t.rootsPEM) {
			file.Wrong("ca_file", "%s holds no PEM certificate", file.Resolve(t.CAFile))
		}
	}
	switch {
	case t.URL == "":
		file.Wrong("url", "is missing: give the VSP's, such as \"https://vsp.example.org\"")
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Host == "":
		file.Wrong("url", "%q is none of a VSP: write it like \"https://vsp.example.org\"", t.URL)
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		file.Wrong("url", "may have a host, a port and a path, nothing else")
	case t.Name == "":
		t.Name = u.Host
	}
	key, err := base64.StdEncoding.DecodeString(t.PubKey)
	if err != nil || len(key) != ed25519.PublicKeySize {
		file.Wrong("pubkey", "must be an ed25519 key, %d bytes in base64", ed25519.PublicKeySize)
	}
	profile, err := network.Lookup(t.Network)
	if err != nil {
		file.Wrong("network", "%v", err)
	}
	t.target = verifier.Target{Name: t.Name, URL: t.URL, PubKey: key, Network: profile}
}

// check returns how to speak to the node.
func (n nodeEntry) check(file *configfile.File) dcrrpc.Config {
	if _, _, err := net.SplitHostPort(n.Address); err != nil {
		file.Wrong("node.address", "must be a host and a port, such as \"127.0.0.1:19109\"")
	}
	if n.User == "" {
		file.Wrong("node.user", "is missing: give the node's rpcuser")
	}
	return dcrrpc.Config{Address: n.Address, User: n.User, Password: file.Secret("node.password_file", n.PasswordFile),
		CertPEM: file.Contents("node.cert_file", n.CertFile)}
}

func (t *trial) checkPolicy(file *configfile.File) {
	p := t.Policy
	t.policy = verifier.Policy{Uptime: p.Uptime, Coverage: p.Coverage, MissRate: p.MissRate, Confidence: p.Confidence,
		TargetLatency: time.Duration(p.TargetLatency), MaxLagBlocks: p.MaxLagBlocks, MaxSkew: time.Duration(p.MaxSkew),
		MinVantages: p.MinVantages}
	for key, text := range t.policy.Mistakes() {
		file.Wrong("policy."+key, "%s", text)
	}
}

// minSlot is the shortest slot that the rounding of times to milliseconds leaves in order.
const minSlot = 100 * time.Millisecond

func (t *trial) checkTimes(file *configfile.File) {
	slot, whole := time.Duration(t.Slot), time.Duration(t.Duration)
	if need, ok := probe.Fits(t.policy, slot); slot < minSlot {
		file.Wrong("slot", "is %v: at least %v is needed", slot, minSlot)
	} else if !ok {
		file.Wrong("slot", "is %v: to wait for slow answers it needs %v, or else policy.target_latency must be less", slot, need)
	}
	if whole < 0 || whole > 0 && whole < slot {
		file.Wrong("duration", "is %v: give at least one slot, or \"0s\" to go on until stopped", whole)
	}
	if t.FromHeight < 0 {
		file.Wrong("from_height", "must not be negative")
	}
}
