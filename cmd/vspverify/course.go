package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/report"
	"scrutineer/verifier/votes"
)

// course is a trial as it goes: its journal, read as it grows, and now and then what the chain says. It disturbs neither the
// writer nor the verdicts: all that it shows is derived anew from evidence, by the same code as the report.
type course struct {
	trial    *trial
	follower *journal.Follower
	seen     *seen
	sum      journal.Summary
	remarks  remarks
	took     func(verifier.Observation) // is given each one that is read; may be nil
	beaten   func(beat verifier.Beat, written time.Time)
	account  func(context.Context, votes.Query) (votes.Ledger, *verifier.Census, error)

	mu    sync.Mutex  // owns what follows
	query votes.Query // what to ask the chain next
	chain chainView
}

// chainView is what the chain said, and when.
type chainView struct {
	ledger votes.Ledger
	census *verifier.Census
	at     time.Time     // when it was read, UTC; zero: never
	took   time.Duration // reading it
	err    error         // of the newest attempt
}

// picture is a trial as it is at one moment.
type picture struct {
	report   report.Report
	evidence verifier.Evidence
	uptimes  []verifier.Uptime
	tally    verifier.Tally
	forecast verifier.Forecast // with what is wrong with ourselves
	chain    chainView
	sum      journal.Summary
	bytes    int64 // of the journal
	unsealed int64 // of them, bytes behind the last checkpoint
	remarks  []remark
}

func newCourse(t *trial) (*course, error) {
	key, err := t.publicKey()
	if err != nil {
		return nil, err
	}
	return &course{trial: t, follower: journal.Follow(t.Journal, key), seen: new(seen), account: t.account}, nil
}

// read takes in what the journal has got since the last call, and reports whether that was anything.
func (c *course) read() (bool, error) {
	before := c.sum.Tree.N
	sum, err := c.follower.Next(func(entry journal.Entry) error {
		n := len(c.seen.observations)
		if err := c.seen.take(entry, c.trial.start()); err != nil {
			return err
		}
		if len(c.seen.observations) > n && c.took != nil {
			c.took(c.seen.observations[n])
		}
		if entry.Kind == entryBeat && c.beaten != nil {
			c.beaten(c.seen.beats[len(c.seen.beats)-1], entry.At)
		}
		c.remarks.take(entry, c.seen, len(c.seen.observations) > n)
		return nil
	})
	c.sum = sum
	if err != nil {
		return false, fmt.Errorf("read journal %s: %w", c.trial.Journal, err)
	}
	return sum.Tree.N > before, nil
}

// ask returns what to ask the chain for; nothing where no block is known.
func (c *course) ask(tickets []chainhash.Hash) votes.Query {
	first, last := c.seen.heights()
	if c.trial.FromHeight > 0 {
		first = c.trial.FromHeight
	}
	return votes.Query{Tickets: tickets, From: max(1, first), To: last}
}

// chainEvery is after how many slots the chain is asked again: ten minutes, in a trial by the clock.
const chainEvery = 10

// Bounds of how often the chain is asked, however short slots are, and of how long it may take.
const (
	chainAtMost  = 5 * time.Second
	chainTimeout = 5 * time.Minute
)

// askChain asks the chain, until ctx ends. It calls asked after each time.
func (c *course) askChain(ctx context.Context, asked func()) {
	for {
		wait := chainAtMost
		if c.readChain(ctx) {
			asked()
			c.mu.Lock()
			wait = max(wait, chainEvery*time.Duration(c.trial.Slot), 4*c.chain.took) // a fifth of the node's time at most
			c.mu.Unlock()
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// readChain draws up the ledger, if there is anything to ask for. The last one stays when that fails.
func (c *course) readChain(ctx context.Context) bool {
	c.mu.Lock()
	q := c.query
	c.mu.Unlock()
	if q.To == 0 {
		return false
	}
	limited, cancel := context.WithTimeout(ctx, chainTimeout)
	defer cancel()
	began := time.Now()
	ledger, census, err := c.account(limited, q)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.chain.err, c.chain.took = err, time.Since(began)
	if err == nil {
		c.chain.ledger, c.chain.census, c.chain.at = ledger, census, began.UTC()
	}
	return true
}

// look draws the picture as of what was read. It fails where there is nothing to see yet.
func (c *course) look(now time.Time) (picture, error) {
	if c.seen.begins.IsZero() {
		return picture{}, errors.New("the journal is empty: nothing was seen yet")
	}
	drills, drillsErr := c.trial.readDrills()
	tickets, ticketsErr := c.trial.readTickets()
	if err := errors.Join(drillsErr, ticketsErr); err != nil {
		return picture{}, err
	}
	c.mu.Lock()
	c.query = c.ask(tickets)
	chain := c.chain
	c.mu.Unlock()
	t := c.trial
	e := verifier.Evidence{Target: t.target, Policy: t.policy, Seen: c.seen.observations, Beats: c.seen.beats, Complete: t.TicketsComplete,
		Drills: drills, Ledger: chain.ledger, Census: chain.census,
		Window: verifier.NewWindow(c.seen.begins, c.seen.last, time.Duration(t.Slot), time.Duration(t.Duration), c.seen.stopped)}
	p := picture{evidence: e, chain: chain, sum: c.sum, remarks: c.remarks.list}
	p.bytes, p.unsealed = c.follower.Bytes()
	p.bytes += p.unsealed
	p.uptimes = verifier.Uptimes(e.Window, e.Seen, e.Beats, e.Policy.MinVantages)
	misses := verifier.Misses(e)
	p.tally = verifier.NewTally(e, misses)
	p.forecast = verifier.NewForecast(e, p.uptimes, misses)
	p.forecast.Warnings = c.warnings(p, now)
	p.report = report.New(e, report.Evidence{}, "")
	return p, nil
}

// silentSlots is after how many slots without an entry something is wrong.
const silentSlots = 3

// warnings returns a picture's warnings and, if nothing is written although the trial is not over, says so.
func (c *course) warnings(p picture, now time.Time) []verifier.Warning {
	all := slices.DeleteFunc(slices.Clone(p.forecast.Warnings), func(w verifier.Warning) bool { return w.Kind == verifier.WarnSilence })
	quiet := now.Sub(c.seen.last)
	if c.seen.begins.IsZero() || c.seen.stopped || quiet < max(silentSlots*time.Duration(c.trial.Slot), chainAtMost) {
		return all
	}
	return append(all, verifier.Warning{Kind: verifier.WarnSilence, Says: fmt.Sprintf(
		"Nothing was written for %s: is vspverify run at work?", brief(quiet))})
}

// alarms tells of warnings as they begin and end, each once.
type alarms struct {
	log    *slog.Logger
	active map[[2]string]verifier.Warning // by kind and subject
}

func (a *alarms) update(warnings []verifier.Warning) {
	now := make(map[[2]string]verifier.Warning, len(warnings))
	for _, w := range warnings {
		key := [2]string{w.Kind, w.Subject}
		if _, twice := now[key]; twice {
			continue
		}
		now[key] = w
		if before, ok := a.active[key]; !ok || w.Lost && !before.Lost {
			a.log.Warn(w.Says, "warning", w.Kind, "about", cmp.Or(w.Subject, "trial"), "row", w.Row, "lost", w.Lost)
		}
	}
	for key, w := range a.active {
		if _, still := now[key]; !still {
			a.log.Info("no longer: "+w.Says, "warning", w.Kind, "about", cmp.Or(w.Subject, "trial"), "row", w.Row)
		}
	}
	a.active = now
}
