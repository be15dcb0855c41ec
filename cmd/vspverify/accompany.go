package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"scrutineer/verifier"
	"scrutineer/verifier/metrics"
)

// companion goes along with a trial that this process carries out: it logs warnings and shows metrics. It reads the journal as
// anybody else would, so that no round waits for it, and whatever goes wrong with it is logged and no more.
type companion struct {
	course  *course
	metrics *metrics.Metrics
	alarms  alarms
	sentry  *sentry // nil: nobody is mailed of anything
	log     *slog.Logger
	pace    time.Duration
	round   chan struct{} // a round was written since the last look
}

// accompany goes along until stop is called. The journal must have begun. Who calls seen after each round has it looked at
// at once.
func (t *trial) accompany(ctx context.Context, begins time.Time, watch *sentry, log *slog.Logger) (seen, stop func(), err error) {
	c, err := newCourse(t)
	if err != nil {
		return nil, nil, err
	}
	with := newCompanion(c, begins, log)
	with.sentry = watch
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	if t.MetricsListen != "" {
		listener, err := net.Listen("tcp", t.MetricsListen)
		if err != nil {
			cancel()
			return nil, nil, fmt.Errorf("listen for metrics: %w", err)
		}
		log.Info("metrics", "address", listener.Addr())
		group.Go(func() { with.serve(ctx, listener) })
	}
	group.Go(func() { c.askChain(ctx, func() {}) })
	group.Go(func() { with.run(ctx) })
	group.Go(func() { watch.run(ctx) })
	return with.hint, func() { cancel(); group.Wait() }, nil
}

func newCompanion(c *course, begins time.Time, log *slog.Logger) *companion {
	t := c.trial
	m := metrics.New(metrics.Config{Target: t.Name, Network: t.target.Network.Name, Version: version(), Slot: time.Duration(t.Slot),
		Begins: begins, Now: time.Now, Log: log})
	c.took, c.beaten = m.Seen, m.Beaten
	return &companion{course: c, metrics: m, alarms: alarms{log: log}, log: log, pace: time.Duration(t.Slot), round: make(chan struct{}, 1)}
}

// version is that of this program, as it was built.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

// companionRest is how many times longer than a look took no other follows: a twentieth of one processor at most.
const companionRest = 19

// hint says that a round was written.
func (c *companion) hint() {
	select {
	case c.round <- struct{}{}:
	default: // that is known already
	}
}

// run looks after each round, or once a slot where nobody says so, until ctx ends.
func (c *companion) run(ctx context.Context) {
	trouble := ""
	for {
		began := time.Now()
		err := c.look(began)
		if err != nil && err.Error() != trouble {
			c.log.Warn("warnings and metrics stand still", "err", err)
		}
		trouble = ""
		if err != nil {
			trouble = err.Error()
		}
		if !wait(ctx, companionRest*time.Since(began)) {
			return
		}
		select {
		case <-time.After(c.pace):
		case <-c.round:
		case <-ctx.Done():
			return
		}
	}
}

func (c *companion) look(now time.Time) error {
	if _, err := c.course.read(); err != nil {
		return err
	}
	p, err := c.course.look(now)
	if err != nil {
		return err
	}
	c.alarms.update(p.forecast.Warnings)
	c.sentry.look(p, now)
	c.metrics.Show(metrics.Trial{Evidence: p.evidence, Uptimes: p.uptimes, Tally: p.tally, Forecast: p.forecast, Rows: p.report.Counts,
		Chain: metrics.Chain{At: p.chain.at, Took: p.chain.took, Failed: p.chain.err != nil},
		Journal: metrics.Journal{Entries: p.sum.Tree.N, Checkpoints: p.sum.Sealed.Number, Bytes: p.bytes, Unsealed: p.unsealed,
			Last: p.sum.Last}})
	return nil
}

// Limits on who scrapes.
const (
	scrapeHeaders  = 5 * time.Second
	scrapeAnswer   = 30 * time.Second
	scrapeShutdown = time.Second
)

// serve answers scrapes until ctx ends.
func (c *companion) serve(ctx context.Context, listener net.Listener) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", c.metrics.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: scrapeHeaders, ReadTimeout: scrapeHeaders, WriteTimeout: scrapeAnswer,
		ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelDebug)}
	defer context.AfterFunc(ctx, func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), scrapeShutdown)
		defer cancel()
		_ = server.Shutdown(ending) // who has not got an answer by now gets none
		_ = server.Close()
	})()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		c.log.Warn("metrics are not shown any more", "err", err)
	}
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
