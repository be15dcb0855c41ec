package main

import (
	"context"
	"sync"

	"github.com/decred/dcrd/chaincfg/chainhash"

	"scrutineer/vsp/dcrrpc"
)

// holderView is whether a wallet holds a ticket.
type holderView struct {
	Name  string `json:"name"`
	Holds *bool  `json:"holds"`           // null if the wallet could not be asked
	Error string `json:"error,omitempty"` // why not
}

func (h holderView) text() string {
	switch {
	case h.Holds == nil:
		return h.Error
	case *h.Holds:
		return "holds it"
	}
	return "does not hold it"
}

// askHolders asks every wallet at once whether it holds a ticket.
func askHolders(ctx context.Context, s *settings, ticket chainhash.Hash) []holderView {
	views := make([]holderView, len(s.wallets))
	var asking sync.WaitGroup
	for i, config := range s.wallets {
		asking.Go(func() {
			views[i].Name = s.Wallet[i].Name
			config.Timeout = walletTimeout
			w := dcrrpc.NewWallet(config)
			defer w.Close()
			_, holds, err := w.VoteChoices(ctx, ticket)
			if err != nil {
				views[i].Error = trouble(err)
				return
			}
			views[i].Holds = &holds
		})
	}
	asking.Wait()
	return views
}
