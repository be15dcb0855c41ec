package vsp

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"scrutineer/vsp/vspapi"
)

const (
	// lookEvery is how often node and wallets are looked at, and lookAgain how soon while new tickets are refused for what
	// was seen.
	lookEvery, lookAgain = 5 * time.Second, time.Second

	// standingTimeout is how long the node may take to say how it stands.
	standingTimeout = 4 * time.Second
)

// Health returns whether new tickets are taken, as of the last look at node and wallets. It asks nobody.
func (s *Service) Health() Health { return examine(s.Now(), s.sight.Load(), *s.gate.Load()) }

// SetGate changes what new tickets are taken on, from now on.
func (s *Service) SetGate(g Gate) {
	s.gate.Store(&g)
	wake(s.look)
}

// mustAccept refuses new tickets while something keeps us from taking them.
func (s *Service) mustAccept() error {
	if reasons := s.Health().Reasons; len(reasons) > 0 {
		return &Error{Code: vspapi.VspClosed, Message: refusalText(reasons)}
	}
	return nil
}

// refusalText is what the holder of a new ticket is told.
func refusalText(reasons []Reason) string {
	return "not taking new tickets now: " + strings.Join(texts(reasons), "; ")
}

func texts(reasons []Reason) []string {
	all := make([]string, len(reasons))
	for i, r := range reasons {
		all[i] = r.Text
	}
	return all
}

// examining looks at node and wallets until the context ends. It logs when new tickets begin to be refused, and when they
// are taken again.
func (s *Service) examining(ctx context.Context) {
	accepting := true // so that a VSP that begins closed says so
	for {
		s.lookAround(ctx)
		if ctx.Err() != nil {
			return
		}
		h := s.Health()
		if now := len(h.Reasons) == 0; now != accepting {
			accepting = now
			s.logAcceptance(ctx, h)
		}
		again := lookEvery
		if !accepting {
			again = lookAgain
		}
		select {
		case <-ctx.Done():
			return
		case <-s.look:
		case <-time.After(again):
		}
	}
}

// lookAround makes a new sight. What was last seen of a node is kept while it does not answer.
func (s *Service) lookAround(ctx context.Context) {
	seen := sight{nodeless: s.Node == nil, standing: s.sight.Load().standing}
	if s.Node != nil {
		asking, cancel := context.WithTimeout(ctx, standingTimeout)
		defer cancel()
		standing, err := s.Node.Standing(asking)
		if seen.err = err; err == nil {
			seen.standing = standing
		}
	}
	if ctx.Err() != nil {
		return // what fails then says nothing about the node
	}
	seen.voters, seen.at = s.Voters.States(), s.Now()
	s.sight.Store(&seen)
}

func (s *Service) logAcceptance(ctx context.Context, h Health) {
	if len(h.Reasons) == 0 {
		s.Log.InfoContext(ctx, "acceptance open", "wallets_ready", h.Ready)
		return
	}
	attributes := []any{slog.Any("reasons", texts(h.Reasons))}
	if h.NodeErr != nil {
		attributes = append(attributes, slog.Any("err", h.NodeErr))
	}
	s.Log.WarnContext(ctx, "acceptance closed", attributes...)
}
