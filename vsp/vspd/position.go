package vspd

import (
	"context"
	"errors"
	"fmt"

	"scrutineer/vsp"
)

// setPosition has the scan for outcomes begin where the first of the open tickets that are new here was bought. vspd may
// have missed any of their votes; what it has found itself is brought over. The tickets come after it, so that it is done
// again if they do not.
func (im *importing) setPosition(ctx context.Context, open []openTicket) error {
	from, err := im.store.Position(ctx)
	if err != nil {
		return err
	}
	tip, err := im.chain.Tip(ctx)
	if err != nil {
		return err
	}
	first := int64(-1)
	for _, o := range open {
		height, err := im.unscanned(ctx, o, tip)
		if err != nil {
			return fmt.Errorf("ticket %v: %w", o.hash, err)
		}
		if height >= 0 && (first < 0 || height < first) {
			first = height
		}
	}
	if first < 0 && from == (vsp.Position{}) {
		first = tip.Height // nothing was promised before
	}
	if first >= 0 && (from == (vsp.Position{}) || first < from.Height) {
		block, err := im.chain.Block(ctx, first)
		if err != nil {
			return err
		}
		p := vsp.Position{Height: first, Hash: block.BlockHash()}
		if err := im.store.Settle(ctx, from, p, nil); err != nil {
			return err
		}
		from = p
	}
	im.report.ScanFrom, im.report.ToScan = from.Height, max(tip.Height-from.Height, 0)
	return nil
}

// unscanned returns the height from which a ticket's outcome is to be looked for, at most the tip's; -1 if the scan has
// minded the ticket already.
func (im *importing) unscanned(ctx context.Context, o openTicket, tip vsp.Tip) (int64, error) {
	have, err := im.store.Ticket(ctx, o.hash)
	if err == nil && have.Fee.Status.Paid() {
		return -1, nil
	}
	if err != nil && !errors.Is(err, vsp.ErrNoTicket) {
		return 0, err
	}
	height := o.purchase
	if height == 0 {
		seen, err := im.chain.Transaction(ctx, o.hash)
		if err != nil && !errors.Is(err, vsp.ErrNoTransaction) {
			return 0, err
		}
		height = seen.Height
	}
	if height == 0 { // in no block yet
		height = tip.Height
	}
	return min(height, tip.Height), nil
}
