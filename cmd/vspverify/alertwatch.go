package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"scrutineer/alerts"
	"scrutineer/cmd/alerting"
)

// sentry tells the desk what pictures show, each slot once, across restarts too.
type sentry struct {
	duty    *alerting.Duty
	journal string // its folder, whose disk is looked at; empty: none is
	log     *slog.Logger
	told    told

	mu   sync.Mutex // guards what follows
	says string     // how the trial is, for the heartbeat's mail
}

// told is what was told already.
type told struct {
	Slots int // all before this one
	Votes voteTold
	Chain bool // votes were counted before
	Begun bool
}

// newSentry returns the alerts that a trial asks for, nil if it asks for none. They go on where the last process was.
func (t *trial) newSentry(log *slog.Logger) (*sentry, error) {
	if t.alerting == nil {
		return nil, nil
	}
	s := &sentry{journal: t.Journal, log: log}
	duty, err := alerting.NewDuty(t.alerting, func(json.RawMessage) (string, json.RawMessage) { return s.report(), nil }, log)
	if err != nil {
		return nil, fmt.Errorf("set up alerts: %w", err)
	}
	s.duty = duty
	return s, nil
}

const toldNote = "told"

// run answers the commands, until ctx ends.
func (s *sentry) run(ctx context.Context) {
	if s == nil {
		return
	}
	var group sync.WaitGroup
	group.Go(func() { s.duty.Ping(ctx) })
	if err := s.duty.Serve(ctx); err != nil {
		s.log.Error("alerts cannot be asked any more", "err", err)
	}
	group.Wait()
}

// look tells the desk what a picture shows.
func (s *sentry) look(p picture, now time.Time) {
	if s == nil {
		return
	}
	before := s.recall(p)
	all, next := sights(p, before, now)
	if free, known := alerting.Free(s.journal); known && s.journal != "" {
		all = append(all, diskSight(s.journal, free, now))
	}
	if next != before {
		s.keep(next) // first: a slot that is told twice would be two looks
	}
	for _, one := range all {
		s.tell(one)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.says = fmt.Sprintf("The trial: %s so far, after %s; %s made, %d missed.", p.report.Answer,
		brief(time.Duration(p.evidence.Window.Slots)*p.evidence.Window.Slot), number(p.tally.Voted, "vote"), p.tally.Missed())
}

// sights is all that a picture shows which was not told before, and what was told then.
func sights(p picture, before told, now time.Time) ([]sight, told) {
	all, slots := slotSights(p, before.Slots)
	next := before
	if next.Slots = slots; slots > before.Slots {
		all = append(all, right("own/watch", now, "")) // a round was written
	}
	if !next.Chain && !p.chain.at.IsZero() {
		count := newVoteCount(p)
		next.Chain, next.Votes = true, voteTold{count, count} // what was before is not ours to tell
	}
	for _, more := range [][]sight{vantageSights(p), walletSights(p), gateSights(p, now), claimSights(p, now), certificateSights(p, now),
		voteSights(p, &next.Votes, now)} {
		all = append(all, more...)
	}
	return all, next
}

// recall returns what was told, by this process or the one before. What was before alerts were asked for is not told.
func (s *sentry) recall(p picture) told {
	if s.told.Begun {
		return s.told
	}
	if json.Unmarshal(s.duty.Desk.Kept(toldNote), &s.told) != nil {
		s.keep(told{Slots: p.evidence.Window.Slots, Begun: true})
	}
	return s.told
}

func (s *sentry) keep(t told) {
	s.told = t
	if raw, err := json.Marshal(t); err == nil {
		s.duty.Desk.Keep(toldNote, raw)
	}
}

func (s *sentry) tell(one sight) {
	switch desk := s.duty.Desk; {
	case !one.bad:
		desk.Good(one.key, one.at, one.says)
	case one.sure:
		for range alerts.DefaultRules().Hold {
			desk.Bad(one.key, one.at, one.alert)
		}
	default:
		desk.Bad(one.key, one.at, one.alert)
	}
}

func (s *sentry) report() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.says
}

// failed tells that the watch could not go on. What could not be stored of it is told all the same.
func (s *sentry) failed(err error) {
	if s != nil {
		s.tell(endSight(err, time.Now()))
	}
}

// over ends all incidents: the trial has lasted as long as it was to last, and nobody looks any more.
func (s *sentry) over() {
	if s == nil {
		return
	}
	incidents, _ := s.duty.Desk.Open()
	for _, i := range incidents {
		s.duty.Desk.Withdraw(i.Key, time.Now(), "The trial is over: nobody looks any more.")
	}
}

func (s *sentry) close() {
	if s != nil {
		s.duty.Close()
	}
}
