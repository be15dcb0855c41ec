package testnet

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// goBlind notes that the verifier cannot see from now on.
func (w *watch) goBlind() { w.blind = append(w.blind, span{begin: time.Now()}) }

// seeAgain notes that it can.
func (w *watch) seeAgain() {
	if n := len(w.blind); n > 0 && w.blind[n-1].end.IsZero() {
		w.blind[n-1].end = time.Now()
	}
}

// A verifier that does not run sees nothing.

func (w *watch) crash(ctx context.Context) error {
	w.goBlind()
	return w.Verifier.crash(ctx)
}

// Stop lets the verifier write its report.
func (w *watch) Stop(ctx context.Context) error {
	w.goBlind()
	return w.Finish(ctx)
}

// Start returns when the verifier sees again.
func (w *watch) Start(ctx context.Context) error {
	err := w.Verifier.Start(ctx)
	w.seeAgain()
	return err
}

func (w *watch) freeze(ctx context.Context) error {
	w.goBlind()
	return w.Verifier.freeze(ctx)
}

func (w *watch) thaw(ctx context.Context) error {
	err := w.Verifier.thaw(ctx)
	w.seeAgain()
	return err
}

// What a verifier can be cut off from.
const (
	cutVerifier = "verifier" // its own network is gone
	cutSites    = "sites"    // its node has its peer, but no site can be reached
	cutWatch    = "watch-node"
)

// cut is the command.
func cut(ctx context.Context, p *play, names []string) error {
	if !slices.ContainsFunc(names, blinding) {
		return onNodes((*Node).Cut)(ctx, p, names)
	}
	if len(names) != 1 {
		return errUsage
	}
	w := p.watch
	return w.between(ctx, func() error {
		w.goBlind()
		if names[0] != cutSites {
			if err := w.network.Watch.Cut(ctx); err != nil {
				return err
			}
		}
		if names[0] == cutWatch {
			return nil
		}
		if err := w.control.close(); err != nil {
			return err
		}
		return w.relay.set(faults["refuses"])
	})
}

func blinding(name string) bool { return name == cutVerifier || name == cutSites || name == cutWatch }

// join is the command.
func join(ctx context.Context, p *play, names []string) error {
	if !slices.ContainsFunc(names, blinding) {
		return onNodes((*Node).Join)(ctx, p, names)
	}
	if len(names) != 1 {
		return errUsage
	}
	w := p.watch
	return w.between(ctx, func() error {
		if names[0] != cutSites {
			if err := w.regainPeer(ctx); err != nil {
				return err
			}
		}
		if names[0] != cutWatch {
			if err := w.control.open(); err != nil {
				return err
			}
			if err := w.relay.set(faults[w.fronts[len(w.fronts)-1].name]); err != nil {
				return err
			}
		}
		w.seeAgain()
		return nil
	})
}

// regainPeer gives the verifier's node its peer back, and waits until it has what it has missed.
func (w *watch) regainPeer(ctx context.Context) error {
	node := w.network.Watch
	if err := node.Join(ctx); err != nil {
		return err
	}
	err := waitUntil(ctx, "the verifier's node to have a peer", func(ctx context.Context) (bool, string) {
		peers, err := node.RPC.PeerCount(ctx)
		return err == nil && peers > 0, fmt.Sprintf("%d peers, error: %v", peers, err)
	})
	if err != nil {
		return err
	}
	return w.network.awaitTip(ctx, node)
}
