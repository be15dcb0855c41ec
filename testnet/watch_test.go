package testnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
)

// watch is the verifier of a scenario at work, and what it must have seen: what its relay did and when, and when it could
// not see.
type watch struct {
	*Verifier
	network *Network
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
	chosen, err := options(args, "uptime")
	if err != nil {
		return err
	}
	uptime := scenarioUptime
	if text, ok := chosen["uptime"]; ok {
		if uptime, err = strconv.ParseFloat(text, 64); err != nil {
			return errUsage
		}
	}
	n := p.network
	w := &watch{network: n, fronts: []turn{{name: well}}}
	if err := n.StartWatch(ctx); err != nil {
		return err
	}
	if w.relay, err = startRelay(p.vsp, net.JoinHostPort(n.block.address(hostRelay), vspPort), filepath.Join(p.dir, "relay")); err != nil {
		return err
	}
	p.watch = w
	if w.control, err = startSite(net.JoinHostPort(n.block.address(hostControl), vspPort)); err != nil {
		return err
	}
	w.Verifier, err = n.StartVerifier(ctx, p.vsp, VerifierPlan{
		Program: p.verifier, Out: filepath.Join(p.dir, "report"), Node: n.Watch, URL: w.relay.URL, CAFile: w.relay.CAFile,
		Controls: []string{"http://" + w.control.address}, Slot: scenarioSlot, Latency: scenarioLatency,
		Uptime: uptime, Coverage: scenarioCoverage,
	})
	return err
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

// round is one that the verifier has carried out.
type watchRound struct {
	slot int
	at   time.Time // when it began
	sees bool      // it has shown that it could see
}

// rounds reads the journal as it stands.
func (w *watch) rounds() ([]watchRound, error) {
	file, err := os.Open(filepath.Join(w.Journal, journal.FileName))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []watchRound
	up := make(map[string]bool) // kinds of what was seen up since the last round
	for entries := journal.NewReader(file); ; {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		var data struct {
			Begins, At time.Time
			Kind       string
			Code       verifier.Code
		}
		if err == nil {
			err = json.Unmarshal(entry.Data, &data)
		}
		if err != nil {
			return nil, err
		}
		switch entry.Kind {
		case "start":
			w.begins = data.Begins
		case "observation":
			up[data.Kind] = up[data.Kind] || data.Code == verifier.OK
		case "beat":
			sees := up[verifier.KindNode] && up[verifier.KindControl]
			all = append(all, watchRound{slot: w.slotAt(data.At), at: data.At, sees: sees})
			clear(up)
		}
	}
}

func (w *watch) slotAt(at time.Time) int { return int(at.Sub(w.begins) / scenarioSlot) }
func (w *watch) slotBegins(slot int) time.Time {
	return w.begins.Add(time.Duration(slot) * scenarioSlot)
}

// roundPause is between two looks at the journal.
const roundPause = 50 * time.Millisecond

// until waits for what the journal shows.
func (w *watch) until(ctx context.Context, what string, cond func(all []watchRound) bool) error {
	return waitUntil(ctx, what, func(ctx context.Context) (bool, string) {
		all, err := w.rounds()
		if err != nil {
			return false, err.Error()
		}
		if cond(all) {
			return true, ""
		}
		_ = pause(ctx, roundPause)
		return false, fmt.Sprintf("%d rounds", len(all))
	})
}

// between carries out act between two rounds: after what was to be seen in one slot, and before the next slot begins. The
// verifier stands still meanwhile, so that it does not see half of it.
func (w *watch) between(ctx context.Context, act func() error) error {
	if !w.fit() {
		return act()
	}
	for {
		slot := -1
		err := w.until(ctx, "the end of a round", func(all []watchRound) bool {
			if len(all) == 0 {
				return false
			}
			slot = all[len(all)-1].slot
			return time.Now().Before(w.slotBegins(slot + 1))
		})
		if err != nil {
			return err
		}
		if err := w.Freeze(); err != nil {
			return err
		}
		intime := time.Now().Before(w.slotBegins(slot + 1))
		if intime {
			err = act()
		}
		if err := errors.Join(err, w.Thaw()); err != nil || intime {
			return err
		}
	}
}

// see waits for so many rounds that begin from now on, in which the verifier shows that it can see, or that it cannot.
func (w *watch) see(ctx context.Context, count int, sees bool) error {
	from := time.Now()
	return w.until(ctx, fmt.Sprintf("%d rounds", count), func(all []watchRound) bool {
		all = slices.DeleteFunc(all, func(r watchRound) bool { return r.at.Before(from) || r.sees != sees })
		return len(all) >= count
	})
}

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

// rounds is the command.
func rounds(ctx context.Context, p *play, args []string) error {
	if len(args) != 1 && (len(args) != 2 || args[1] != "blind") {
		return errUsage
	}
	count, err := number(args[0])
	if err != nil {
		return err
	}
	return p.watch.see(ctx, count, len(args) == 1)
}
