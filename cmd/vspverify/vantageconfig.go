package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"

	"scrutineer/cmd/configfile"
	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/link"
	"scrutineer/vsp/dcrrpc"
)

// vantageEntry is a vantage as trial.toml names it.
type vantageEntry struct {
	Name       string `toml:"name"`
	Address    string `toml:"address"`
	Key        string `toml:"key"`
	JournalKey string `toml:"journal_key"`
	standing          // as the reviewer declares it
}

// linkTo is a vantage that was found in order.
type linkTo struct {
	name, address string
	link          link.PublicKey
	journal       journal.PublicKey
}

const vantageNameRule = "%q is no name of a vantage: small letters, digits and hyphens, at most 32, and not \"" + localVantage + "\""

// checkVantages reads the vantages on other machines, and the key that we prove ourselves to them with.
func (t *trial) checkVantages(file *configfile.File) {
	names := make(map[string]bool)
	for i, v := range t.Vantages {
		at := func(key string) string { return fmt.Sprintf("vantages[%d].%s", i, key) }
		to := linkTo{name: v.Name, address: v.Address}
		if !verifier.ValidVantage(v.Name) || names[v.Name] {
			file.Wrong(at("name"), vantageNameRule+", and no other vantage's", v.Name)
		}
		names[v.Name] = true
		if _, port, err := net.SplitHostPort(v.Address); err != nil || port == "" {
			file.Wrong(at("address"), "must be a host and a port, such as \"192.0.2.7:7443\"")
		}
		var err error
		if to.link, err = link.ParsePublicKey(v.Key); err != nil {
			file.Wrong(at("key"), "%q %v: vspverify vantage key tells it there", v.Key, err)
		}
		if to.journal, err = journal.ParsePublicKey(v.JournalKey); err != nil {
			file.Wrong(at("journal_key"), "%q %v: vspverify vantage key tells it there", v.JournalKey, err)
		} else if origin, _ := journal.Origin(t.Name, v.Name); to.journal.Origin() != origin {
			file.Wrong(at("journal_key"), "is of the journal %s, and this one is %s", to.journal.Origin(), origin)
		}
		t.vantages = append(t.vantages, to)
	}
	if most := len(t.Vantages) + 1; t.policy.MinVantages > most {
		file.Wrong("policy.min_vantages", "is %d, and with this one there are %d", t.policy.MinVantages, most)
	}
	if len(t.Vantages) == 0 {
		return
	}
	var err error
	if t.link, err = link.ReadKey(t.LinkKey); err != nil {
		file.Wrong("link_key", "%v: vspverify vantage invite makes it", err)
	}
}

// postConfig is vantage.toml as written. Paths begin at the file's own folder.
type postConfig struct {
	Name       string    `toml:"name"`
	Trial      string    `toml:"trial"`
	TrialKey   string    `toml:"trial_key"`
	Listen     string    `toml:"listen"`
	LinkKey    string    `toml:"link_key"`
	Journal    string    `toml:"journal"`
	JournalKey string    `toml:"journal_key"`
	SSHKey     string    `toml:"ssh_key"`
	Node       nodeEntry `toml:"node"`
}

const postHelp = `
A vantage.toml, as vspverify vantage invite prints it on the trial's machine:

    name      = "paris"         # small letters, digits, hyphens
    trial     = "vsp.example.org" # the trial's name
    trial_key = "BASE64"        # of the trial's machine, which alone may connect
    listen    = ":7443"         # where it may connect to
    link_key  = "link.key"      # files and a folder; the keys are made by
    journal   = "journal"       # vspverify vantage key
    journal_key = "journal.key"
    ssh_key   = ""              # the reviewer's private SSH key, a file: with it this
                                # vantage measures how far the VSP's machines are

    [node]                      # this vantage's own
    address = "127.0.0.1:19109"
    user = ""
    password_file = ""
    cert_file = ""`

// postSetup is a vantage's configuration with what its files hold. Paths are resolved.
type postSetup struct {
	postConfig
	origin string // of its journal
	peer   link.PublicKey
	node   dcrrpc.Config
	ssh    ssh.Signer // nil: nothing is measured from here
}

// loadPost reads a vantage's configuration. Its error names everything that is wrong in it. For its keys to be made less
// must be in order than for it to watch.
func loadPost(path string, whole bool) (*postSetup, error) {
	s := &postSetup{postConfig: postConfig{Listen: ":7443", LinkKey: "link.key", Journal: "journal", JournalKey: "journal.key"}}
	file, err := configfile.Read(path, &s.postConfig)
	if err != nil {
		return nil, err
	}
	if !verifier.ValidVantage(s.Name) {
		file.Wrong("name", vantageNameRule, s.Name)
	}
	if s.origin, err = journal.Origin(s.Trial, s.Name); err != nil {
		file.Wrong("trial", "%v", err)
	}
	if whole {
		if s.peer, err = link.ParsePublicKey(s.TrialKey); err != nil {
			file.Wrong("trial_key", "%q %v: vspverify vantage invite tells it on the trial's machine", s.TrialKey, err)
		}
		if _, port, err := net.SplitHostPort(s.Listen); err != nil || port == "" {
			file.Wrong("listen", "must be an address and a port, such as \":7443\"")
		}
		s.node = s.Node.check(file)
		s.ssh = checkSSHKey(file, s.SSHKey)
	}
	for _, p := range []*string{&s.LinkKey, &s.Journal, &s.JournalKey} {
		*p = file.Resolve(*p)
	}
	return s, file.Err()
}

// keys reads the vantage's two keys. The error wraps os.ErrNotExist if one was never made.
func (s *postSetup) keys() (link.Key, journal.Key, error) {
	own, err := link.ReadKey(s.LinkKey)
	if err != nil {
		return own, journal.Key{}, err
	}
	key, err := journal.ReadKey(s.JournalKey)
	if err == nil && key.Public().Origin() != s.origin {
		err = fmt.Errorf("the key in %s is of the journal %s, and this vantage's is %s", s.JournalKey, key.Public().Origin(), s.origin)
	}
	return own, key, err
}

// makeKeys makes what is not there of the vantage's two keys, and returns both.
func (s *postSetup) makeKeys() (link.Key, journal.Key, error) {
	if _, err := os.Stat(s.LinkKey); errors.Is(err, os.ErrNotExist) {
		if _, err := link.CreateKey(s.LinkKey); err != nil {
			return link.Key{}, journal.Key{}, err
		}
	}
	if _, err := os.Stat(s.JournalKey); errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(s.Journal, journal.CheckpointsName)); err == nil {
			return link.Key{}, journal.Key{}, fmt.Errorf("the journal in %s is signed by a key that is not in %s: put it back, or begin a new journal in another folder, under another name",
				s.Journal, s.JournalKey)
		}
		if _, err := journal.CreateKey(s.JournalKey, s.origin); err != nil {
			return link.Key{}, journal.Key{}, err
		}
	}
	return s.keys()
}
