package testnet

import (
	"context"
	"errors"
	"fmt"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/hdkeychain/v3"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/txscript/v4/stdscript"
)

// payment is an output on the chain.
type payment struct {
	tx     chainhash.Hash
	amount dcrutil.Amount
}

// payments is every payment on the chain, by address.
type payments map[string][]payment

func (all payments) to(addresses map[string]dcrutil.Amount) []payment {
	var found []payment
	for address := range addresses {
		found = append(found, all[address]...)
	}
	return found
}

// payments looks through the whole chain, as anybody could.
func (p *play) payments(ctx context.Context) (payments, error) {
	params := p.network.Chain.params
	tip, err := p.network.Chain.Height(ctx)
	if err != nil {
		return nil, err
	}
	all := make(payments)
	for height := int64(1); height <= tip; height++ {
		hash, err := p.network.Miner.RPC.BlockHash(ctx, height)
		if err != nil {
			return nil, err
		}
		block, err := p.network.Miner.RPC.Block(ctx, hash)
		if err != nil {
			return nil, err
		}
		for _, tx := range block.Transactions {
			for _, out := range tx.TxOut {
				if _, addresses := stdscript.ExtractAddrs(out.Version, out.PkScript, params); len(addresses) == 1 {
					to := addresses[0].String()
					all[to] = append(all[to], payment{tx.TxHash(), dcrutil.Amount(out.Value)})
				}
			}
		}
	}
	return all, nil
}

// feesOnce is the command. It knows the addresses twice: as the holders were told, and as they follow from the VSP's
// public key.
func feesOnce(ctx context.Context, p *play, args []string) error {
	if len(args) != 1 || args[0] != "once" {
		return errUsage
	}
	all, err := p.payments(ctx)
	if err != nil {
		return err
	}
	given := p.witness.given()
	if err := some(p.paid(), "acknowledged fees"); err != nil {
		return err
	}
	var errs []error
	paying := 0
	for ticket, promise := range given {
		found := all.to(promise.addresses)
		paying += len(found)
		switch {
		case len(found) > 1:
			errs = append(errs, fmt.Errorf("the holder of ticket %s has paid %d times: %v", ticket, len(found), found))
		case promise.paid && len(found) == 0:
			errs = append(errs, fmt.Errorf("the fee of ticket %s was acknowledged, and is not on the chain", ticket))
		}
		for address, amount := range promise.addresses {
			for _, payment := range all[address] {
				if payment.amount < amount {
					errs = append(errs, fmt.Errorf("ticket %s has paid %s of %s", ticket, payment.amount, amount))
				}
			}
		}
	}
	account, err := p.account(all)
	if err == nil && account != paying {
		err = fmt.Errorf("the VSP's account has got %d fees, the holders have paid %d", account, paying)
	}
	p.say("%d fees on the chain for %d acknowledged tickets", paying, len(p.paid()))
	return errors.Join(append(errs, err)...)
}

// account counts the payments to the VSP's account.
func (p *play) account(all payments) (int, error) {
	const indexes = 2000 // more than any scenario uses
	key, err := hdkeychain.NewKeyFromString(p.vsp.XPub, p.network.Chain.params)
	if err != nil {
		return 0, err
	}
	branch, err := key.Child(0)
	if err != nil {
		return 0, err
	}
	count := 0
	for index := range uint32(indexes) {
		child, err := branch.Child(index)
		if errors.Is(err, hdkeychain.ErrInvalidChild) {
			continue
		}
		if err != nil {
			return 0, err
		}
		address, err := stdaddr.NewAddressPubKeyHashEcdsaSecp256k1V0(dcrutil.Hash160(child.SerializedPubKey()), p.network.Chain.params)
		if err != nil {
			return 0, err
		}
		count += len(all[address.String()])
	}
	return count, nil
}
