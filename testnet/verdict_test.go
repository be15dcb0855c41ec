package testnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/verifier"
	"scrutineer/verifier/report"
)

// baseline is what a report comes to where nothing is amiss and no drill was made; every other row is UNPROVEN.
var baseline = map[string]verifier.Verdict{"TR-1": verifier.Pass}

// expectReport is the command: these rows of the report have these verdicts, and all others those of the baseline.
func expectReport(ctx context.Context, p *play, args []string) error {
	want := maps.Clone(baseline)
	for _, arg := range args {
		row, verdict, ok := strings.Cut(arg, "=")
		if !ok || !slices.ContainsFunc(verifier.Rows[:], func(r verifier.Row) bool { return r.ID == row }) {
			return errUsage
		}
		want[row] = verifier.Verdict(verdict)
	}
	return errors.Join(p.judge(ctx), p.rowsAre(want))
}

// judge lets the chain come to rest and ends the verifier. Its report's ledger must be as a plain count of the chain is, and
// the same must be derived from the journal again.
func (p *play) judge(ctx context.Context) error {
	if err := p.rest(ctx); err != nil {
		return err
	}
	if err := p.watch.Stop(ctx); err != nil {
		return err
	}
	if err := p.readReport(); err != nil {
		return err
	}
	return errors.Join(p.ledgerAgrees(), p.derivedAgain(ctx))
}

// rest makes what was decided final, and lets the verifier hear once more what the VSP says of itself.
func (p *play) rest(ctx context.Context) error {
	p.runs = false
	if err := p.network.Chain.Pause(); err != nil {
		return err
	}
	if err := p.watch.AddTickets(p.unlisted()); err != nil {
		return err
	}
	for range settleBlocks {
		if err := p.step(ctx); err != nil {
			return err
		}
	}
	if err := p.watch.addDrill(p.watch.drill, p.fates.Height); err != nil {
		return err
	}
	p.watch.drill.From = p.fates.Height + 1
	err := p.until(ctx, "the VSP at the tip", func(ctx context.Context) (bool, string) { return p.vsp.at(ctx, p.fates.Height) })
	if err != nil {
		return err
	}
	return p.watch.see(ctx, lastRounds, true)
}

// lastRounds is how often the verifier asks the VSP after all has come to rest: it does not believe one statement alone.
const lastRounds = 4

// unlisted returns the tickets that the verifier was not told of yet, and notes that it is now.
func (p *play) unlisted() []chainhash.Hash {
	var fresh []chainhash.Hash
	for _, ticket := range p.paid() {
		if !slices.Contains(p.listed, ticket) {
			fresh = append(fresh, ticket)
		}
	}
	p.listed = append(p.listed, fresh...)
	return fresh
}

func (p *play) readReport() error {
	raw, err := os.ReadFile(filepath.Join(p.watch.Out, "report.json"))
	if err != nil {
		return err
	}
	p.report = report.Report{}
	return json.Unmarshal(raw, &p.report)
}

// rowsAre makes sure that every row has the verdict that it must have.
func (p *play) rowsAre(want map[string]verifier.Verdict) error {
	var errs []error
	for _, f := range p.report.Rows {
		verdict, ok := want[f.Row]
		if !ok {
			verdict = verifier.Unproven
		}
		if f.Verdict != verdict {
			errs = append(errs, fmt.Errorf("row %s is %s, it must be %s: %s", f.Row, f.Verdict, verdict, strings.Join(f.Says, " ")))
		}
	}
	return errors.Join(append(errs, some(p.report.Rows, "rows"))...)
}

// ledgerAgrees holds the report's ledger against the plain count, ticket by ticket.
func (p *play) ledgerAgrees() error {
	raw, err := os.ReadFile(filepath.Join(p.watch.Out, "report.json"))
	if err != nil {
		return err
	}
	var a account
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	voted, revoked := p.fates.Count(p.listed)
	p.say("of %d tickets %d voted and %d were revoked", len(p.listed), voted, revoked)
	listed := p.listed
	if p.watch.shops {
		listed = a.told(listed)
	}
	return a.agrees(listed, p.fates, "")
}

// told returns those of the tickets of which the report tells what became of them, and drops the others from it. They are the
// mystery shopper's that were drawn before the VSP was bound to vote with them.
func (a *account) told(tickets []chainhash.Hash) []chainhash.Hash {
	silent := make(map[string]bool)
	for _, ticket := range a.Tickets {
		silent[ticket.Ticket] = ticket.Outcome == "unknown"
	}
	a.Tickets = slices.DeleteFunc(a.Tickets, func(t accountTicket) bool { return silent[t.Ticket] })
	return slices.DeleteFunc(slices.Clone(tickets), func(ticket chainhash.Hash) bool { return silent[ticket.String()] })
}

