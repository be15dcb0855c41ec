package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/spf13/cobra"

	"scrutineer/cmd/program"
	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/probe"
	"scrutineer/verifier/report"
	"scrutineer/vsp/dcrrpc"
)

// localVantage is the name of the vantage that the trial itself is.
const localVantage = verifier.LocalVantage

// lead is how long after the journal's first entry the first slot begins, so that it can be watched from its beginning.
const lead = 100 * time.Millisecond

// How long the last look at our own node, and then the report, may take after the trial has ended.
const (
	partingLook   = 5 * time.Second
	partingReport = 10 * time.Minute
)

func runCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Carry out a trial: watch the VSP and write down what is seen",
		Long: `run watches a VSP for as long as its trial lasts, or until SIGINT or SIGTERM, and then writes
the report. Everything seen goes to the journal first. After a kill or a crash, run it
again: it goes on where it was, and the time between counts for nobody.

Exit code 0 says that the report was written, whatever it says: vspverify report tells.
` + configHelp,
		Args: cobra.NoArgs,
	}
	path := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		t, err := load(*path)
		if err != nil {
			return program.Misuse(err)
		}
		log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))
		if err := t.run(c.Context(), log); err != nil {
			return explainFull(err, t.Journal)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "Wrote %s, %s, %s and %s in %s\n", report.TextFile, report.JSONFile, report.HTMLFile, report.SignatureFile, t.Out)
		return err
	}
	return c
}

// run watches, and writes the report.
func (t *trial) run(ctx context.Context, log *slog.Logger) error {
	watch, err := t.newSentry(log)
	if err != nil {
		return err
	}
	defer watch.close()
	if err := t.watch(ctx, watch, log); err != nil {
		watch.failed(err)
		return err
	}
	parting, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingReport)
	defer cancel()
	r, err := t.derive(parting)
	if err != nil {
		return fmt.Errorf("all that was seen is in the journal, but the report could not be derived (try vspverify report): %w", err)
	}
	if r.Window.Complete && r.Window.Planned > 0 { // one without an end may go on
		watch.over()
	}
	return t.writeReport(r)
}

// watch fills the journal until the trial is over or ctx ends.
func (t *trial) watch(ctx context.Context, with *sentry, log *slog.Logger) error {
	book, key, err := t.openJournal()
	if err != nil {
		return err
	}
	log.Info("journal", "folder", t.Journal, "public_key", key)
	record, err := t.begin(book)
	if err != nil {
		return errors.Join(err, book.Close())
	}
	seen, stop, err := t.accompany(ctx, record.Plan.Begins, with, log)
	if err != nil {
		return errors.Join(err, book.Close())
	}
	defer stop()
	node := dcrrpc.NewNode(t.node)
	defer node.Close()
	w := newWatcher(book, log, probe.NewMempool(node, localVantage, time.Now), &probe.Vantage{
		Name: localVantage, Target: t.target, Policy: t.policy, Node: node, HTTP: probe.NewHTTP(t.roots), Roots: t.roots, Controls: t.Controls, Slot: time.Duration(t.Slot), Now: time.Now})
	w.files, w.seen = t.follow(record), seen
	log.Info("trial", "target", t.target.URL, "network", t.target.Network.Name, "begins", record.Plan.Begins, "slot", time.Duration(t.Slot))
	if err := t.beforeMeasuring(w, record); err != nil {
		return errors.Join(err, book.Close())
	}
	ctx, surveyed, err := t.survey(ctx, w, record.Plan, node)
	if err != nil {
		return errors.Join(err, book.Close())
	}
	ctx, shopped := t.goShopping(ctx, book, record, log, node)
	w.ending = []func() error{surveyed, shopped}
	return errors.Join(t.watchAll(ctx, w, record), w.end(), book.Close())
}

// watchAll watches, and pulls what the vantages on other machines see.
func (t *trial) watchAll(ctx context.Context, w *watcher, record *verifier.Record) error {
	pulls, err := t.pull(ctx, w, record)
	if err != nil {
		return err
	}
	defer pulls.end()
	w.parting = pulls.finish
	plan := newSchedule(record.Plan)
	for _, o := range record.Seen {
		if o.Kind == verifier.KindNode {
			plan = plan.watched(o.At)
		}
	}
	return w.slots(ctx, plan)
}

