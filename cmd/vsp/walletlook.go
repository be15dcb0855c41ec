package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"golang.org/x/sync/errgroup"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
)

// walletView is what one look at a voting wallet has shown.
type walletView struct {
	Name    string     `json:"name"`
	Problem string     `json:"problem"`         // empty if it can vote
	Detail  string     `json:"detail"`          // what was seen and what would help; empty if it can vote
	Since   *time.Time `json:"since,omitempty"` // when the running service saw its problem change last; nil if it cannot be asked
	Height  int64      `json:"height"`
	Version string     `json:"version"`
	Missing *int       `json:"missing"` // tickets that it should hold and does not; null if not known
	Ready   bool       `json:"ready"`   // it can vote, and is at the tip

	strangers bool // it would vote with tickets that nobody gave it
}

// lookAtWallets looks at every wallet at once.
func lookAtWallets(ctx context.Context, s *settings, held []chainhash.Hash, tell func(asked int)) []walletView {
	views := make([]walletView, len(s.wallets))
	var looking sync.WaitGroup
	var asked atomic.Int64
	for i, config := range s.wallets {
		looking.Go(func() {
			config.Timeout = walletTimeout
			w := dcrrpc.NewWallet(config)
			defer w.Close()
			views[i] = lookAt(ctx, w)
			views[i].Name = s.Wallet[i].Name
			if views[i].Problem == string(vsp.Unreachable) {
				return
			}
			missing, err := countMissing(ctx, w, held, func() { tell(int(asked.Add(1))) })
			if err != nil {
				views[i].Problem, views[i].Detail = string(vsp.Unreachable), trouble(err)
				return
			}
			views[i].Missing = &missing
		})
	}
	looking.Wait()
	return views
}

// lookAt asks a wallet whether it can vote.
func lookAt(ctx context.Context, w *dcrrpc.Wallet) (v walletView) {
	info, err := w.Info(ctx)
	if err == nil {
		v.Height, _, err = w.BestBlock(ctx)
	}
	var versions map[string]dcrrpc.Version
	if err == nil {
		versions, err = w.Versions(ctx)
	}
	if err != nil {
		v.Problem, v.Detail = string(vsp.Unreachable), trouble(err)
		return v
	}
	v.Version, v.strangers = versions["dcrwallet"].VersionString, !info.ManualTickets
	problem, detail := hindrance(info)
	v.Problem, v.Detail = string(problem), detail
	return v
}

// trouble says why a daemon could not be asked, and what to do about it where that is known.
func trouble(err error) string {
	if remedy := dcrrpc.Remedy(err); remedy != "" {
		return "cannot be asked: " + remedy
	}
	return "cannot be asked: " + err.Error()
}

// hindrance is what keeps a wallet from voting, the first that applies, with what would help.
func hindrance(info dcrrpc.WalletInfo) (vsp.Problem, string) {
	switch {
	case info.SPV:
		return vsp.SPV, "runs in SPV mode: give it a node of its own (--rpcconnect)"
	case !info.DaemonConnected:
		return vsp.NoNode, "has lost its node: see that it runs"
	case !info.Voting:
		return vsp.NotVoting, "does not vote: start it with --enablevoting"
	case !info.Unlocked:
		return vsp.Locked, "is locked: unlock it (--pass, or walletpassphrase)"
	}
	return vsp.NoProblem, ""
}

// questionsAtOnce is how many tickets a wallet is asked for at the same time: enough to hide the way there and back.
const questionsAtOnce = 8

// countMissing asks a wallet for tickets and returns how many it does not hold.
func countMissing(ctx context.Context, w *dcrrpc.Wallet, tickets []chainhash.Hash, tell func()) (int, error) {
	var missing atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(questionsAtOnce)
	for _, ticket := range tickets {
		group.Go(func() error {
			_, holds, err := w.VoteChoices(ctx, ticket)
			if err == nil && !holds {
				missing.Add(1)
			}
			tell()
			return err
		})
	}
	err := group.Wait()
	return int(missing.Load()), err
}
