package testnet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier/report"
)

// play is a scenario under way.
type play struct {
	t        testing.TB
	dir      string
	daemons  Binaries
	program  string // vsp
	verifier string // vspverify
	begin    time.Time

	network *Network
	vsp     *VSP
	mariadb *mariadb // nil where the VSP keeps its tickets in a file
	witness *witness
	watch   *watch           // nil if there is no verifier
	listed  []chainhash.Hash // that the verifier was told of
	report  report.Report    // its newest
	fates   *Fates
	holder  *holder // of what offer registers
	runs    bool    // the chain, by itself
	load    *load   // nil if there is none
	crashes []span
	crashed map[string]bool // by name
	placing *placing        // nil if it is not looked at where machines are

	bought    []chainhash.Hash         // by the stake holder's wallet, and registered
	unmanaged []chainhash.Hash         // by the same, without a VSP
	chosenAt  time.Time                // when it sent choices last
	tspends   map[string]treasurySpend // by the name that the script gives them
}

func newPlay(t testing.TB, dir string, daemons Binaries, programs []string) *play {
	return &play{t: t, dir: dir, daemons: daemons, program: programs[0], verifier: programs[1], begin: time.Now(),
		crashed: make(map[string]bool), tspends: make(map[string]treasurySpend)}
}

// say tells people how far it is.
func (p *play) say(format string, args ...any) {
	p.t.Helper()
	p.t.Logf("%6.1f s  "+format, append([]any{time.Since(p.begin).Seconds()}, args...)...)
}

func (p *play) close() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var errs []error
	if p.placing != nil {
		errs = append(errs, p.placing.close())
	}
	if p.load != nil {
		p.load.end()
		p.load.workers.Wait()
	}
	if p.network != nil {
		errs = append(errs, p.network.Chain.Pause())
	}
	if p.watch != nil {
		errs = append(errs, p.watch.end(ctx))
	}
	if p.vsp != nil {
		errs = append(errs, p.vsp.Alive(), p.vsp.Stop(ctx))
	}
	if p.mariadb != nil {
		errs = append(errs, p.mariadb.Stop(ctx))
	}
	if p.network != nil {
		errs = append(errs, p.network.Close())
	}
	if err := errors.Join(errs...); err != nil {
		p.t.Error(err)
	}
}

// evidence returns the end of what the front ends have logged, but for requests, to be put behind an error.
func (p *play) evidence() string {
	if p.vsp == nil {
		return ""
	}
	const lines = 20
	var text strings.Builder
	for _, front := range p.vsp.FrontEnds {
		log, err := os.ReadFile(front.Log())
		if err != nil {
			continue
		}
		all := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(log)), "\n"), func(line string) bool {
			return strings.Contains(line, "msg=request ")
		})
		fmt.Fprintf(&text, "\nend of %s, but for requests:\n%s", front.Log(), strings.Join(all[max(0, len(all)-lines):], "\n"))
	}
	return text.String()
}

// options reads KEY=VALUE arguments.
func options(args []string, known ...string) (map[string]string, error) {
	found := make(map[string]string)
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		if !ok || !slices.Contains(known, key) {
			return nil, errUsage
		}
		found[key] = value
	}
	return found, nil
}

func number(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, errUsage
	}
	return n, nil
}

// What a scenario's network has by default. A VSP's two dozen tickets among so few are drawn every other block, and a block
// that lacks a vote for good, because somebody has a ticket that nobody votes with, is not waited for long.
const (
	scenarioTickets  = 200
	scenarioPatience = 2 * time.Second
)

func startNetwork(ctx context.Context, p *play, args []string) (err error) {
	chosen, err := options(args, "hosts", "tickets", "patience", "seed")
	if err != nil {
		return err
	}
	plan := Plan{Dir: filepath.Join(p.dir, "network"), Binaries: p.daemons, Tickets: scenarioTickets, Patience: scenarioPatience}
	if text, ok := chosen["hosts"]; ok {
		if plan.VotingHosts, err = number(text); err != nil {
			return err
		}
	}
	if text, ok := chosen["tickets"]; ok {
		if plan.Tickets, err = number(text); err != nil {
			return err
		}
	}
	if text, ok := chosen["seed"]; ok {
		if plan.Seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			return errUsage
		}
	}
	if text, ok := chosen["patience"]; ok {
		if plan.Patience, err = time.ParseDuration(text); err != nil {
			return err
		}
	}
	if p.network, err = Start(ctx, plan); err != nil {
		return err
	}
	p.fates = NewFates(p.network.Miner)
	p.holder = &holder{play: p, tickets: make(map[chainhash.Hash]*offered)}
	return p.follow(ctx)
}

func startService(ctx context.Context, p *play, args []string) error {
	chosen, err := options(args, "database", "frontends")
	if err != nil {
		return err
	}
	plan := VSPPlan{Program: p.program, CheckEvery: trialCheck}
	switch chosen["database"] {
	case "":
	case "mariadb":
		if plan.MySQL, err = p.startMariaDB(ctx); err != nil {
			return err
		}
	default:
		return errUsage
	}
	if text, ok := chosen["frontends"]; ok {
		if plan.FrontEnds, err = number(text); err != nil {
			return err
		}
	}
	if p.vsp, err = p.network.StartVSP(ctx, plan); err != nil {
		return err
	}
	p.witness = newWitness(p.t, p.vsp)
	return errors.Join(p.follow(ctx), p.network.StartClient(ctx, p.witness.URL, p.vsp.PublicKey))
}

// follow takes up what is new on the chain.
func (p *play) follow(ctx context.Context) error {
	if err := p.fates.Follow(ctx); err != nil {
		return err
	}
	if p.witness != nil {
		p.witness.Height.Store(p.fates.Height)
	}
	return nil
}

// paid returns the tickets whose fee the VSP has acknowledged.
func (p *play) paid() []chainhash.Hash {
	given := p.witness.given()
	maps.DeleteFunc(given, func(_ chainhash.Hash, g promise) bool { return !g.paid })
	return slices.Collect(maps.Keys(given))
}

// unspent returns those of the tickets that have neither voted nor been revoked.
func (p *play) unspent(tickets []chainhash.Hash) []chainhash.Hash {
	return slices.DeleteFunc(slices.Clone(tickets), func(ticket chainhash.Hash) bool {
		_, spent := p.fates.Of(ticket)
		return spent
	})
}

// until waits for what can be seen from outside, and follows the chain meanwhile.
func (p *play) until(ctx context.Context, what string, cond func(context.Context) (bool, string)) error {
	return waitUntil(ctx, what, func(ctx context.Context) (bool, string) {
		if err := p.follow(ctx); err != nil {
			return false, err.Error()
		}
		done, state := cond(ctx)
		if !done {
			_ = pause(ctx, lookPause)
		}
		return done, state
	})
}

// lookPause is between two looks at what a program says of itself, which logs each.
const lookPause = 100 * time.Millisecond

// some keeps a scenario from passing because nothing was there to fail.
func some[E any](all []E, what string) error {
	if len(all) == 0 {
		return fmt.Errorf("there are no %s", what)
	}
	return nil
}

// describe counts tickets for people.
func (p *play) describe(tickets []chainhash.Hash) string {
	voted, revoked := p.fates.Count(tickets)
	return fmt.Sprintf("block %d: of %d tickets %d voted, %d were revoked", p.fates.Height, len(tickets), voted, revoked)
}
