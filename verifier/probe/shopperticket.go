package probe

import (
	"context"
	"errors"
	"fmt"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdscript"
	"github.com/decred/dcrd/wire"

	"scrutineer/verifier"
	"scrutineer/vsp/dcrrpc"
)

// ticket is a ticket and what can be read from it.
type ticket struct {
	parent, tx    *wire.MsgTx
	parentHex     string
	txHex         string
	voting, owner string // addresses: whose key votes, and whose key signs requests
}

func (t ticket) hash() chainhash.Hash { return t.tx.TxHash() }

// readTicket reads a ticket as it was written down, and makes sure that it is one that VSPs take.
func readTicket(e *verifier.Errand, params *chaincfg.Params) (ticket, error) {
	t := ticket{parentHex: e.Parent, txHex: e.Tx}
	var err error
	if t.parent, err = dcrrpc.DecodeTx(e.Parent); err != nil {
		return t, fmt.Errorf("read the ticket's parent: %w", err)
	}
	if t.tx, err = dcrrpc.DecodeTx(e.Tx); err != nil {
		return t, fmt.Errorf("read the ticket: %w", err)
	}
	if !stake.IsSStx(t.tx) || len(t.tx.TxIn) != 1 || len(t.tx.TxOut) != 3 {
		return t, errors.New("read the ticket: it has not one input and three outputs, as VSPs want it")
	}
	if t.tx.TxIn[0].PreviousOutPoint.Hash != t.parent.TxHash() {
		return t, errors.New("read the ticket: it is not paid for by its parent")
	}
	out := t.tx.TxOut[0]
	_, voters := stdscript.ExtractAddrs(out.Version, out.PkScript, params)
	if len(voters) != 1 {
		return t, errors.New("read the ticket: it has not one voting address")
	}
	owner, err := stake.AddrFromSStxPkScrCommitment(t.tx.TxOut[1].PkScript, params)
	if err != nil {
		return t, fmt.Errorf("read the ticket's commitment: %w", err)
	}
	t.voting, t.owner = voters[0].String(), owner.String()
	return t, nil
}

// begin buys a ticket, if the VSP takes any and the price allows.
func (s *Shopper) begin(ctx context.Context, at *verifier.NodeState) error {
	said, o := s.info(ctx)
	if o.Code != verifier.OK {
		return s.wait(ctx, o.Code, o.Detail)
	}
	if said.VspClosed {
		return s.wait(ctx, verifier.Closed, said.VspClosedMsg)
	}
	_, price, err := s.Node.StakeDifficulty(ctx)
	switch {
	case err != nil:
		return s.wait(ctx, verifier.NodeAway, err.Error())
	case price > s.Plan.MaxPrice:
		return s.wait(ctx, verifier.OverBudget, fmt.Sprintf("a ticket costs %v, the most is %v", price, s.Plan.MaxPrice))
	}
	until, enough := s.window(at.Height)
	if !enough {
		return nil
	}
	t, err := s.draft(ctx, until)
	if err != nil {
		return s.wait(ctx, verifier.WalletAway, err.Error())
	}
	if paid := dcrutil.Amount(t.tx.TxOut[0].Value); paid > s.Plan.MaxPrice {
		return s.wait(ctx, verifier.OverBudget, fmt.Sprintf("the wallet would pay %v for a ticket, the most is %v", paid, s.Plan.MaxPrice))
	}
	err = s.write(verifier.Observation{Code: verifier.OK, Node: at, Errand: &verifier.Errand{Step: verifier.StepBuy,
		Ticket: verifier.Hash(t.hash()), Parent: t.parentHex, Tx: t.txHex}})
	if err != nil {
		return err
	}
	i := len(s.Done.Registrations) - 1
	return s.advance(ctx, i, s.Done.Registrations[i], at)
}

// window returns the block from which on the next block's price is another, and whether a ticket can well be mined before: it
// goes into the block after its parent's.
func (s *Shopper) window(height int64) (until int64, enough bool) {
	const slack = 4
	size := s.Vantage.Target.Network.Params.StakeDiffWindowSize
	next := height + 1
	until = (next/size + 1) * size
	return until, until-next > slack
}

// draft lets the wallet draw up a ticket and sign it. It is void when its price does not hold any more, so that one that was
// forgotten somewhere never turns up later.
func (s *Shopper) draft(ctx context.Context, until int64) (ticket, error) {
	split, tx, err := s.Purse.DraftTicket(ctx, s.Plan.Account, until)
	if err != nil {
		return ticket{}, err
	}
	if split, err = s.Purse.Sign(ctx, split); err != nil {
		return ticket{}, err
	}
	if tx, err = s.Purse.Sign(ctx, tx, split); err != nil {
		return ticket{}, err
	}
	e := &verifier.Errand{}
	if e.Parent, err = dcrrpc.EncodeTx(split); err != nil {
		return ticket{}, err
	}
	if e.Tx, err = dcrrpc.EncodeTx(tx); err != nil {
		return ticket{}, err
	}
	return readTicket(e, s.Vantage.Target.Network.Params)
}

// errVoid says that a ticket came into no block while its price held.
var errVoid = errors.New("the ticket came into no block while its price held, and is void")

// publish makes sure that the network has a ticket, and returns the height of the block it is in, 0 if in none yet. The wallet
// forgets a ticket that has become void.
func (s *Shopper) publish(ctx context.Context, t ticket, tip int64) (mined int64, err error) {
	for _, tx := range []*wire.MsgTx{t.parent, t.tx} {
		block, known, err := s.Purse.Placed(ctx, tx.TxHash())
		if err != nil {
			return 0, err
		}
		if !known && tip >= int64(t.tx.Expiry) {
			return 0, errVoid
		}
		if !known {
			if err := s.Purse.Publish(ctx, tx); err != nil {
				return 0, err
			}
		}
		if mined, err = s.height(ctx, block); err != nil {
			return 0, err
		}
	}
	return mined, nil
}

// height returns the height of a block of the main chain, 0 for none.
func (s *Shopper) height(ctx context.Context, block chainhash.Hash) (int64, error) {
	if block == (chainhash.Hash{}) {
		return 0, nil
	}
	header, err := s.Node.Header(ctx, block)
	if err != nil {
		return 0, err
	}
	main, err := s.Node.BlockHash(ctx, int64(header.Height))
	if err != nil || main != block {
		return 0, err
	}
	return int64(header.Height), nil
}
