package wallet

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
)

// voter is one voting wallet and what we know of it.
type voter struct {
	pool *Pool
	name string
	rpc  *dcrrpc.Wallet
	log  *slog.Logger
	wake chan struct{} // there may be work for supply

	// Guarded by pool.mu.
	state vsp.VoterState
	debts map[chainhash.Hash]*debt // the wanted tickets that it is not known to hold with their present choices

	lateFor int64 // height of the tip whose winners it may have been too late for, or a value below

	refused refusals

	// Watch's alone.
	identified uint64    // serial of the connection whose wallet was identified
	tip        int64     // height of its tip
	tipSeen    time.Time // when that was first seen

	// Supply's alone.
	audited   uint64    // serial of the connection on which all tickets were compared last; 0 before the first time
	auditedAt time.Time // when that was
	complaint string    // the last error logged
}

func newVoter(p *Pool, config Config) *voter {
	return &voter{
		pool:  p,
		name:  config.Name,
		rpc:   dcrrpc.NewWallet(config.RPC),
		log:   p.options.Log.With("wallet", config.Name),
		wake:  make(chan struct{}, 1),
		state: vsp.VoterState{Name: config.Name, Problem: vsp.Unseen, Since: p.options.Now().UTC()},
		debts: make(map[chainhash.Hash]*debt),
	}
}

// signal tells supply that there may be work.
func (v *voter) signal() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// present is the state as of now. Pool.mu must be held.
func (v *voter) present() vsp.VoterState {
	s := v.state
	s.Missing = len(v.debts)
	return s
}

// watch looks at the wallet every CheckEvery.
func (v *voter) watch(ctx context.Context) {
	ticker := time.NewTicker(v.pool.options.CheckEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		v.check(ctx)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// check looks once, and makes known what has changed.
func (v *voter) check(ctx context.Context) {
	s, err := v.look(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.Problem, s.Detail = vsp.Unreachable, err.Error()
	}
	before, now := v.update(s)
	if before.Problem == vsp.Locked && now.Online() {
		v.late()
	}
	if err == nil {
		v.signal()
		v.makeUp(ctx, now)
	}
	if before.Problem == now.Problem {
		return
	}
	level := slog.LevelWarn
	if now.Online() {
		level = slog.LevelInfo
	}
	v.log.Log(ctx, level, "wallet changed", "problem", now.Problem, "before", before.Problem, "detail", now.Detail)
	v.pool.options.Changed(now)
}

// update stores what was seen and returns the states before and after.
func (v *voter) update(s vsp.VoterState) (before, after vsp.VoterState) {
	now := v.pool.options.Now().UTC()
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	before = v.present()
	s.Name, s.Since = v.name, before.Since
	if s.Problem != before.Problem {
		s.Since = now
	}
	if s.Problem == vsp.Unreachable {
		s.Seen, s.Height, s.Version = before.Seen, before.Height, before.Version
	} else {
		s.Seen = now
	}
	if s.Version == "" {
		s.Version = before.Version
	}
	v.state = s
	return before, v.present()
}

// look asks the wallet whether it can vote. Its version and its network are asked for once on each connection.
func (v *voter) look(ctx context.Context) (vsp.VoterState, error) {
	var s vsp.VoterState
	serial, err := v.rpc.Connect(ctx)
	if err != nil {
		return s, err
	}
	info, err := v.rpc.Info(ctx)
	if err != nil {
		return s, err
	}
	if s.Height, _, err = v.rpc.BestBlock(ctx); err != nil {
		return s, err
	}
	if serial != v.identified {
		if s.Version, err = v.identify(ctx); err != nil {
			return s, err
		}
		v.identified = serial
	}
	s.Problem, s.Detail = diagnose(info)
	return s, nil
}

// identify returns the version of the wallet's daemon, or an error if it is on another network than we are.
func (v *voter) identify(ctx context.Context) (string, error) {
	genesis, err := v.rpc.BlockHash(ctx, 0)
	if err != nil {
		return "", err
	}
	if genesis != v.pool.profile.Params.GenesisHash {
		return "", fmt.Errorf("%s: the wallet is not on %s", v.rpc.Address(), v.pool.profile.Name)
	}
	versions, err := v.rpc.Versions(ctx)
	return versions["dcrwallet"].VersionString, err
}

// diagnose returns what keeps a wallet from voting, the first that applies.
func diagnose(info dcrrpc.WalletInfo) (vsp.Problem, string) {
	switch {
	case info.SPV:
		return vsp.SPV, "it runs without a node of its own (--spv)"
	case !info.DaemonConnected:
		return vsp.NoNode, "it has lost its node"
	case !info.Voting:
		return vsp.NotVoting, "voting is off: --enablevoting is not set"
	case !info.Unlocked:
		return vsp.Locked, "it is locked: it needs its passphrase"
	}
	return vsp.NoProblem, "it can vote"
}

// What voter.lateFor is while it is no height.
const (
	nothingLate = 0
	lateForTip  = -1 // the tip as it is at the next look
)

// late notes that the wallet became able to vote with some ticket just now: it may have won already.
func (v *voter) late() {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	v.lateFor = lateForTip
}

// settled is for how many looks a tip must have stood before its winners are recalled.
const settled = 2

// makeUp gives tickets a second chance that were drawn for the tip before the wallet could vote with them. It is a
// kindness: nobody relies on it.
//
// A node that is asked for the winners while it connects a block names those of the new block with the height of the old
// one (dcrd rpcwebsocket.go, handleRebroadcastWinners). The vote that a wallet then casts is void, and keeps the right one
// out of the mempools. So a tip must have stood for a while, when the next block is not likely just then, and where blocks
// come faster than that nothing is recalled.
func (v *voter) makeUp(ctx context.Context, state vsp.VoterState) {
	now := v.pool.options.Now()
	if state.Height != v.tip {
		v.tip, v.tipSeen = state.Height, now
	}
	stood := now.Sub(v.tipSeen) >= settled*v.pool.options.CheckEvery
	v.pool.mu.Lock()
	switch v.lateFor {
	case lateForTip:
		v.lateFor = v.tip
	case v.tip, nothingLate:
	default:
		v.lateFor = nothingLate // the wallet heard of the new tip's winners in time
	}
	recall := v.lateFor == v.tip && stood && state.Online()
	if recall {
		v.lateFor = nothingLate
	}
	v.pool.mu.Unlock()
	if !recall {
		return
	}
	if err := v.rpc.RecallWinners(ctx); err != nil && ctx.Err() == nil {
		v.log.Warn("cannot recall the winners", "err", err)
	}
}
