// Package network is a profile per network: the chain's parameters and what the programs must know besides.
//
// A network is data. What the code needs to know of one stands here and nowhere else.
package network

import (
	"fmt"
	"slices"
	"strings"

	"github.com/decred/dcrd/chaincfg/v3"
)

// Profile describes one network.
type Profile struct {
	Name   string           // as a VSP writes it in vspinfo: "mainnet", "testnet3", "simnet"
	Params *chaincfg.Params // the chain's own parameters

	// Ports where daemons listen unless told otherwise (dcrd params.go, dcrwallet netparams).
	NodeRPCPort, WalletRPCPort string

	// Test is whether the network is there to try things out, so that its coins are worth nothing.
	Test bool

	// MinWallets is how many voting wallets a VSP must have here (vspd internal/config/network.go).
	MinWallets int

	// VoteVersion is the newest version of Params.Deployments: the agendas that a holder can choose on.
	VoteVersion uint32

	// Heights from which a vote's subsidy follows DCP-0010 and DCP-0012, which the fee formula needs. They are known
	// only once an agenda has locked in, so they are data (vspd internal/config/network.go).
	DCP0010Height, DCP0012Height int64

	// VotesPerBlockNeeded is how many of a block's winners must vote for it to count (a majority of TicketsPerBlock).
	VotesPerBlockNeeded int
}

// profiles lists every network, the one the public uses first.
func profiles() []Profile {
	return []Profile{
		{Name: "mainnet", Params: chaincfg.MainNetParams(), NodeRPCPort: "9109", WalletRPCPort: "9110", MinWallets: 3,
			DCP0010Height: 657280, DCP0012Height: 794368},
		{Name: "testnet3", Params: chaincfg.TestNet3Params(), NodeRPCPort: "19109", WalletRPCPort: "19110", Test: true, MinWallets: 1,
			DCP0010Height: 877728, DCP0012Height: 1170048},
		{Name: "simnet", Params: chaincfg.SimNetParams(), NodeRPCPort: "19556", WalletRPCPort: "19557", Test: true, MinWallets: 1,
			DCP0010Height: 1, DCP0012Height: 1},
	}
}

// Names lists the networks there are.
func Names() []string {
	var names []string
	for _, p := range profiles() {
		names = append(names, p.Name)
	}
	return names
}

// Lookup returns the profile of a network by its name; "testnet" is another name of testnet3.
func Lookup(name string) (Profile, error) {
	if name == "testnet" {
		name = "testnet3"
	}
	all := profiles()
	i := slices.IndexFunc(all, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, fmt.Errorf("unknown network %q: use one of %s", name, strings.Join(Names(), ", "))
	}
	p := all[i]
	p.VotesPerBlockNeeded = int(p.Params.TicketsPerBlock)/2 + 1
	for version := range p.Params.Deployments {
		p.VoteVersion = max(p.VoteVersion, version)
	}
	return p, nil
}
