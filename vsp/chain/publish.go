package chain

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrjson/v4"
	"github.com/decred/dcrd/wire"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc"
)

// A node answers every broken rule with the same code, so its text must tell what kind of rule it was (dcrd
// internal/mempool/mempool.go and policy.go, internal/blockchain/validate.go).
var (
	orphan = []string{"orphan transaction"}

	// A rule of another kind is kept sooner or later without the transaction changing.
	passing = []string{
		"before required maturity",         // an input is too young
		"sequence locks on inputs not met", // the same, asked for by the transaction itself
		"is not finalized",                 // its lock time is to come
		"spends current mixpool pair",      // its inputs are promised to a mix that is under way
		"meet stake difficulty",            // a ticket's price, which changes from window to window
		"not valid until block height",     // votes and revocations on a chain that is too young
	}
)

// Publish sends a transaction to the network. It is no error if the network has it: in the mempool, or mined, also with
// its outputs spent. vsp.ErrRefused wraps the reason why it will never be taken, among them that one of its inputs was
// spent by another transaction in a block; vsp.ErrOrphan says that it spends what the node does not know, which may as
// well mean that the node is behind. Any other error says that it may be tried again as it is.
func (c *Chain) Publish(ctx context.Context, tx *wire.MsgTx) error {
	if err := c.Check(ctx); err != nil {
		return err
	}
	hash := tx.TxHash()
	sent := c.node.SendTransaction(ctx, tx)
	if sent == nil || dcrrpc.IsCode(sent, dcrrpc.CodeDuplicateTx) {
		return nil
	}
	if !dcrrpc.IsCode(sent, dcrrpc.CodeMisc) {
		return fmt.Errorf("publish %s: %w", hash, sent)
	}
	// The node calls a transaction an orphan that is mined and has all its outputs spent.
	switch _, err := c.Transaction(ctx, hash); {
	case err == nil:
		return nil
	case !errors.Is(err, vsp.ErrNoTransaction):
		return fmt.Errorf("publish %s: %w: then %w", hash, sent, err)
	}
	kind, err := c.judge(ctx, tx, sent)
	if err != nil {
		return fmt.Errorf("publish %s: %w", hash, err)
	}
	if kind != nil {
		return fmt.Errorf("publish %s: %w: %s", hash, kind, reason(sent))
	}
	return fmt.Errorf("publish %s: %w", hash, sent)
}

// judge says of what kind the node's refusal is: vsp.ErrRefused, vsp.ErrOrphan, or nil if it passes.
func (c *Chain) judge(ctx context.Context, tx *wire.MsgTx, refusal error) (kind, err error) {
	text := refusal.Error()
	if !containsAny(text, orphan) {
		if containsAny(text, passing) {
			return nil, nil
		}
		return vsp.ErrRefused, nil
	}
	for _, in := range tx.TxIn {
		gone, err := c.gone(ctx, in.PreviousOutPoint)
		if err != nil {
			return nil, err
		}
		if gone {
			return vsp.ErrRefused, nil
		}
	}
	return vsp.ErrOrphan, nil
}

// gone reports whether an output was there and is spent in the main chain, or is missing from a transaction that is in it.
func (c *Chain) gone(ctx context.Context, out wire.OutPoint) (bool, error) {
	if out.Hash == (chainhash.Hash{}) {
		return false, nil
	}
	switch from, err := c.Transaction(ctx, out.Hash); {
	case errors.Is(err, vsp.ErrNoTransaction):
		return false, nil
	case err != nil:
		return false, err
	case from.Confirmations == 0:
		return false, nil
	}
	unspent, err := c.node.Unspent(ctx, out)
	return !unspent, err
}

// reason is what the node itself said.
func reason(refusal error) string {
	var rpcErr *dcrjson.RPCError
	if errors.As(refusal, &rpcErr) {
		return rpcErr.Message
	}
	return refusal.Error()
}

func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