// listener is probe.Mempool.
type listener interface {
	Keep(ctx context.Context) error
	Take() []verifier.Observation
}

// watcher looks, slot by slot, and writes down what it sees.
type watcher struct {
	book    *journal.Journal
	log     *slog.Logger
	vantage *probe.Vantage
	mempool listener
	files   []*followed
	state   map[string]verifier.Code // of each kind of probe, as last logged
	newest  journal.Block            // that our own node told of
	clock   *clock
	strayed time.Duration         // the clock, as last noted
	seen    func()                // is told of each round that was written, and does not wait; may be nil
	parting func(context.Context) // what is left to do before the end is written down; may be nil
	ending  []func() error        // come before the last entry; any may be nil
}

func newWatcher(book *journal.Journal, log *slog.Logger, mempool listener, vantage *probe.Vantage) *watcher {
	w := &watcher{book: book, log: log, mempool: mempool, vantage: vantage, state: make(map[string]verifier.Code), clock: newClock(vantage.Now)}
	vantage.Strayed = w.clock.strayed
	return w
}

// round looks once at everything. Only a round that was not interrupted gets its beat.
func (w *watcher) round(ctx context.Context) error {
	began := w.vantage.Now().UTC()
	listened, cancel := context.WithTimeout(ctx, w.vantage.Slot/10)
	if err := w.mempool.Keep(listened); err != nil && ctx.Err() == nil {
		w.log.Debug("votes are not watched", "err", err)
	}
	cancel()
	seen := w.vantage.Round(ctx)
	if ctx.Err() != nil {
		return nil
	}
	for _, o := range append(seen, w.mempool.Take()...) {
		if err := w.write(o); err != nil {
			return err
		}
	}
	if _, err := w.book.Append(verifier.EntryBeat, verifier.Beat{At: began, Vantage: w.vantage.Name}); err != nil {
		return err
	}
	if err := followAll(w.files, w.book, w.log); err != nil {
		return err
	}
	err := w.seal()
	if w.seen != nil {
		w.seen()
	}
	return err
}

// seal ends each round and so comes once a slot, as often as anybody needs a checkpoint.
func (w *watcher) seal() error {
	_, err := w.book.Seal(w.newest)
	return err
}

// write writes an observation down, and logs what changed.
func (w *watcher) write(o verifier.Observation) error {
	number, err := w.book.Append(verifier.EntryObservation, o)
	if err != nil {
		return err
	}
	if o.Kind == verifier.KindNode && o.Node != nil {
		w.newest = journal.Block{Height: o.Node.Height, Hash: chainhash.Hash(o.Node.Hash)}
	}
	if o.Kind != verifier.KindMempool && w.state[o.Kind] != o.Code {
		w.state[o.Kind] = o.Code
		w.log.Info(o.Code.Text(), "entry", number, "probe", o.Kind, "state", o.Code.State(), "detail", o.Detail)
	}
	return nil
}

// end ends whoever else writes.
func (w *watcher) end() error {
	var all error
	for _, end := range w.ending {
		if end != nil {
			all = errors.Join(all, end())
		}
	}
	return all
}

// stop writes down where our own node stands, up to where the ledger will go, and that this end is meant.
func (w *watcher) stop(ctx context.Context, over bool) error {
	if w.parting != nil {
		w.parting(ctx)
	}
	parting, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingLook)
	defer cancel()
	if err := w.end(); err != nil {
		return err
	}
	for _, o := range append(w.mempool.Take(), w.vantage.Control(parting)) {
		if err := w.write(o); err != nil {
			return err
		}
	}
	if err := followAll(w.files, w.book, w.log); err != nil {
		return err
	}
	if _, err := w.book.Append(verifier.EntryStop, struct {
		Over bool `json:"over"` // the trial lasted as long as it was to last
	}{over}); err != nil {
		return err
	}
	return w.seal()
}
