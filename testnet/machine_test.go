package testnet

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// machine is what a script can break: a daemon, a front end, a database.
type machine interface {
	Name() string
	Start(context.Context) error
	Stop(context.Context) error
	crash(context.Context) error
	freeze(context.Context) error
	thaw(context.Context) error
}

func (d *daemon) crash(context.Context) error  { d.Kill(); return nil }
func (d *daemon) freeze(context.Context) error { return d.Freeze() }
func (d *daemon) thaw(context.Context) error   { return d.Thaw() }

// span is how long something took.
type span struct{ begin, end time.Time }

// crash is the command.
func crash(ctx context.Context, p *play, names []string) error {
	return onMachines(func(m machine, ctx context.Context) error {
		begin := time.Now()
		err := m.crash(ctx)
		p.crashes, p.crashed[m.Name()] = append(p.crashes, span{begin, time.Now()}), true
		return err
	})(ctx, p, names)
}

// machine returns what a script calls by a name.
func (p *play) machine(name string) (machine, error) {
	if name == "leader" {
		return p.leading()
	}
	if name == "verifier" && p.watch != nil {
		return p.watch, nil
	}
	if node, err := p.node(name); err == nil {
		return node, nil
	}
	if wallet, err := p.wallet(name); err == nil {
		return wallet, nil
	}
	if name == "mariadb" && p.mariadb != nil {
		return p.mariadb, nil
	}
	if p.vsp != nil {
		for _, front := range p.vsp.FrontEnds {
			if front.Name() == name {
				return front, nil
			}
		}
	}
	return nil, fmt.Errorf("there is no %s", name)
}

// node returns the front end's node, which is called node, or that of a voting wallet: node-1.
func (p *play) node(name string) (*Node, error) {
	if name == "node" {
		return p.network.FrontEnd, nil
	}
	host, err := p.host(name, "node-")
	return host.Node, err
}

// wallet returns a voting wallet: wallet-1.
func (p *play) wallet(name string) (*Wallet, error) {
	host, err := p.host(name, "wallet-")
	return host.Wallet, err
}

func (p *play) host(name, prefix string) (Host, error) {
	text, ok := strings.CutPrefix(name, prefix)
	i, err := number(text)
	if !ok || err != nil || i < 1 || i > len(p.network.Voting) {
		return Host{}, fmt.Errorf("there is no %s", name)
	}
	return p.network.Voting[i-1], nil
}

// onMachines does the same to each machine named. What touches votes is done between two blocks.
func onMachines(act func(machine, context.Context) error) func(context.Context, *play, []string) error {
	return onEach((*play).machine, act)
}

func onWallets(act func(*Wallet, context.Context) error) func(context.Context, *play, []string) error {
	return onEach((*play).wallet, act)
}

func onNodes(act func(*Node, context.Context) error) func(context.Context, *play, []string) error {
	return onEach((*play).node, act)
}

func onEach[M machine](find func(*play, string) (M, error), act func(M, context.Context) error) func(context.Context, *play, []string) error {
	return func(ctx context.Context, p *play, names []string) error {
		if len(names) == 0 {
			return errUsage
		}
		return p.network.Chain.Between(ctx, func(height int64) error {
			for _, name := range names {
				m, err := find(p, name)
				if err != nil {
					return err
				}
				if err := act(m, ctx); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return p.noteDrill(height)
		})
	}
}

// noteDrill tells the verifier how many wallets cannot vote, as those who make a drill do. What was done after a block shows
// in the next.
func (p *play) noteDrill(height int64) error {
	w := p.watch
	if w == nil {
		return nil
	}
	now := Drill{Kind: "wallets-down", From: height + 1}
	locked := 0
	for _, host := range p.network.Voting {
		switch {
		case !host.Wallet.fit():
			now.Count++
		case !host.Wallet.votes():
			locked++
		}
	}
	if now.Count == 0 && locked > 0 {
		now.Kind, now.Count = "wallets-locked", locked
	}
	was := w.drill
	if was.Kind == now.Kind && was.Count == now.Count {
		return nil
	}
	w.drill = now
	return w.addDrill(was, height)
}

// addDrill tells the verifier of a drill up to a height.
func (w *watch) addDrill(d Drill, to int64) error {
	if d.To = to; d.Count == 0 || d.To < d.From {
		return nil
	}
	return w.AddDrill(d)
}

// leading returns the front end that does the work on the chain.
func (p *play) leading() (machine, error) {
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	leads, _, err := p.leader(ctx)
	if err != nil {
		return nil, err
	}
	if leads == nil {
		return nil, errors.New("no front end leads")
	}
	return leads, nil
}
