package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/probe"
	"scrutineer/vsp/dcrrpc"
)

// entryAssignment is the kind of the entry of a vantage's journal that says what is watched from there on: an assignment.
const entryAssignment = "assignment"

// post is a vantage at work: it watches what the trial asks for, and keeps a journal of its own. What it was asked for it
// finds in there when it starts again, so that it goes on by itself.
type post struct {
	name, trial string
	folder      string
	book        *journal.Journal
	key         journal.PublicKey
	log         *slog.Logger
	now         func() time.Time
	ssh         ssh.Signer                              // nil: nothing is measured from here
	equip       func(*probe.Vantage) (listener, func()) // adds our own node; what it returns is called at the end

	seen time.Time // when the last round began; watch's own

	mu      sync.Mutex // owns what follows
	task    *assignment
	changed chan struct{} // closed when there is another task
}

// openPost opens a vantage's journal, and takes up what it was asked to watch.
func openPost(s *postSetup, key journal.Key, log *slog.Logger, now func() time.Time) (*post, error) {
	book, err := journal.Open(s.Journal, key, now)
	if err != nil {
		return nil, err
	}
	p := &post{name: s.Name, trial: s.Trial, folder: s.Journal, book: book, ssh: s.ssh, key: key.Public(), log: log, now: now, changed: make(chan struct{}),
		equip: func(v *probe.Vantage) (listener, func()) {
			node := dcrrpc.NewNode(s.node)
			v.Node = node
			return probe.NewMempool(node, s.Name, now), node.Close
		}}
	if _, err := journal.Read(s.Journal, p.key, p.remember); err != nil {
		return nil, errors.Join(err, book.Close())
	}
	return p, nil
}

// remember takes in an entry of the vantage's own journal.
func (p *post) remember(entry journal.Entry) error {
	switch entry.Kind {
	case entryAssignment:
		task, err := readAssignment(entry.Data)
		if err != nil {
			return fmt.Errorf("entry %d: %w", entry.Number, err)
		}
		p.task = &task
	case verifier.EntryObservation:
		var o verifier.Observation
		if err := json.Unmarshal(entry.Data, &o); err != nil {
			return fmt.Errorf("entry %d: decode %s: %w", entry.Number, entry.Kind, err)
		}
		if o.Kind == verifier.KindNode && o.At.After(p.seen) {
			p.seen = o.At
		}
	}
	return nil
}

// errOther says that the vantage is asked for another trial than the one that its journal is of.
var errOther = errors.New("this vantage watches another trial")

// assign asks for something to be watched from now on.
func (p *post) assign(task assignment) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if task.Plan.Name != p.trial {
		return fmt.Errorf("%w: it is %q here, and %q there", errOther, p.trial, task.Plan.Name)
	}
	if p.task != nil {
		if clash := p.task.clash(task); clash != "" {
			return fmt.Errorf("%w: %s", errOther, clash)
		}
		if changes, err := verifier.Compare(*p.task, task); err != nil || len(changes) == 0 {
			return err
		}
	}
	if _, err := p.book.Append(entryAssignment, task); err != nil {
		return err
	}
	p.task = &task
	close(p.changed)
	p.changed = make(chan struct{})
	return nil
}

// asked returns what is to be watched, nil if nothing was asked for yet, and what tells when that changes.
func (p *post) asked() (*assignment, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.task, p.changed
}

// watch does what is asked for, until ctx ends. An error is that nothing can be written down.
func (p *post) watch(ctx context.Context) error {
	for ctx.Err() == nil {
		task, changed := p.asked()
		if task == nil {
			p.log.Info("nothing is to be watched yet: the trial has not called")
		} else if err := p.carryOut(ctx, *task, changed); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return nil
}

// carryOut watches until the trial is over, another task is there, or ctx ends.
func (p *post) carryOut(ctx context.Context, task assignment, changed <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-changed:
			cancel()
		case <-ctx.Done():
		}
	}()
	vantage, err := task.vantage(p.name)
	if err != nil {
		return err
	}
	vantage.Now = p.now
	mempool, done := p.equip(vantage)
	defer done()
	p.log.Info("watching", "target", task.Plan.URL, "network", task.Plan.Network, "begins", task.Plan.Begins, "slot", vantage.Slot)
	w := newWatcher(p.book, p.log, mempool, vantage)
	plan := newSchedule(task.Plan).watched(p.seen)
	defer func() { p.seen = vantage.Now() }() // whatever slot that is in, it is not looked at again
	watched, surveyed, err := p.survey(ctx, w, task)
	if err != nil {
		return err
	}
	w.ending = []func() error{surveyed}
	return errors.Join(w.slots(watched, plan), w.end())
}

// survey lets this vantage's surveyor go about, where the trial asks for it and we have a key.
func (p *post) survey(ctx context.Context, w *watcher, task assignment) (watch context.Context, ending func() error, err error) {
	if task.Plan.Places == nil || task.Deployment == "" {
		return ctx, nil, nil
	}
	if p.ssh == nil {
		p.log.Warn("the trial asks how far away the hosts are, and there is no ssh_key to measure it with")
		return ctx, nil, nil
	}
	d := newDescribed()
	if err := d.set(task.Deployment); err != nil {
		return ctx, nil, err
	}
	s, err := newSurveyor(p.name, p.ssh, task.Plan, d)
	if err != nil {
		return ctx, nil, err
	}
	s.book, s.log, s.now = p.book, p.log, p.now
	watch, ending = alongside(ctx, s.run)
	return watch, ending, nil
}
