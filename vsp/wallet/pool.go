// Package wallet is vsp.Voters on a pool of voting wallets.
//
// Each wallet is looked after by two loops of its own: one watches whether it can vote, the other brings it what it lacks.
// No wallet waits for another, and a wallet that hangs holds up its own two loops only.
//
// What a wallet holds is believed as long as our connection to it lasts. On a new connection it may have been restored,
// replaced or emptied, so its tickets are read and compared with the wanted ones; the same is done every AuditEvery. What is
// missing is added: policies, then the voting key, the ticket with its block, and its choices on agendas where they differ.
// A key that comes after its ticket was drawn is mostly still in time: the wallet's node is asked to name the winners once
// more.
//
// An empty wallet takes ten to fifteen milliseconds for a ticket with its choices, most of it to write its database to disk;
// what the pool adds is hidden behind that.
package wallet

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/network"
)

// Config is one voting wallet.
type Config struct {
	Name string
	RPC  dcrrpc.Config // its Timeout is how late a hanging wallet is called unreachable
}

// Options is what may be left as it is.
type Options struct {
	CheckEvery time.Duration    // between two looks at a wallet; 5 s if zero
	AuditEvery time.Duration    // between two full comparisons on one connection; 10 min if zero
	Now        func() time.Time // time.Now if nil
	Log        *slog.Logger     // slog.Default if nil
}

func (o Options) complete() Options {
	if o.CheckEvery == 0 {
		o.CheckEvery = 5 * time.Second
	}
	if o.AuditEvery == 0 {
		o.AuditEvery = 10 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Pool is the voting wallets. It is safe for concurrent use.
type Pool struct {
	options Options
	chain   vsp.Chain
	profile network.Profile
	voters  []*voter // in the order of the configuration
	looks   chan struct{}

	mu      sync.Mutex // guards what follows, and the same of each voter
	edition uint64     // of the newest want
	wanted  map[chainhash.Hash]want
}

var _ vsp.Voters = (*Pool)(nil)

// want is a ticket that every wallet should hold. A later edition of the same ticket has other choices.
type want struct {
	vsp.Held
	edition uint64
}

// New returns a pool that does nothing before Run.
func New(wallets []Config, chain vsp.Chain, profile network.Profile, options Options) *Pool {
	p := &Pool{options: options.complete(), chain: chain, profile: profile, looks: make(chan struct{}, 1),
		wanted: make(map[chainhash.Hash]want)}
	for _, config := range wallets {
		p.voters = append(p.voters, newVoter(p, config))
	}
	return p
}

// Run looks after the wallets until the context ends, then closes the connections. It must be called once only.
func (p *Pool) Run(ctx context.Context) {
	var loops sync.WaitGroup
	for _, v := range p.voters {
		loops.Go(func() { v.watch(ctx) })
		loops.Go(func() { v.supply(ctx) })
	}
	loops.Wait()
	for _, v := range p.voters {
		v.rpc.Close()
	}
}

// Hold is as vsp.Voters says. Holding a ticket again as it is costs nothing.
func (p *Pool) Hold(t vsp.Held) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, held := p.wanted[t.Ticket]
	t.Choices = cloneChoices(t.Choices)
	if held {
		// No wallet can list a ticket's policies on treasury spends, so what is wanted no more must be taken back by name.
		for tspend := range old.Choices.TSpends {
			if _, ok := t.Choices.TSpends[tspend]; !ok {
				t.Choices.TSpends[tspend] = abstain
			}
		}
		if equalHeld(old.Held, t) {
			return
		}
	}
	p.edition++
	p.wanted[t.Ticket] = want{t, p.edition}
	for _, v := range p.voters {
		v.debts[t.Ticket] = &debt{}
		v.signal()
	}
}

// Release is as vsp.Voters says.
func (p *Pool) Release(ticket chainhash.Hash) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.wanted, ticket)
	for _, v := range p.voters {
		delete(v.debts, ticket)
	}
}

// Drop is as vsp.Voters says.
func (p *Pool) Drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.wanted)
	for _, v := range p.voters {
		clear(v.debts)
	}
}

// Audit believes nothing any more of what a wallet holds: until it is compared, which begins at once if the wallet answers,
// every ticket counts as missing. It returns an error if there is no wallet of that name.
func (p *Pool) Audit(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.voters, func(v *voter) bool { return v.name == name })
	if i < 0 {
		return fmt.Errorf("there is no voting wallet %q", name)
	}
	v := p.voters[i]
	for ticket := range p.wanted {
		v.debts[ticket] = &debt{}
	}
	v.signal()
	return nil
}

// Holders is as vsp.Voters says; 0 for a ticket that is not wanted.
func (p *Pool) Holders(ticket chainhash.Hash) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.wanted[ticket]; !ok {
		return 0
	}
	count := 0
	for _, v := range p.voters {
		if _, lacks := v.debts[ticket]; !lacks {
			count++
		}
	}
	return count
}

// Looks returns a channel that says that some wallet was looked at since it was read last. It is for one reader.
func (p *Pool) Looks() <-chan struct{} { return p.looks }

func (p *Pool) looked() {
	select {
	case p.looks <- struct{}{}:
	default:
	}
}

// States is as vsp.Voters says.
func (p *Pool) States() []vsp.VoterState {
	p.mu.Lock()
	defer p.mu.Unlock()
	states := make([]vsp.VoterState, len(p.voters))
	for i, v := range p.voters {
		states[i] = v.present()
	}
	return states
}

func cloneChoices(c vsp.Choices) vsp.Choices {
	clone := func(m map[string]string) map[string]string {
		if m == nil {
			return make(map[string]string)
		}
		return maps.Clone(m)
	}
	return vsp.Choices{Agendas: clone(c.Agendas), TSpends: clone(c.TSpends), Treasury: clone(c.Treasury)}
}

func equalHeld(a, b vsp.Held) bool {
	return a.PurchaseHeight == b.PurchaseHeight && a.VotingKey == b.VotingKey &&
		maps.Equal(a.Choices.Agendas, b.Choices.Agendas) && maps.Equal(a.Choices.TSpends, b.Choices.TSpends) &&
		maps.Equal(a.Choices.Treasury, b.Choices.Treasury)
}
