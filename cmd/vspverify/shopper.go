package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrutil/v4"

	"scrutineer/cmd/configfile"
	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/probe"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/network"
	"scrutineer/vsp/vspapi"
)

// shopperConfig is the section [shopper] as written.
type shopperConfig struct {
	Address        string              `toml:"address"`
	User           string              `toml:"user"`
	PasswordFile   string              `toml:"password_file"`
	CertFile       string              `toml:"cert_file"`
	Account        string              `toml:"account"`
	PassphraseFile string              `toml:"passphrase_file"`
	Every          configfile.Duration `toml:"every"`
	Most           int                 `toml:"most"`
	MaxPrice       float64             `toml:"max_price"`
	MaxFee         float64             `toml:"max_fee"`
	Choices        []struct {
		Agendas  map[string]string `toml:"agendas"`
		TSpends  map[string]string `toml:"tspends"`
		Treasury map[string]string `toml:"treasury"`
	} `toml:"choices"`
}

// shopperHelp is its part of the configuration's help.
const shopperHelp = `
    [shopper]                 # buys tickets with a dcrwallet of its own and registers
                              # them as any holder would; on test networks only
    address = ""              # of the wallet's JSON-RPC, such as "127.0.0.1:19110". It
                              # runs without --enablevoting and --vsp.url
    user = ""
    password_file = ""
    cert_file = ""
    account = "default"       # that pays
    passphrase_file = ""      # unlocks the wallet; left out where it is unlocked
    every = "6h"              # between two tickets
    most = 28                 # tickets in all, whatever becomes of them
    max_price = 200.0         # DCR for a ticket, at most
    max_fee = 0.2             # DCR for the VSP and the network, for each ticket

    # How tickets are to vote. Each is registered with one of these and changed to the
    # next when its fee is confirmed. Left out: yes, and then no, on all agendas.
    # [[shopper.choices]]
    # agendas  = { "maxtreasuryspend" = "yes" }
    # tspends  = { "HASH" = "no" }    # treasury spends
    # treasury = { "KEY" = "yes" }    # treasury keys, of whatever they sign`

func shopperDefaults() shopperConfig {
	return shopperConfig{Account: "default", Every: configfile.Duration(6 * time.Hour), Most: 28, MaxPrice: 200, MaxFee: 0.2}
}

// shop is a mystery shopper's configuration that was found in order.
type shop struct {
	wallet dcrrpc.Config
	plan   probe.ShopperPlan
}

// checkShopper checks the section. Without an address there is no shopper, and then nothing else may be in it.
func (t *trial) checkShopper(file *configfile.File) {
	s := t.Shopper
	if s.Address == "" {
		if !reflect.DeepEqual(s, shopperDefaults()) {
			file.Wrong("shopper.address", "is missing: give the wallet's, such as \"127.0.0.1:19110\", or take the section out")
		}
		return
	}
	if profile := t.target.Network; profile.Name != "" && !profile.Test {
		file.Wrong("shopper", "must not be there on %s: it would spend coins that are worth something. It is for test networks alone", profile.Name)
		return
	}
	if _, _, err := net.SplitHostPort(s.Address); err != nil {
		file.Wrong("shopper.address", "must be a host and a port, such as \"127.0.0.1:19110\"")
	}
	for key, value := range map[string]string{"user": s.User, "account": s.Account} {
		if value == "" {
			file.Wrong("shopper."+key, "is missing")
		}
	}
	if s.Every <= 0 {
		file.Wrong("shopper.every", "must be longer than nothing, such as \"6h\"")
	}
	if s.Most < 1 {
		file.Wrong("shopper.most", "must be at least 1")
	}
	plan := probe.ShopperPlan{Account: s.Account, Every: time.Duration(s.Every), Most: s.Most, Choices: t.shopperChoices(file),
		MaxPrice: amount(file, "shopper.max_price", s.MaxPrice), MaxFee: amount(file, "shopper.max_fee", s.MaxFee)}
	if s.PassphraseFile != "" {
		plan.Passphrase = file.Secret("shopper.passphrase_file", s.PassphraseFile)
	}
	t.shop = &shop{plan: plan, wallet: dcrrpc.Config{Address: s.Address, User: s.User,
		Password: file.Secret("shopper.password_file", s.PasswordFile), CertPEM: file.Contents("shopper.cert_file", s.CertFile)}}
}

func amount(file *configfile.File, key string, coins float64) dcrutil.Amount {
	a, err := dcrutil.NewAmount(coins)
	if err != nil || a <= 0 || a > dcrutil.MaxAmount {
		file.Wrong(key, "must be an amount in DCR, more than nothing")
	}
	return a
}

