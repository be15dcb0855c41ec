package wallet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
)

// sight is what one look at a wallet has shown.
type sight struct {
	vsp.VoterState
	stuck bool // see voter
}

// confirmAfter is after which part of CheckEvery a change is looked at once more.
const confirmAfter = 4

// watch looks at the wallet every CheckEvery; once between two of these rounds as soon as the connection is lost; and once more
// soon after what it saw has changed, so that who acts on two looks need not wait for the next round.
func (v *voter) watch(ctx context.Context) {
	every := v.pool.options.CheckEvery
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for ctx.Err() == nil {
		changed := v.check(ctx)
		lost := v.rpc.Lost()
		for round := false; !round && ctx.Err() == nil; {
			var confirm <-chan time.Time
			if changed {
				confirm = time.After(every / confirmAfter)
			}
			select {
			case <-ctx.Done():
			case <-ticker.C:
				round = true
			case <-lost:
				lost, changed = nil, v.check(ctx)
			case <-confirm:
				changed = false
				v.check(ctx)
			}
		}
	}
}

// check looks once, makes known what was seen, and reports whether it has changed.
func (v *voter) check(ctx context.Context) (changed bool) {
	s, err := v.look(ctx)
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		s.Problem, s.Detail = vsp.Unreachable, err.Error()
		if remedy := dcrrpc.Remedy(err); remedy != "" {
			s.Detail = fmt.Sprintf("%s (%v)", remedy, err)
		}
	}
	before, now := v.update(s)
	if before.Problem == vsp.Locked && now.Online() {
		v.late()
	}
	if err == nil {
		v.signal()
		v.makeUp(ctx, now)
	}
	defer v.pool.looked()
	if before.Problem == now.Problem {
		return false
	}
	level := slog.LevelWarn
	if now.Online() {
		level = slog.LevelInfo
	}
	v.log.Log(ctx, level, "wallet changed", "problem", now.Problem, "before", before.Problem, "detail", now.Detail)
	return true
}

// look asks the wallet whether it can vote. Its version and its network are asked for once on each connection.
func (v *voter) look(ctx context.Context) (s sight, err error) {
	serial, err := v.rpc.Connect(ctx)
	if err != nil {
		return s, err
	}
	if serial != v.identified {
		genesis, err := v.rpc.BlockHash(ctx, 0)
		if err != nil {
			return s, err
		}
		if genesis != v.pool.profile.Params.GenesisHash {
			s.Problem, s.Detail = vsp.OtherNetwork, fmt.Sprintf("it is not on %s: see whether %s is the right address",
				v.pool.profile.Name, v.rpc.Address())
			return s, nil
		}
		versions, err := v.rpc.Versions(ctx)
		if err != nil {
			return s, err
		}
		s.Version, v.identified = versions["dcrwallet"].VersionString, serial
	}
	if s.Height, _, err = v.rpc.BestBlock(ctx); err != nil {
		return s, err
	}
	info, err := v.rpc.Info(ctx)
	if errors.Is(err, dcrrpc.ErrSilent) {
		// It knows its own tip by itself, but asks its node before it answers this.
		s.Problem, s.Detail, s.stuck = vsp.NoNode, "its node does not answer it: see whether dcrd hangs", true
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.Unlocked, s.Voting, s.NodeConnected, s.VoteVersion = info.Unlocked, info.Voting, info.DaemonConnected, info.VoteVersion
	s.Problem, s.Detail = diagnose(info)
	return s, nil
}

// diagnose returns what keeps a wallet from voting, the first that applies.
func diagnose(info dcrrpc.WalletInfo) (vsp.Problem, string) {
	switch {
	case info.SPV:
		return vsp.SPV, "it runs without a node of its own: start it with --rpcconnect, and without --spv"
	case !info.DaemonConnected:
		return vsp.NoNode, "it has lost its node: see whether dcrd runs, and takes its user and password"
	case !info.Voting:
		return vsp.NotVoting, "voting is off: start it with --enablevoting"
	case !info.Unlocked:
		return vsp.Locked, "it is locked: give it its passphrase (walletpassphrase, or --pass)"
	}
	return vsp.NoProblem, "it can vote"
}
