package wallet

import (
	"log/slog"
	"sync"
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
	state   vsp.VoterState           // without what present adds
	stuck   bool                     // its node does not answer it: it could not finish what it is asked to do
	trouble string                   // why something could not be brought when that was tried last
	debts   map[chainhash.Hash]*debt // the wanted tickets that it is not known to hold with their present choices
	lateFor int64                    // height of the tip whose winners it may have been too late for, or a value below

	policies  sync.Mutex         // held while a policy is set; see setPolicy
	refused   memory[change]     // choices that it does not know
	withdrawn memory[withdrawal] // policies that it was told to forget

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
	if s.Missing > 0 {
		s.Trouble = v.trouble
	}
	return s
}

// update stores what was seen and returns the states before and after.
func (v *voter) update(s sight) (before, after vsp.VoterState) {
	now := v.pool.options.Now().UTC()
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	before = v.present()
	s.Name, s.Since, s.Looked = v.name, before.Since, now
	if s.Problem != before.Problem {
		s.Since = now
	}
	if s.Problem == vsp.Unreachable {
		known := v.state
		known.Problem, known.Detail, known.Since, known.Looked = s.Problem, s.Detail, s.Since, now
		s.VoterState = known
	} else {
		s.Seen = now
	}
	if s.Version == "" {
		s.Version = before.Version
	}
	v.state, v.stuck = s.VoterState, s.stuck
	return before, v.present()
}

// away reports whether there is no point in bringing anything now.
func (v *voter) away() bool {
	v.pool.mu.Lock()
	defer v.pool.mu.Unlock()
	switch v.state.Problem {
	case vsp.Unseen, vsp.Unreachable, vsp.OtherNetwork:
		return true
	}
	return v.stuck
}
