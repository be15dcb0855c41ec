package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/location"
	"scrutineer/vsp/deployment"
)

// described is the operator's description of the machines, as the file beside the trial was last.
type described struct {
	mu      sync.Mutex // owns what follows
	text    string
	of      deployment.Deployment
	changed chan struct{} // closed when there is another
}

func newDescribed() *described { return &described{changed: make(chan struct{})} }

func deploymentMistake(text string) error {
	_, err := deployment.Read(text)
	return err
}

// set takes up another description, in which nothing is wrong.
func (d *described) set(text string) error {
	of, err := deployment.Read(text)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.text, d.of = text, of
	close(d.changed)
	d.changed = make(chan struct{})
	return nil
}

// get returns the description, which is empty if there was none yet, and what tells when there is another.
func (d *described) get() (of deployment.Deployment, text string, changed <-chan struct{}) {
	if d == nil { // nobody measures
		return of, "", nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.of, d.text, d.changed
}

// surveyor measures again and again how far away the hosts are, and writes each measurement down.
type surveyor struct {
	vantage   string
	key       ssh.Signer // nil: nothing is measured from here
	plan      verifier.PlacesPlan
	described *described
	book      *journal.Journal
	log       *slog.Logger
	now       func() time.Time
	troubles  map[string]location.Trouble // of each host, as last logged

	databases []string // of addresses, files
	asked     string   // the description whose addresses they were last asked for
}

// run measures at once, then whenever it is time to and whenever the description changes, until ctx ends. An error is the
// journal's.
func (s *surveyor) run(ctx context.Context) error {
	for {
		of, text, changed := s.described.get()
		if text != s.asked {
			if err := s.lookUp(of); err != nil {
				return err
			}
			s.asked = text
		}
		if err := s.measure(ctx, of); err != nil {
			return err
		}
		timer := time.NewTimer(time.Duration(s.plan.Every))
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// lookUp writes down what databases say of the hosts' addresses. One that cannot be read says nothing.
func (s *surveyor) lookUp(of deployment.Deployment) error {
	for _, path := range s.databases {
		l, err := location.LookUp(path, of.Hosts)
		if err != nil {
			s.log.Warn("a database of addresses is not asked", "err", err)
			continue
		}
		if _, err := s.book.Append(verifier.EntryLookup, l); err != nil {
			return fmt.Errorf("write down what %s says: %w", l.Database, err)
		}
	}
	return nil
}

// measure measures all hosts once. What was interrupted says nothing, and is not written down.
func (s *surveyor) measure(ctx context.Context, of deployment.Deployment) error {
	if s.key == nil || len(of.Hosts) == 0 || ctx.Err() != nil {
		return nil
	}
	looker := location.Looker{Vantage: s.vantage, Account: of.Reviewer.Account, Key: s.key, Trips: s.plan.Trips, Patience: location.DefaultPatience, Now: s.now}
	sights := looker.Look(ctx, of.Hosts)
	if ctx.Err() != nil {
		return nil
	}
	for _, sight := range sights {
		number, err := s.book.Append(verifier.EntrySight, sight)
		if err != nil {
			return fmt.Errorf("write a measurement of %s down: %w", sight.Host, err)
		}
		s.tell(number, sight)
	}
	return nil
}

// tell logs what came of a measurement, where that is another thing than before.
func (s *surveyor) tell(number int64, sight location.Sight) {
	if before, known := s.troubles[sight.Host]; known && before == sight.Trouble {
		return
	}
	s.troubles[sight.Host] = sight.Trouble
	if sight.Trouble != "" {
		s.log.Warn("host not measured", "entry", number, "host", sight.Host, "trouble", sight.Trouble, "detail", sight.Detail)
		return
	}
	trip, _ := sight.RoundTrip()
	s.log.Info("host measured", "entry", number, "host", sight.Host, "round_trip", trip)
}

// beforeMeasuring takes up the description of the machines: the one that the journal has, or that the file has become since.
func (t *trial) beforeMeasuring(w *watcher, record *verifier.Record) error {
	if t.described == nil {
		return nil
	}
	if text := record.File(verifier.FileDeployment).Text(); text != "" {
		if err := t.described.set(text); err != nil {
			return err
		}
	}
	return followAll(w.files, w.book, w.log)
}

// survey lets the surveyor go about, if there is one to be: it needs a plan, and a key or databases.
func (t *trial) survey(ctx context.Context, w *watcher, plan *verifier.PlacesPlan) (watch context.Context, ending func() error) {
	if plan == nil || t.sshKey == nil && len(t.Places.databases()) == 0 {
		return ctx, nil
	}
	return alongside(ctx, (&surveyor{vantage: localVantage, key: t.sshKey, plan: *plan, described: t.described, book: w.book, log: w.log,
		now: w.vantage.Now, troubles: map[string]location.Trouble{}, databases: t.Places.databases()}).run)
}

// alongside does something besides the rounds that writes to the journal. The context that is returned also ends when that
// could not be written any more; ending ends it, and must come before the journal's last entry.
func alongside(ctx context.Context, do func(context.Context) error) (watch context.Context, ending func() error) {
	doing, end := context.WithCancel(ctx)
	watch, fail := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		err := do(doing)
		if err != nil {
			fail()
		}
		ended <- err
	}()
	return watch, sync.OnceValue(func() error {
		end()
		err := <-ended
		fail()
		return err
	})
}
