package testnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"
)

// watch is the verifier of a scenario at work, and what it must have seen: what its relay did and when, and when it could
// not see.
type watch struct {
	*Verifier
	network *Network
	shops   bool // it has a mystery shopper
	relay   *relay
	control *site

	begins time.Time // of the first slot
	fronts []turn
	blind  []span
	drill  Drill // the one under way, if its Count is not zero
}

// turn is a fault that a relay has from a time on.
type turn struct {
	at   time.Time
	name string
}

// startWatch is the command.
func startWatch(ctx context.Context, p *play, args []string) error {
	chosen, err := options(args, "uptime", "latency", "shopper")
	if err != nil {
		return err
	}
	uptime := scenarioUptime
	if text, ok := chosen["uptime"]; ok {
		if uptime, err = strconv.ParseFloat(text, 64); err != nil {
			return errUsage
		}
	}
	latency := scenarioLatency
	if text, ok := chosen["latency"]; ok {
		if latency, err = time.ParseDuration(text); err != nil {
			return errUsage
		}
	}
	n := p.network
	w := &watch{network: n, fronts: []turn{{name: well}}}
	if err := n.StartWatch(ctx); err != nil {
		return err
	}
	if w.relay, err = startRelay(p.vsp, p.witness.URL, net.JoinHostPort(n.block.address(hostRelay), vspPort), filepath.Join(p.dir, "relay")); err != nil {
		return err
	}
	p.watch = w
	shopper, err := p.hireShopper(ctx, chosen["shopper"])
	if err != nil {
		return err
	}
	w.shops = shopper != nil
	if w.control, err = startSite(net.JoinHostPort(n.block.address(hostControl), vspPort)); err != nil {
		return err
	}
	w.Verifier, err = n.StartVerifier(ctx, p.vsp, VerifierPlan{
		Program: p.verifier, Out: filepath.Join(p.dir, "report"), Node: n.Watch, URL: w.relay.URL, CAFile: w.relay.CAFile,
		Controls: []string{"http://" + w.control.address}, Slot: scenarioSlot, Latency: latency,
		Uptime: uptime, Coverage: scenarioCoverage,
		Shopper: shopper,
	})
	return err
}

// hireShopper makes the holder's wallet the mystery shopper's, if one is to buy some tickets.
func (p *play) hireShopper(ctx context.Context, tickets string) (*Shopper, error) {
	if tickets == "" {
		return nil, nil
	}
	most, err := number(tickets)
	if err != nil {
		return nil, err
	}
	if err := p.network.StartClient(ctx, "", ""); err != nil {
		return nil, err
	}
	return &Shopper{Every: time.Second, Most: most}, p.network.Chain.fund(ctx, most)
}

// What a scenario's VSP is asked for. A trial of a minute has few slots, and a machine that is busy loses some.
const (
	scenarioUptime   = 0.9
	scenarioCoverage = 0.7
)

// end ends the verifier and all that it looks at.
func (w *watch) end(ctx context.Context) error {
	var errs []error
	if w.Verifier != nil {
		errs = append(errs, w.Alive(), w.Verifier.Stop(ctx))
	}
	if w.control != nil {
		errs = append(errs, w.control.close())
	}
	return errors.Join(append(errs, w.relay.set(fault{gone: true}))...)
}

// site is one that has nothing to do with the VSP.
type site struct {
	address string
	server  *http.Server
}

func startSite(address string) (*site, error) {
	s := &site{address: address}
	return s, s.open()
}

func (s *site) open() error {
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	s.server = &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = s.server.Serve(listener) }() // it ends with the server
	return nil
}

func (s *site) close() error { return s.server.Close() }

// front is the command: what stands before the VSP fails in some way.
func front(ctx context.Context, p *play, args []string) error {
	w := p.watch
	if len(args) != 1 && (len(args) != 4 || args[1] != "for" || args[3] != "slots") {
		return errUsage
	}
	if _, ok := faults[args[0]]; !ok {
		return fmt.Errorf("there is no fault %q", args[0])
	}
	if err := w.turn(ctx, args[0]); err != nil || len(args) == 1 {
		return err
	}
	count, err := number(args[2])
	if err != nil {
		return err
	}
	if err := w.see(ctx, count, true); err != nil {
		return err
	}
	return w.turn(ctx, well)
}

func (w *watch) turn(ctx context.Context, name string) error {
	return w.between(ctx, func() error {
		w.fronts = append(w.fronts, turn{time.Now(), name})
		return w.relay.set(faults[name])
	})
}

// record is the command.
func record(ctx context.Context, p *play, args []string) error {
	if len(args) != 0 {
		return errUsage
	}
	return p.watch.relay.record(ctx)
}
