package vspd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
	"golang.org/x/sync/errgroup"

	"scrutineer/vsp"
)

// Store is what an import is put into.
type Store interface {
	vsp.Tickets
	vsp.AltSigners
	Position(ctx context.Context) (vsp.Position, error)
	Settle(ctx context.Context, from, p vsp.Position, found []vsp.Spend) error

	// RaiseFeeIndex has NextFeeIndex give no index of an extended public key that is not above atLeast.
	RaiseFeeIndex(ctx context.Context, xpub string, atLeast uint32) error
}

// Chain is the network as our node sees it: see vsp.Chain.
type Chain interface {
	Tip(ctx context.Context) (vsp.Tip, error)
	Block(ctx context.Context, height int64) (*wire.MsgBlock, error)
	Transaction(ctx context.Context, hash chainhash.Hash) (vsp.ChainTx, error)
}

// Report is what an import did.
type Report struct {
	Tickets    Tally  `json:"tickets"`
	Requests   Tally  `json:"requests"`
	AltSigners Tally  `json:"alt_signers"`
	Notes      []Note `json:"notes"`

	// ScanFrom is the block behind which the service will look for outcomes, ToScan how many blocks there are behind it.
	ScanFrom int64 `json:"scan_from"`
	ToScan   int64 `json:"to_scan"`
}

// Import puts what c tells of into a Store. Nothing else may write to the Store meanwhile. Cut short, at any moment, it can
// be carried out again.
func (d *Database) Import(ctx context.Context, c *Contents, into Store, chain Chain, progress Progress) (Report, error) {
	im := &importing{Database: d, store: into, chain: chain, report: c.Report()}
	err := guard(func() error { return im.run(ctx, c, progress) })
	if err != nil {
		err = fmt.Errorf("import vspd's database: %w", err)
	}
	return im.report, err
}

// writers is how many tickets are written at the same time.
const writers = 32

// importing is one Import under way.
type importing struct {
	*Database
	store Store
	chain Chain

	mu     sync.Mutex // guards report while tickets are written
	report Report
}

// count changes the report.
func (im *importing) count(change func(*Report)) {
	im.mu.Lock()
	defer im.mu.Unlock()
	change(&im.report)
}

// run does what others depend on first: no fee address may be given twice, nor an outcome be overlooked, however far it
// comes.
func (im *importing) run(ctx context.Context, c *Contents, progress Progress) error {
	for _, xpub := range slices.Sorted(maps.Keys(c.indexes)) {
		if err := im.store.RaiseFeeIndex(ctx, xpub, c.indexes[xpub]); err != nil {
			return err
		}
	}
	if err := im.setPosition(ctx, c.open); err != nil {
		return err
	}
	if err := im.takeAll(ctx, c.order, progress); err != nil {
		return err
	}
	return im.takeSigners(ctx)
}

// takeAll puts tickets into the Store, nearly in their order: some at the same time, for a Store that syncs its disk once
// for all who wait.
func (im *importing) takeAll(ctx context.Context, order []entry, progress Progress) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	err := im.readAll(ctx, order, progress, func(r Record) {
		group.Go(func() error { return im.take(ctx, r) })
	})
	if failed := group.Wait(); failed != nil {
		return failed
	}
	return err
}

func (im *importing) readAll(ctx context.Context, order []entry, progress Progress, each func(Record)) error {
	decode := im.decoder()
	for i, e := range order {
		if err := errors.Join(ctx.Err(), progress(i, len(order))); err != nil {
			return err
		}
		r, err := im.read(e.name, decode)
		if err != nil {
			return fmt.Errorf("ticket %s: %w", e.name, err) // it could be read before
		}
		each(r.Record)
	}
	return nil
}

// take puts a ticket and its changes into the Store.
func (im *importing) take(ctx context.Context, r Record) error {
	have, err := im.store.Ticket(ctx, r.Ticket.Hash)
	if errors.Is(err, vsp.ErrNoTicket) {
		if err := im.store.Insert(ctx, r.Ticket); err != nil {
			return err
		}
		im.count(func(r *Report) { r.Tickets.Taken++ })
		return im.addChanges(ctx, r.Ticket.Hash, r.Changes, nil)
	}
	if err != nil {
		return err
	}
	changes, err := im.store.Changes(ctx, r.Ticket.Hash)
	if err != nil {
		return err
	}
	return im.update(ctx, have, changes, r)
}

// update brings a ticket that is there already up to vspd's copy of it.
func (im *importing) update(ctx context.Context, have vsp.Ticket, changes []vsp.Change, r Record) error {
	added := missing(changes, r.Changes)
	im.count(func(report *Report) { report.Requests.There += len(r.Changes) - len(added) })
	merged, err := merge(have, r.Ticket, len(added) > 0)
	switch {
	case errors.Is(err, errOther):
		im.count(func(report *Report) {
			report.Tickets.Refused++
			report.Requests.Refused += len(added)
			report.Notes = append(report.Notes, Note{"ticket " + r.Ticket.Hash.String(), err.Error(), "", true})
		})
		return nil
	case err != nil:
		return err
	case len(added) == 0 && reflect.DeepEqual(merged, have):
		im.count(func(r *Report) { r.Tickets.There++ })
		return nil
	}
	im.count(func(r *Report) { r.Tickets.Updated++ })
	if len(added) == 0 {
		_, err := im.store.Update(ctx, have.Hash, func(t *vsp.Ticket) (*vsp.Change, error) {
			*t = merged
			return nil, nil
		})
		return err
	}
	return im.addChanges(ctx, have.Hash, added, &merged)
}

// addChanges stores the changes of a ticket, and the ticket itself with the first of them if it is given. Each is one
// transaction: what is missing after a crash is found missing the next time.
func (im *importing) addChanges(ctx context.Context, hash chainhash.Hash, changes []vsp.Change, ticket *vsp.Ticket) error {
	for _, c := range changes {
		_, err := im.store.Update(ctx, hash, func(t *vsp.Ticket) (*vsp.Change, error) {
			if ticket != nil {
				*t = *ticket
			}
			return &c, nil
		})
		if err != nil {
			return err
		}
		im.count(func(r *Report) { r.Requests.Taken++ })
	}
	return nil
}

func (im *importing) takeSigners(ctx context.Context) error {
	decode := im.decoder()
	for _, name := range names(im.signers) {
		s, _, err := im.readSigner(name, decode)
		if err != nil {
			continue // noted when it was looked at
		}
		err = im.store.SetAltSigner(ctx, s.ticket, s.AltSigner)
		if errors.Is(err, vsp.ErrAltSignerExists) {
			err = im.compareSigner(ctx, s)
		} else if err == nil {
			im.report.AltSigners.Taken++
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (im *importing) compareSigner(ctx context.Context, s signerOf) error {
	have, err := im.store.AltSigner(ctx, s.ticket)
	if err != nil {
		return err
	}
	if have.Address == s.Address {
		im.report.AltSigners.There++
		return nil
	}
	im.report.AltSigners.Refused++
	im.report.Notes = append(im.report.Notes, Note{"alternate signing address of ticket " + s.ticket.String(),
		"another one is set here", "", true})
	return nil
}