// derivedAgain lets a stranger check the report, who has the journal and a node.
func (p *play) derivedAgain(ctx context.Context) error {
	out, complaint, code, err := p.watch.command(ctx, p.watch.CheckArgs()...)
	if err == nil && code != 0 {
		err = fmt.Errorf("the report cannot be derived again: %s%s", out, complaint)
	}
	return err
}

// slots is the command: an endpoint was down in so many slots for each of these causes, and in no others. Which slots these
// must be follows from what the script has done.
func slots(_ context.Context, p *play, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	want := make(map[verifier.Code]int)
	for _, arg := range args[1:] {
		code, text, _ := strings.Cut(arg, "=")
		n, err := number(text)
		if err != nil || verifier.Code(code).State() != verifier.Down {
			return errUsage
		}
		want[verifier.Code(code)] = n
	}
	i := slices.IndexFunc(p.report.Uptime, func(e report.Endpoint) bool { return e.Endpoint == args[0] })
	if i < 0 {
		return fmt.Errorf("the report has no endpoint %s", args[0])
	}
	endpoint := p.report.Uptime[i]
	played, err := p.watch.played(endpoint)
	if err != nil {
		return err
	}
	told := make(map[verifier.Code]int)
	for _, cause := range endpoint.Causes {
		if cause.Code.State() == verifier.Down {
			told[cause.Code] = cause.Slots
		}
	}
	p.say("%s: %s", endpoint.Endpoint, endpoint.Ribbon)
	if !maps.Equal(told, want) || !maps.Equal(played, want) {
		return fmt.Errorf("%s was down in slots as %v; the script says %v, and what it did %v: %s", args[0], told, want, played, endpoint.Ribbon)
	}
	return nil
}

// played returns in how many slots an endpoint must have been down, by cause. The error says which slots the report has
// otherwise.
func (w *watch) played(e report.Endpoint) (map[verifier.Code]int, error) {
	all, err := w.rounds()
	if err != nil {
		return nil, err
	}
	saw := make(map[int]bool)
	for _, r := range all {
		saw[r.slot] = r.sees
	}
	down := make(map[verifier.Code]int)
	for slot, mark := range e.Ribbon {
		code := w.faultIn(slot).codes[e.Endpoint]
		want, inside, touched := '#', false, false
		if code.State() == verifier.Down {
			want = '-'
		}
		for _, b := range w.blind {
			inside = inside || b.holds(w.slotBegins(slot), w.slotBegins(slot+1))
			touched = touched || b.touches(w.slotBegins(slot), w.slotBegins(slot+1))
		}
		switch {
		case mark == '?' && (inside || touched || !saw[slot]):
		case mark != want || inside:
			err = errors.Join(err, fmt.Errorf("slot %d of %s is %c, it must be %c, or ? if the verifier was blind (%t): %s", slot, e.Endpoint, mark, want, inside, e.Ribbon))
		case mark == '-':
			down[code]++
		}
	}
	return down, err
}

// faultIn returns what ailed the front end in a slot. It changes between what is seen in two slots.
func (w *watch) faultIn(slot int) fault {
	name := well
	for _, t := range w.fronts {
		if !t.at.After(w.slotBegins(slot)) {
			name = t.name
		}
	}
	return faults[name]
}

// holds reports whether the span holds all of a time, touches whether it holds some of it. A span without an end lasts.
func (s span) holds(begin, end time.Time) bool {
	return !s.begin.After(begin) && (s.end.IsZero() || !s.end.Before(end))
}

func (s span) touches(begin, end time.Time) bool {
	return s.begin.Before(end) && (s.end.IsZero() || s.end.After(begin))
}

// misses is the command: so many misses are the operator's, and so on; all stands for every miss that a plain count has.
func misses(_ context.Context, p *play, args []string) error {
	chosen, err := options(args, "operator", "network", "unknown")
	if err != nil || len(args) == 0 {
		return errUsage
	}
	counted := 0
	for _, ticket := range p.listed {
		if fate, spent := p.fates.Of(ticket); spent && !fate.Voted && !fate.Expired {
			counted++
		}
	}
	by := p.report.Ledger.MissedBy
	got := map[string]int{"operator": by.Operator, "network": by.Network, "unknown": by.Unknown}
	for who, n := range got {
		want := 0
		if text := chosen[who]; text == "all" {
			want = counted
			err = errors.Join(err, some(make([]int, counted), "misses"))
		} else if text != "" {
			want, err = number(text)
		}
		if n != want || err != nil {
			return errors.Join(err, fmt.Errorf("%d of the %d misses are those of the %s, it must be %d: %+v", n, counted, who, want, by))
		}
	}
	return nil
}
