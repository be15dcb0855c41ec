package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/location"
	"scrutineer/vsp/dcrrpc"
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
	databases []string                    // of addresses, files
	asked     string                      // the description whose addresses they were last asked for
	site      *url.URL
	node      *dcrrpc.Node // whose peers are looked at as well; nil: none are
}

// newSurveyor returns one that looks at the trial's machines and site.
func newSurveyor(vantage string, key ssh.Signer, plan verifier.Plan, described *described) (*surveyor, error) {
	site, err := url.Parse(plan.URL)
	if err != nil {
		return nil, fmt.Errorf("read the site's URL: %w", err)
	}
	return &surveyor{vantage: vantage, key: key, plan: *plan.Places, described: described, site: site, troubles: map[string]location.Trouble{}}, nil
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
	return s.lookAtSite(ctx)
}

// lookAtSite looks once for all addresses that the site has.
func (s *surveyor) lookAtSite(ctx context.Context) error {
	look := location.SiteLooker{Vantage: s.vantage, Resolver: net.DefaultResolver, Patience: sitePatience, Now: s.now}
	found := look.Look(ctx, s.site)
	if s.node != nil {
		found.Peers = s.peers(ctx)
	}
	if ctx.Err() != nil {
		return nil
	}
	if _, err := s.book.Append(verifier.EntrySite, found); err != nil {
		return fmt.Errorf("write the site's addresses down: %w", err)
	}
	return nil
}

// peers returns the addresses of our own node's peers. Where it does not tell there are none: nothing rests on them.
func (s *surveyor) peers(ctx context.Context) []netip.Addr {
	ctx, cancel := context.WithTimeout(ctx, sitePatience)
	defer cancel()
	peers, err := s.node.Peers(ctx)
	if err != nil {
		s.log.Warn("our own node does not tell its peers", "error", err)
	}
	var all []netip.Addr
	for _, p := range peers {
		if at, err := netip.ParseAddrPort(p.Address); err == nil {
			all = append(all, at.Addr().Unmap())
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// tell logs what came of a measurement, where that is another thing than before.
func (s *surveyor) tell(number int64, sight location.Sight) {
	of := sight.Host + " through " + sight.Via
	if before, known := s.troubles[of]; known && before == sight.Trouble {
		return
	}
	s.troubles[of] = sight.Trouble
	if sight.Trouble != "" {
		s.log.Warn("host not measured", "entry", number, "host", sight.Host, "through", sight.Via, "trouble", sight.Trouble, "detail", sight.Detail)
		return
	}
	trip, _ := sight.RoundTrip()
	s.log.Info("host measured", "entry", number, "host", sight.Host, "through", sight.Via, "round_trip", trip)
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
func (t *trial) survey(ctx context.Context, w *watcher, plan verifier.Plan, node *dcrrpc.Node) (watch context.Context, ending func() error, err error) {
	if plan.Places == nil || t.sshKey == nil && len(t.Places.databases()) == 0 {
		return ctx, nil, nil
	}
	s, err := newSurveyor(localVantage, t.sshKey, plan, t.described)
	if err != nil {
		return ctx, nil, err
	}
	s.book, s.log, s.now, s.node, s.databases = w.book, w.log, w.vantage.Now, node, t.Places.databases()
	watch, ending = alongside(ctx, s.run)
	return watch, ending, nil
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
