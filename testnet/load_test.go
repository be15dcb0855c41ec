package testnet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"scrutineer/vsp/vspapi"
)

// load is holders at work, several at once, who register tickets, ask for them and change their choices. Beside them, each
// front end is asked directly, all the time.
type load struct {
	play    *play
	more    context.Context // when it ends, no more requests are made
	end     context.CancelFunc
	workers sync.WaitGroup

	mu     sync.Mutex // owns what follows
	asked  []asked
	probes map[string]*probes // by front end
	broken error              // what keeps the load itself from being one
}

// asked is a request that was made.
type asked struct {
	span
	path string
	err  error // it was not answered, or by an internal error
}

// probes is how often a front end was asked directly.
type probes struct {
	answered int
	failed   []error
}

// probeEvery is between two questions to a front end.
const probeEvery = 20 * time.Millisecond

// putUnderLoad is the command.
func putUnderLoad(ctx context.Context, p *play, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "ends":
		return p.endLoad(ctx)
	case len(args) != 4 || args[1] != "clients" || args[3] != "tickets" || p.load != nil:
		return errUsage
	}
	clients, err := number(args[0])
	if err != nil {
		return err
	}
	count, err := number(args[2])
	if err != nil {
		return err
	}
	tickets, err := p.holder.buy(ctx, count)
	if err != nil {
		return err
	}
	// It outlives the command.
	more, end := context.WithCancel(context.Background())
	p.load = &load{play: p, more: more, end: end, probes: make(map[string]*probes)}
	share := (count + clients - 1) / clients
	for own := range slices.Chunk(tickets, share) {
		p.load.workers.Go(func() { p.load.hold(own) })
	}
	for _, front := range p.vsp.FrontEnds {
		p.load.probes[front.Name()] = new(probes)
		p.load.workers.Go(func() { p.load.probe(front) })
	}
	return nil
}

// registerEvery is how many rounds of questions a client makes between two registrations.
const registerEvery = 5

// hold is one client, with tickets of its own: it registers one now and then, and otherwise asks how they stand and changes
// how they vote.
func (l *load) hold(own []*offered) {
	key, err := l.play.vsp.key()
	if err != nil {
		l.fail(err)
		return
	}
	client := &vspapi.Client{URL: l.play.witness.URL, PubKey: key, HTTP: patient}
	ask := l.insist(client)
	timestamp := time.Now().Unix()
	var registered []*offered
	for i := 0; l.more.Err() == nil; i++ {
		if i%registerEvery == 0 && len(registered) < len(own) {
			o := own[len(registered)]
			l.fail(l.play.holder.registerBy(context.Background(), o, ask))
			l.play.holder.note(o)
			registered = append(registered, o)
		}
		o := registered[rand.N(len(registered))]
		timestamp++
		l.fail(l.choose(ask, o, timestamp))
		l.fail(ask(context.Background(), vspapi.PathTicketStatus, vspapi.TicketStatusRequest{TicketHash: o.hash.String()}, &struct{}{}))
	}
}

// choose changes how a ticket votes. Sent again because an answer was lost, it is the second of its kind; and the ticket may
// have voted meanwhile.
func (l *load) choose(ask asker, o *offered, timestamp int64) error {
	choice := []string{"yes", "no"}[rand.N(2)]
	err := ask(context.Background(), vspapi.PathSetVoteChoices, vspapi.SetVoteChoicesRequest{Timestamp: timestamp,
		TicketHash: o.hash.String(), VoteChoices: map[string]string{theAgenda: choice}}, &struct{}{})
	if isRefusal(err, vspapi.InvalidTimestamp) || isRefusal(err, vspapi.TicketCannotVote) {
		return nil
	}
	return err
}

// insist returns a way to send a request until it is answered by yes or no, also when no more are made. It keeps account of
// each try.
func (l *load) insist(client *vspapi.Client) asker {
	return func(ctx context.Context, path string, message, result any) error {
		ctx, cancel := context.WithTimeout(ctx, testTimeout)
		defer cancel()
		for {
			begin := time.Now()
			err := l.play.holder.ask(ctx, client, path, message, result)
			l.mu.Lock()
			l.asked = append(l.asked, asked{span{begin, time.Now()}, path, unanswered(err)})
			l.mu.Unlock()
			if unanswered(err) == nil || ctx.Err() != nil {
				return err
			}
			_ = pause(ctx, retryPause)
		}
	}
}

// probe asks a front end for vspinfo all the time.
func (l *load) probe(front *FrontEnd) {
	for l.more.Err() == nil {
		_, err := front.info(l.more)
		if l.more.Err() != nil {
			return
		}
		l.mu.Lock()
		if seen := l.probes[front.Name()]; err != nil {
			seen.failed = append(seen.failed, err)
		} else {
			seen.answered++
		}
		l.mu.Unlock()
		_ = pause(l.more, probeEvery)
	}
}

func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = errors.Join(l.broken, err)
}

// endLoad ends the load, and holds it against what was done to the VSP meanwhile: a request may be lost that was under way
// to a front end that was killed, and a front end that was left alone has answered all the time.
func (p *play) endLoad(ctx context.Context) error {
	if p.load == nil {
		return errUsage
	}
	l := p.load
	p.load = nil
	l.end()
	l.workers.Wait()
	errs := []error{l.broken, p.follow(ctx)}
	lost := 0
	var took []time.Duration
	for _, a := range l.asked {
		took = append(took, a.end.Sub(a.begin))
		if a.err == nil {
			continue
		}
		lost++
		if !slices.ContainsFunc(p.crashes, func(c span) bool { return a.begin.Before(c.end) && a.end.After(c.begin) }) {
			errs = append(errs, fmt.Errorf("%s was lost between %s and %s, while nothing was killed: %w", a.path,
				a.begin.Format(time.TimeOnly), a.end.Format(time.TimeOnly), a.err))
		}
	}
	if len(took) == 0 {
		return errors.New("the load has asked for nothing")
	}
	slices.Sort(took)
	p.say("%d requests, half within %s, all but a hundredth within %s; %d were lost", len(took), took[len(took)/2].Round(time.Millisecond),
		took[len(took)*99/100].Round(time.Millisecond), lost)
	for name, seen := range l.probes {
		p.say("%s answered %d probes and failed %d", name, seen.answered, len(seen.failed))
		if !p.crashed[name] {
			errs = append(errs, seen.failed...)
		}
	}
	return errors.Join(errs...)
}

// working is the command: one front end leads, no other does, and it has looked for outcomes up to the newest block.
func working(ctx context.Context, p *play, args []string) error {
	if len(args) != 0 {
		return errUsage
	}
	before := p.fates.Height
	err := p.until(ctx, "the work on the chain to go on", func(ctx context.Context) (bool, string) {
		leads, scanned, err := p.leader(ctx)
		if err != nil || leads == nil {
			return false, fmt.Sprintf("no front end leads, error: %v", err)
		}
		return scanned >= max(before, p.fates.Height-1), fmt.Sprintf("%s leads and is at block %d of %d", leads.Name(), scanned, p.fates.Height)
	})
	if err != nil {
		return err
	}
	leads, scanned, err := p.leader(ctx)
	if err != nil || len(p.crashes) == 0 {
		return err
	}
	p.say("%s leads and is at block %d, %.1f s after the last crash", leads.Name(), scanned, time.Since(p.crashes[len(p.crashes)-1].end).Seconds())
	return nil
}
