package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
)

// How a vantage is asked: once a slot, less often where it does not answer, and once more before the trial's end is written
// down.
const (
	maxBackoff  = 10 // slots
	partingPull = 10 * time.Second
)

// pullers pull the journals of all vantages, each by itself: one that is slow delays no other, and never a round of ours.
type pullers struct {
	book  *journal.Journal
	log   *slog.Logger
	slot  time.Duration
	limit time.Duration // that a vantage's clock may be off
	all   []*follower

	cancel  context.CancelFunc
	running sync.WaitGroup
	end     func() // stops pulling, and waits until nobody does
}

// follower is a puller, and what was last written down of it.
type follower struct {
	puller
	last verifier.Pull
}

// pull begins to pull the vantages' journals. Which they are is written down first: by that a report finds them.
func (t *trial) pull(ctx context.Context, w *watcher, record *verifier.Record) (*pullers, error) {
	slot := time.Duration(t.Slot)
	ps := &pullers{book: w.book, log: w.log, slot: slot, limit: verifier.ClockLimit(t.policy, slot)}
	plan := record.Plan
	task := func() ([]byte, error) { return json.Marshal(t.assignment(plan)) }
	for _, v := range t.vantages {
		known := record.Witness(v.name)
		if known == nil {
			if _, err := w.book.Append(verifier.EntryWitness, verifier.Witness{Name: v.name, Key: v.journal.String()}); err != nil {
				return nil, err
			}
		}
		client, err := t.link.Client(v.link, t.dial)
		if err != nil {
			return nil, err
		}
		f := &follower{puller: puller{name: v.name, url: "https://" + v.address, client: client, key: v.journal,
			folder: mirrorFolder(t.Journal, v.name), task: task, now: w.vantage.Now}}
		if known != nil && known.Key != v.journal.String() {
			return nil, fmt.Errorf("vantage %s has another journal's key than before: give one with another key another name", v.name)
		}
		if known != nil && known.Rewritten() != nil {
			w.log.Warn("not asked any more: it contradicted itself", "vantage", v.name, "entry", known.Rewritten().Number)
			continue
		} else if known != nil && len(known.Pulls) > 0 {
			f.last = known.Pulls[len(known.Pulls)-1]
		}
		ps.all = append(ps.all, f)
	}
	ctx, ps.cancel = context.WithCancel(ctx)
	for _, f := range ps.all {
		ps.running.Go(func() { ps.follow(ctx, f) })
	}
	ps.end = sync.OnceFunc(func() {
		ps.cancel()
		ps.running.Wait()
	})
	return ps, nil
}

// follow pulls a vantage's journal again and again.
func (ps *pullers) follow(ctx context.Context, f *follower) {
	defer f.close()
	for fails := 0; ; {
		r := f.pull(ctx)
		if ctx.Err() != nil {
			return // what it looks like is our doing
		}
		if ps.note(f, r) != nil || r.Code == verifier.PullRewritten {
			return
		}
		if fails++; r.Code == verifier.PullOK {
			fails = 0
		}
		if !wait(ctx, ps.slot*time.Duration(min(1<<min(fails, 8), maxBackoff))) {
			return
		}
	}
}

// note writes a pull down that brought something or ended in another way than the one before. An error is the journal's: the
// next round of our own meets it too, and ends the trial.
func (ps *pullers) note(f *follower, r verifier.Pull) error {
	off := func(p verifier.Pull) bool { return p.ClockOff.Abs() > ps.limit }
	if r.Code == f.last.Code && r.Entries == f.last.Entries && off(r) == off(f.last) {
		return nil
	}
	number, err := ps.book.Append(verifier.EntryPull, r)
	if err != nil {
		return err
	}
	if r.Code != f.last.Code {
		level := slog.LevelInfo
		if r.Code != verifier.PullOK {
			level = slog.LevelWarn
		}
		ps.log.Log(context.Background(), level, "vantage "+f.name+" "+r.Code.Text(), "entry", number, "detail", r.Detail)
	}
	if off(r) && !off(f.last) {
		ps.log.Warn("vantage "+f.name+" has another time than we have: what it sees does not count", "entry", number, "off", r.ClockOff)
	}
	f.last = r
	return nil
}

// finish pulls all of them once more, at the same time, and then no more. The trial's end can be written down after it.
func (ps *pullers) finish(ctx context.Context) {
	ps.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingPull)
	defer cancel()
	var parting sync.WaitGroup
	for _, f := range ps.all {
		if f.last.Code == verifier.PullRewritten {
			continue
		}
		parting.Go(func() {
			defer f.close()
			if r := f.pull(ctx); ps.note(f, r) == nil && r.Code != verifier.PullOK {
				ps.log.Warn("vantage "+f.name+": what it saw last is not in the report; run again to pull it", "entries", r.Entries)
			}
		})
	}
	parting.Wait()
}
