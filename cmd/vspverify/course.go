package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"scrutineer/verifier"
	"scrutineer/verifier/blocks"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/report"
	"scrutineer/verifier/votes"
)

// course is a trial as it goes: its journal, read as it grows, and now and then what the chain says. It disturbs neither the
// writer nor the verdicts: all that it shows is derived anew from evidence, by the same code as the report.
type course struct {
	trial    *trial
	follower *journal.Follower
	record   *verifier.Record
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
	from, err := t.source()
	if err != nil {
		return nil, err
	}
	return &course{trial: t, follower: journal.Follow(from.folder, from.key), record: new(verifier.Record), account: t.account}, nil
}

// account draws up the ledger on our own node.
func (t *trial) account(ctx context.Context, q votes.Query) (votes.Ledger, *verifier.Census, error) {
	node := blocks.Open(t.node)
	defer node.Close()
	return account(ctx, t.target.Network.Name, q, node)
}

// read takes in what the journal has got since the last call, and reports whether that was anything.
func (c *course) read() (bool, error) {
	before := c.sum.Tree.N
	sum, err := c.follower.Next(c.take)
	c.sum = sum
	if err == nil {
		err = c.trial.owns(c.record)
	}
	if err != nil {
		return false, fmt.Errorf("read journal %s: %w", c.trial.Journal, err)
	}
	return sum.Tree.N > before, nil
}

func (c *course) take(entry journal.Entry) error {
	seen, beats := len(c.record.Seen), len(c.record.Beats)
	if err := taker(c.record)(entry); err != nil {
		return err
	}
	var o *verifier.Observation
	if len(c.record.Seen) > seen {
		o = &c.record.Seen[seen]
	}
	if o != nil && c.took != nil {
		c.took(*o)
	}
	if len(c.record.Beats) > beats && c.beaten != nil {
		c.beaten(c.record.Beats[beats], entry.At)
	}
	c.remarks.take(entry, o)
	return nil
}

// chainEvery is after how many slots the chain is asked again: ten minutes, in a trial by the clock.
const chainEvery = 10

// Bounds of how often the chain is asked, however short slots are, and of how long it may take. Our own node is also what rounds
// are measured against, so that it must have time for them.
const (
	chainAtMost  = 15 * time.Second
	chainRest    = 9 // times longer than it took
	chainTimeout = 5 * time.Minute
	chainUnknown = time.Second // until it is looked again whether there is anything to ask for
)

// askChain asks the chain, until ctx ends. It calls asked after each time.
func (c *course) askChain(ctx context.Context, asked func()) {
	for {
		wait := chainUnknown
		if c.readChain(ctx) {
			asked()
			c.mu.Lock()
			if wait = max(chainAtMost, chainEvery*time.Duration(c.trial.Slot)); c.chain.err == nil {
				wait = max(wait, chainRest*c.chain.took)
			}
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
	if !c.record.Begun() {
		return picture{}, errors.New("the journal is empty: nothing was seen yet")
	}
	record := *c.record
	record.Seen, record.Beats = slices.Clone(record.Seen), slices.Clone(record.Beats) // who has an older picture still reads it
	record.Places.Passages = slices.Clone(record.Places.Passages)
	if err := readMirrors(c.trial.Journal, &record); err != nil {
		return picture{}, err
	}
	e := record.Evidence()
	places, err := report.ReadPlaces(&record)
	if err != nil {
		return picture{}, err
	}
	c.mu.Lock()
	if query, known := c.record.Query(); known {
		c.query = query
	}
	chain := c.chain
	c.mu.Unlock()
	e.Ledger, e.Census = record.Held(chain.ledger), chain.census
	p := picture{evidence: e, chain: chain, sum: c.sum, remarks: c.remarks.list}
	p.bytes, p.unsealed = c.follower.Bytes()
	p.bytes += p.unsealed
	p.uptimes = verifier.Uptimes(e.Window, e.Seen, e.Beats, e.Policy.MinVantages)
	misses := verifier.Misses(e)
	p.tally = verifier.NewTally(e, misses)
	p.forecast = verifier.NewForecast(e, p.uptimes, misses)
	p.forecast.Warnings = c.warnings(p, now)
	p.report = report.New(e, places, report.Evidence{})
	return p, nil
}

// After how many slots without an entry something is wrong, and after how long at least.
const (
	silentSlots   = 3
	silentAtLeast = 5 * time.Second
)

// warnings returns a picture's warnings and, if nothing is written although the trial is not over, says so.
func (c *course) warnings(p picture, now time.Time) []verifier.Warning {
	all := slices.DeleteFunc(slices.Clone(p.forecast.Warnings), func(w verifier.Warning) bool { return w.Kind == verifier.WarnSilence })
	quiet := now.Sub(c.record.Last)
	if !c.record.Begun() || c.record.Stopped || quiet < max(silentSlots*time.Duration(c.trial.Slot), silentAtLeast) {
		return all
	}
	return append(all, verifier.Warning{Kind: verifier.WarnSilence, Says: fmt.Sprintf(
		"Nothing was written for %s: is vspverify run at work?", brief(quiet))})
}