// shopperChoices returns how the shopper's tickets vote: as written, or yes and then no on everything.
func (t *trial) shopperChoices(file *configfile.File) []verifier.Choices {
	profile := t.target.Network
	var all []verifier.Choices
	for _, c := range t.Shopper.Choices {
		choices := verifier.Choices{Agendas: c.Agendas, TSpends: c.TSpends, Treasury: c.Treasury}
		if mistake := choicesMistake(profile, choices); mistake != "" {
			file.Wrong("shopper.choices", "%s", mistake)
		}
		all = append(all, choices)
	}
	if len(all) > 0 || profile.Params == nil {
		return all
	}
	return yesAndNo(profile)
}

// yesAndNo is yes and then no on every agenda.
func yesAndNo(profile network.Profile) []verifier.Choices {
	var all []verifier.Choices
	for _, choice := range []string{"yes", "no"} {
		agendas := make(map[string]string)
		for _, d := range profile.Params.Deployments[profile.VoteVersion] {
			agendas[d.Vote.Id] = choice
		}
		all = append(all, verifier.Choices{Agendas: agendas})
	}
	return all
}

// choicesMistake says what is wrong with choices, and is empty if nothing is.
func choicesMistake(profile network.Profile, c verifier.Choices) string {
	if profile.Params == nil {
		return ""
	}
	for agenda, choice := range c.Agendas {
		deployments := profile.Params.Deployments[profile.VoteVersion]
		i := slices.IndexFunc(deployments, func(d chaincfg.ConsensusDeployment) bool { return d.Vote.Id == agenda })
		if i < 0 {
			return fmt.Sprintf("%s has no agenda %q in version %d of its votes", profile.Name, agenda, profile.VoteVersion)
		}
		if !slices.ContainsFunc(deployments[i].Vote.Choices, func(known chaincfg.Choice) bool { return known.Id == choice }) {
			return fmt.Sprintf("agenda %q has no choice %q", agenda, choice)
		}
	}
	for _, policies := range []struct {
		of    map[string]string
		what  string
		bytes int
	}{{c.TSpends, "hash of a treasury spend", 32}, {c.Treasury, "treasury key", 33}} {
		if len(policies.of) > vspapi.MaxPolicies {
			return fmt.Sprintf("a request has room for %d policies of a kind, not for %d", vspapi.MaxPolicies, len(policies.of))
		}
		for key, policy := range policies.of {
			if raw, err := hex.DecodeString(key); err != nil || len(raw) != policies.bytes || key != strings.ToLower(key) {
				return fmt.Sprintf("%q is no %s: it has %d bytes in lower case hex", key, policies.what, policies.bytes)
			}
			if !slices.Contains([]string{"yes", "no", "abstain"}, policy) {
				return fmt.Sprintf("%q is no policy: use \"yes\", \"no\" or \"abstain\"", policy)
			}
		}
	}
	return ""
}

// goShopping lets the shopper go about, if there is one. It goes on where the journal says that it was. The context that is
// returned also ends when the shopper cannot write any more; ending ends the shopper, and must come before the last entry.
func (t *trial) goShopping(ctx context.Context, book *journal.Journal, record *verifier.Record, log *slog.Logger, node *dcrrpc.Node) (watch context.Context, ending func() error) {
	if t.shop == nil {
		return ctx, nil
	}
	wallet := dcrrpc.NewWallet(t.shop.wallet)
	shopper := &probe.Shopper{Node: node, Purse: wallet, Keys: wallet, Plan: t.shop.plan, Done: verifier.NewShopping(t.target, record.Seen),
		Vantage: &probe.Vantage{Name: localVantage, Target: t.target, Policy: t.policy, HTTP: probe.NewHTTP(t.roots), Now: time.Now},
		Write:   func(o verifier.Observation) error { return writeStep(book, log, o) }}
	return alongside(ctx, func(ctx context.Context) error {
		defer wallet.Close()
		return shopper.Run(ctx, max(time.Duration(t.Slot), time.Second))
	})
}

// writeStep writes one of the shopper's steps down, to the disk: what cannot be taken back may follow.
func writeStep(book *journal.Journal, log *slog.Logger, o verifier.Observation) error {
	number, err := book.Append(verifier.EntryObservation, o)
	if err = errors.Join(err, book.Sync()); err != nil {
		return err
	}
	log.Info("shopper", "entry", number, "step", o.Errand.Step, "ticket", o.Errand.Ticket, "code", o.Code, "detail", o.Detail)
	return nil
}
