package testnet

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"
)

// Plan says what network to start. Only Dir and Binaries must be given.
type Plan struct {
	Dir      string   // data/ and logs/ are made in it; must not hold another network's
	Binaries Binaries // see FindBinaries and BuildBinaries

	VotingHosts int           // each with a node and a voting wallet; 3 if zero
	Block       int           // addresses are 127.Block.x.1; the first free block if zero
	Seed        uint64        // all wallets' keys follow from it
	Tickets     int           // how many tickets are kept in play, live and maturing; 480 if zero
	Patience    time.Duration // how long a block waits for its last votes while every wallet is fit; 10 s if zero
	Log         *slog.Logger  // what the network does; nothing is logged if nil
}

// Numbers for a plan that leaves them open. With 480 tickets in play about 400 are live, so that a VSP's 60 hold 15 % of
// the votes: then even with the VSP silent a block lacks the needed three votes only once in forty.
const (
	defaultVotingHosts = 3
	defaultTickets     = 480
	defaultPatience    = 10 * time.Second

	// minTickets is what a chain needs to go on: dcrd refuses blocks after which tickets would run out before new ones
	// mature, (16+1) x 5 (blockchain validate.go, checkTicketExhaustion). Some more are on their way at any time.
	minTickets = 160
)

// complete returns the plan with all that was left open filled in, or all that is wrong with it.
func (p Plan) complete() (Plan, error) {
	if p.VotingHosts == 0 {
		p.VotingHosts = defaultVotingHosts
	}
	if p.Tickets == 0 {
		p.Tickets = defaultTickets
	}
	if p.Patience == 0 {
		p.Patience = defaultPatience
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	var problems []error
	if p.Dir == "" {
		problems = append(problems, errors.New("no directory"))
	}
	if p.Binaries.Node == "" || p.Binaries.Wallet == "" {
		problems = append(problems, errors.New("no daemons"))
	}
	if p.VotingHosts < 0 || p.VotingHosts >= hostFrontEnd {
		problems = append(problems, fmt.Errorf("%d voting hosts: want 1 to %d", p.VotingHosts, hostFrontEnd-1))
	}
	if p.Tickets < minTickets {
		problems = append(problems, fmt.Errorf("%d tickets: the chain needs %d", p.Tickets, minTickets))
	}
	dir, err := filepath.Abs(p.Dir)
	problems = append(problems, err)
	p.Dir = dir
	if err := errors.Join(problems...); err != nil {
		return Plan{}, fmt.Errorf("plan of the network: %w", err)
	}
	return p, nil
}

// fileName turns a daemon's name into that of its files.
func fileName(name string) string { return strings.ReplaceAll(name, " ", "-") }
