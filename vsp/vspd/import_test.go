package vspd

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/vsp"
	"scrutineer/vsp/storetest"
)

// store is a Store in memory.
type store struct {
	storetest.Memory
	raised map[string]uint32
}

func (s *store) RaiseFeeIndex(_ context.Context, xpub string, atLeast uint32) error {
	if s.raised == nil {
		s.raised = make(map[string]uint32)
	}
	s.raised[xpub] = max(s.raised[xpub], atLeast)
	return nil
}

// blocks is a chain of empty blocks in which some transactions are.
type blocks struct {
	height int64
	txs    map[chainhash.Hash]int64
}

func (b *blocks) position(height int64) vsp.Position {
	return vsp.Position{Height: height, Hash: b.block(height).BlockHash()}
}

func (b *blocks) block(height int64) *wire.MsgBlock {
	return &wire.MsgBlock{Header: wire.BlockHeader{Height: uint32(height)}}
}

func (b *blocks) Tip(context.Context) (vsp.Tip, error) {
	return vsp.Tip{Position: b.position(b.height)}, nil
}

func (b *blocks) Block(_ context.Context, height int64) (*wire.MsgBlock, error) {
	if height > b.height {
		return nil, vsp.ErrNoBlock
	}
	return b.block(height), nil
}

func (b *blocks) Transaction(_ context.Context, hash chainhash.Hash) (vsp.ChainTx, error) {
	height, ok := b.txs[hash]
	if !ok {
		return vsp.ChainTx{}, vsp.ErrNoTransaction
	}
	return vsp.ChainTx{Height: height}, nil
}

// bring imports a file.
func bring(t testing.TB, f *file, into Store, chain Chain) (Report, error) {
	return bringPath(t, f.write(t), into, chain)
}

// bringPath imports the database at path.
func bringPath(t testing.TB, path string, into Store, chain Chain) (Report, error) {
	d, err := Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	c, err := d.Look(t.Context(), still)
	require.NoError(t, err)
	report, err := d.Import(t.Context(), c, into, chain, still)
	if err == nil {
		for _, tally := range []Tally{report.Tickets, report.Requests, report.AltSigners} {
			require.Equal(t, tally.Read, tally.Taken+tally.Updated+tally.There+tally.Refused, "%+v", report)
		}
	}
	return report, err
}

func TestImportEverything(t *testing.T) {
	f := newFile()
	f.add(ticketFields(2, nil))
	f.add(paidFields(5, "confirmed", "voted", nil), payRequest(5, 1), choiceRequest(5, 2))
	f.add(paidFields(4, "confirmed", "", bucketOf{"FeeAddressXPubID": u32(0), "FeeAddressIndex": u32(77)}), payRequest(4, 3))
	f.add(paidFields(9, "received", "", bucketOf{"PurchaseHeight": {1}}), payRequest(9, 3)) // cannot be read
	f.changes[ticketHash(50).String()] = bucketOf{string(u32(0)): changeRecord(payRequest(50, 1), 1)}
	f.signers[ticketHash(5).String()] = signerFields(address(500))
	f.signers[ticketHash(60).String()] = signerFields(address(501)) // not registered
	f.signers[ticketHash(61).String()] = signerFields("hunter2")
	f.signers["x"] = signerFields(address(502))

	d := f.open(t)
	c := look(t, d)
	require.Equal(t, vsp.Counts{Voting: 1, Voted: 1}, c.Counts)
	require.Equal(t, 1, c.Unpaid)
	s := &store{}
	report, err := d.Import(t.Context(), c, s, &blocks{height: 200}, still)
	require.NoError(t, err)
	require.Equal(t, Tally{Read: 4, Taken: 3, Refused: 1}, report.Tickets)
	require.Equal(t, Tally{Read: 5, Taken: 3, Refused: 2}, report.Requests)
	require.Equal(t, Tally{Read: 4, Taken: 2, Refused: 2}, report.AltSigners)
	require.Len(t, report.Notes, 4)
	for _, n := range report.Notes {
		require.True(t, n.Refused)
	}

	decode := d.decoder()
	tickets, err := s.Select(t.Context(), vsp.Filter{})
	require.NoError(t, err)
	require.Len(t, tickets, 3)
	var order []string
	for _, e := range c.order {
		order = append(order, e.name)
	}
	require.Equal(t, []string{ticketHash(4).String(), ticketHash(2).String(), ticketHash(5).String()}, order,
		"as they were registered: those of the older key first, then by index")
	for _, n := range []int{4, 2, 5} {
		want, err := d.read(ticketHash(n).String(), decode)
		require.NoError(t, err)
		require.Contains(t, tickets, want.Ticket)
		changes, err := s.Changes(t.Context(), ticketHash(n))
		require.NoError(t, err)
		require.Equal(t, want.Changes, changes)
	}
	require.Equal(t, map[string]uint32{xpub(0): 77, xpub(1): 7}, s.raised, "the last index that was given, whoever knows of it")
	for n, want := range map[int]string{5: address(500), 60: address(501)} {
		signer, err := s.AltSigner(t.Context(), ticketHash(n))
		require.NoError(t, err)
		require.Equal(t, want, signer.Address)
		require.Equal(t, vsp.Change{Request: []byte(choiceRequest(1, 1)), Signature: "sig", Answered: 7}, signer.Change)
	}
}

func signerFields(address string) bucketOf {
	request := choiceRequest(1, 1)
	return bucketOf{"altsig": []byte(address), "req": []byte(request), "reqsig": []byte("sig"), "res": []byte(answerTo(request, 7)), "ressig": []byte("AA")}
}

// TestScanBegins checks from which block outcomes are looked for.
func TestScanBegins(t *testing.T) {
	const tip = 200
	chain := &blocks{height: tip, txs: map[chainhash.Hash]int64{ticketHash(1): 50, ticketHash(2): 0}}
	here := func(n int, status vsp.FeeStatus) vsp.Ticket {
		return vsp.Ticket{Hash: ticketHash(n), Commitment: address(1000 + n), Fee: vsp.Fee{Address: address(n), Status: status}}
	}
	unconfirmed := bucketOf{"Confirmed": {0}, "PurchaseHeight": i64(0)}
	tests := []struct {
		name    string
		fields  []bucketOf
		here    []vsp.Ticket
		from    int64 // 0: no position yet
		want    int64
		settles bool
	}{
		{"nothing is open", []bucketOf{paidFields(5, "confirmed", "voted", nil), ticketFields(6, nil), paidFields(7, "error", "", nil)}, nil, 0, tip, true},
		{"the first one's purchase", []bucketOf{paidFields(5, "confirmed", "", nil), paidFields(3, "broadcast", "", nil)}, nil, 0, 103, true},
		{"revoked ones too", []bucketOf{paidFields(5, "confirmed", "revoked", nil)}, nil, 0, 105, true},
		{"unconfirmed, but in a block", []bucketOf{paidFields(1, "received", "", unconfirmed)}, nil, 0, 50, true},
		{"in the mempool", []bucketOf{paidFields(2, "received", "", unconfirmed)}, nil, 0, tip, true},
		{"unknown to the node", []bucketOf{paidFields(3, "received", "", unconfirmed)}, nil, 0, tip, true},
		{"ahead of the node", []bucketOf{paidFields(150, "confirmed", "", nil)}, nil, 0, tip, true},
		{"scanned beyond it", []bucketOf{paidFields(5, "confirmed", "", nil)}, nil, 150, 105, true},
		{"not scanned so far", []bucketOf{paidFields(5, "confirmed", "", nil)}, nil, 90, 90, false},
		{"all are here", []bucketOf{paidFields(5, "confirmed", "", nil)}, []vsp.Ticket{here(5, vsp.FeeConfirmed)}, 150, 150, false},
		{"it was not paid for here", []bucketOf{paidFields(5, "confirmed", "", nil)}, []vsp.Ticket{here(5, vsp.FeeNone)}, 150, 105, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFile()
			for _, fields := range test.fields {
				f.add(fields)
			}
			s := &store{}
			for _, ticket := range test.here {
				require.NoError(t, s.Insert(t.Context(), ticket))
			}
			if test.from > 0 {
				require.NoError(t, s.Settle(t.Context(), vsp.Position{}, chain.position(test.from), nil))
			}
			var settled atomic.Bool
			s.Fail = func(op string) (bool, error) {
				assert.False(t, op == "Settle" && settled.Swap(true), "one is enough")
				assert.False(t, op == "Insert" && test.settles && !settled.Load(), "a ticket comes before its position")
				return true, nil
			}
			report, err := bring(t, f, s, chain)
			require.NoError(t, err)
			require.Equal(t, test.settles, settled.Load())
			p, err := s.Position(t.Context())
			require.NoError(t, err)
			require.Equal(t, chain.position(test.want), p)
			require.Equal(t, test.want, report.ScanFrom)
			require.EqualValues(t, tip-test.want, report.ToScan)
		})
	}
}

// TestIndexesComeFirst: whatever an import comes to, no fee address is given twice.
func TestIndexesComeFirst(t *testing.T) {
	f := newFile()
	f.add(ticketFields(2, nil))
	s := &store{}
	s.Fail = func(string) (bool, error) { return false, errCrash }
	_, err := bring(t, f, s, &blocks{})
	require.ErrorIs(t, err, errCrash)
	require.Equal(t, map[string]uint32{xpub(0): 40, xpub(1): 7}, s.raised)
}

func TestAnotherAltSigner(t *testing.T) {
	f := newFile()
	f.signers[ticketHash(5).String()] = signerFields(address(500))
	s := &store{}
	require.NoError(t, s.SetAltSigner(t.Context(), ticketHash(5), vsp.AltSigner{Address: address(7)}))
	report, err := bring(t, f, s, &blocks{})
	require.NoError(t, err)
	require.Equal(t, Tally{Read: 1, Refused: 1}, report.AltSigners)
	require.Len(t, report.Notes, 1)
}

func TestImportEnds(t *testing.T) {
	f := newFile()
	f.add(ticketFields(2, nil))
	f.add(ticketFields(3, nil))
	d := f.open(t)
	c := look(t, d)
	stop := errors.New("the lease is lost")
	at := func(n int) Progress {
		return func(done, total int) error {
			require.Equal(t, 2, total)
			if done == n {
				return stop
			}
			return nil
		}
	}
	_, err := d.Look(t.Context(), at(1))
	require.ErrorIs(t, err, stop)
	s := &store{}
	_, err = d.Import(t.Context(), c, s, &blocks{}, at(1))
	require.ErrorIs(t, err, stop)
	_, err = s.Ticket(t.Context(), ticketHash(2))
	require.NoError(t, err, "what was done before is done")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Look(ctx, still)
	require.ErrorIs(t, err, context.Canceled)
	_, err = d.Import(ctx, c, s, &blocks{}, still)
	require.ErrorIs(t, err, context.Canceled)
}

var errCrash = errors.New("crash")

// life is how far a ticket is in vspd.
type life struct {
	stage    int // see fields
	requests int // for choices
}

// stages is how vspd stores a ticket in the course of its life.
var stages = []func(n int) bucketOf{
	nil, // not registered
	func(n int) bucketOf { return ticketFields(n, nil) },
	func(n int) bucketOf {
		return paidFields(n, "received", "", bucketOf{"Confirmed": {0}, "PurchaseHeight": i64(0)})
	},
	func(n int) bucketOf { return paidFields(n, "received", "", nil) },
	func(n int) bucketOf { return paidFields(n, "broadcast", "", nil) },
	func(n int) bucketOf { return paidFields(n, "confirmed", "", nil) },
	func(n int) bucketOf { return paidFields(n, "confirmed", "missed", nil) },
}

const stagePaid = 2

func snapshot(lives []life) *file {
	f := newFile()
	for n, l := range lives {
		if l.stage == 0 {
			continue
		}
		var requests []string
		if l.stage >= stagePaid {
			requests = append(requests, payRequest(n, 1))
			for i := range l.requests {
				requests = append(requests, choiceRequest(n, int64(2+i)))
			}
		}
		fields := stages[l.stage](n)
		if len(requests) > 1 {
			fields["TSpendPolicy"] = fmt.Appendf(nil, `{"%064x":"yes"}`, l.requests)
		}
		f.add(fields, requests...)
		f.signers[ticketHash(n).String()] = signerFields(address(2000 + n))
	}
	f.xpub(1, xpub(1), uint32(len(lives)), 0)
	return f
}

// TestImportsAddUp imports what vspd has at one time and at a later one, both cut short anywhere and done again. It comes
// to the same as the later one alone; and once more changes nothing.
func TestImportsAddUp(t *testing.T) {
	chain := &blocks{height: 150, txs: make(map[chainhash.Hash]int64)}
	for n := range 4 {
		chain.txs[ticketHash(n)] = int64(100 + n)
	}
	rapid.Check(t, func(r *rapid.T) {
		var early, late []life
		for range rapid.IntRange(1, 4).Draw(r, "tickets") {
			stage := rapid.IntRange(0, len(stages)-1)
			count := rapid.IntRange(0, vsp.MaxChanges-1)
			a, b := stage.Draw(r, "stage"), stage.Draw(r, "stage")
			p, q := count.Draw(r, "choices"), count.Draw(r, "choices")
			early, late = append(early, life{min(a, b), min(p, q)}), append(late, life{max(a, b), max(p, q)})
		}
		earlyPath, latePath := snapshot(early).write(t), snapshot(late).write(t)
		want := &store{}
		_, err := bringPath(t, latePath, want, chain)
		require.NoError(t, err)

		got := &store{}
		for _, path := range []string{earlyPath, latePath} {
			crash(r, got)
			if _, err := bringPath(t, path, got, chain); err != nil {
				require.ErrorIs(t, err, errCrash)
			}
			got.Fail = nil
			if rapid.Bool().Draw(r, "again") {
				_, err = bringPath(t, path, got, chain)
				require.NoError(t, err)
			}
		}
		_, err = bringPath(t, latePath, got, chain)
		require.NoError(t, err)
		require.Equal(t, dump(t, want, len(late)), dump(t, got, len(late)))
		require.Equal(t, want.raised, got.raised)
		mindsAll(t, got)

		before, err := got.Position(t.Context())
		require.NoError(t, err)
		got.Fail = func(op string) (bool, error) {
			assert.NotContains(t, []string{"Insert", "Update", "Settle"}, op, "nothing is left to do")
			return true, nil
		}
		report, err := bringPath(t, latePath, got, chain)
		require.NoError(t, err)
		require.Equal(t, report.Tickets.Read, report.Tickets.There)
		after, err := got.Position(t.Context())
		require.NoError(t, err)
		require.Equal(t, before, after)
	})
}

// crash has one operation fail, done or not, and all that follow.
func crash(r *rapid.T, s *store) {
	last := int64(rapid.IntRange(1, 60).Draw(r, "operations"))
	apply := rapid.Bool().Draw(r, "apply")
	var done atomic.Int64
	s.Fail = func(string) (bool, error) {
		switch n := done.Add(1); {
		case n < last:
			return true, nil
		case n == last:
			return apply, errCrash
		}
		return false, errCrash
	}
}

// dumped is all that is stored of a ticket.
type dumped struct {
	ticket  vsp.Ticket
	changes []vsp.Change
	signer  string
}

func dump(t testing.TB, s *store, tickets int) map[int]dumped {
	all := make(map[int]dumped)
	for n := range tickets {
		ticket, err := s.Ticket(t.Context(), ticketHash(n))
		if errors.Is(err, vsp.ErrNoTicket) {
			continue
		}
		require.NoError(t, err)
		changes, err := s.Changes(t.Context(), ticketHash(n))
		require.NoError(t, err)
		signer, err := s.AltSigner(t.Context(), ticketHash(n))
		require.NoError(t, err)
		all[n] = dumped{ticket, changes, signer.Address}
	}
	return all
}

// mindsAll checks that the scan will find the outcome of every ticket that was paid for and has none.
func mindsAll(t testing.TB, s *store) {
	p, err := s.Position(t.Context())
	require.NoError(t, err)
	open, err := s.Select(t.Context(), vsp.Filter{Outcome: []vsp.Outcome{vsp.NoOutcome},
		Fee: []vsp.FeeStatus{vsp.FeeReceived, vsp.FeeBroadcast, vsp.FeeConfirmed}})
	require.NoError(t, err)
	for _, ticket := range open {
		require.NotZero(t, p)
		if ticket.Confirmed {
			require.LessOrEqual(t, p.Height, ticket.PurchaseHeight)
		}
	}
}

// TestWhatTheServiceKnowsBetterStays has the service run between two imports of the same.
func TestWhatTheServiceKnowsBetterStays(t *testing.T) {
	f := snapshot([]life{{5, 2}, {4, 0}, {3, 0}, {1, 0}, {2, 0}})
	s, chain := &store{}, &blocks{height: 150}
	_, err := bring(t, f, s, chain)
	require.NoError(t, err)
	act := func(n int, act func(*vsp.Ticket) *vsp.Change) {
		_, err := s.Update(t.Context(), ticketHash(n), func(ticket *vsp.Ticket) (*vsp.Change, error) { return act(ticket), nil })
		require.NoError(t, err)
	}
	act(0, func(ticket *vsp.Ticket) *vsp.Change {
		ticket.Choices, ticket.ChoicesSetAt = vsp.Choices{Agendas: map[string]string{"maxtreasuryspend": "no"}}, 99
		return &vsp.Change{Request: []byte("{}"), Signature: "later", Answered: answered + 99}
	})
	act(1, func(ticket *vsp.Ticket) *vsp.Change {
		ticket.Fee.Status, ticket.Fee.Tx, ticket.Fee.Height, ticket.Outcome, ticket.SpentHeight = vsp.FeeConfirmed, nil, 120, vsp.Voted, 130
		return nil
	})
	act(2, func(ticket *vsp.Ticket) *vsp.Change { ticket.Fee.Status = vsp.FeeBroadcast; return nil })
	act(3, func(ticket *vsp.Ticket) *vsp.Change {
		ticket.Fee.Expires, ticket.Fee.Amount = ticket.Fee.Expires.Add(time.Hour), 5
		return nil
	})
	act(4, func(ticket *vsp.Ticket) *vsp.Change { ticket.Confirmed, ticket.PurchaseHeight = true, 104; return nil })
	want := dump(t, s, 5)
	report, err := bring(t, f, s, chain)
	require.NoError(t, err)
	require.Equal(t, want, dump(t, s, 5))
	require.Equal(t, Tally{Read: 5, There: 5}, report.Tickets)
}

// TestVspdKnowsBetter has vspd hear of more than an earlier import brought, beside what a snapshot can show.
func TestVspdKnowsBetter(t *testing.T) {
	paidAgain := func(n int) bucketOf {
		tx := feeTx(n)
		tx.LockTime = 7
		return bucketOf{"FeeTxHash": []byte(tx.TxHash().String()), "FeeTxHex": []byte(txHex(tx))}
	}
	tests := []struct {
		name         string
		before, then bucketOf
		heard        int // requests that vspd knows then; before it knew one
		want         vsp.FeeStatus
		other        bool // the other payment is taken
	}{
		{"paid again after a failure", paidFields(3, "error", "", nil), paidFields(3, "broadcast", "", paidAgain(3)), 2, vsp.FeeBroadcast, true},
		{"paid again, which is not on record yet", paidFields(3, "error", "", nil), paidFields(3, "received", "", paidAgain(3)), 1, vsp.FeeReceived, true},
		{"failed", paidFields(3, "received", "", nil), paidFields(3, "error", "", nil), 1, vsp.FeeError, false},
		{"failed, though it was sent", paidFields(3, "broadcast", "", nil), paidFields(3, "error", "", nil), 1, vsp.FeeBroadcast, false},
		{"found in a block after all", paidFields(3, "error", "", nil), paidFields(3, "confirmed", "", nil), 1, vsp.FeeConfirmed, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, chain := &store{}, &blocks{height: 150}
			f := newFile()
			f.add(test.before, payRequest(3, 1))
			_, err := bring(t, f, s, chain)
			require.NoError(t, err)
			f = newFile()
			f.add(test.then, []string{payRequest(3, 1), payRequest(3, 2)}[:test.heard]...)
			_, err = bring(t, f, s, chain)
			require.NoError(t, err)
			got, err := s.Ticket(t.Context(), ticketHash(3))
			require.NoError(t, err)
			require.Equal(t, test.want, got.Fee.Status)
			require.Equal(t, test.other, got.Fee.TxHash != feeTx(3).TxHash())
		})
	}
}

func TestTicketRegisteredHereByItself(t *testing.T) {
	f := newFile()
	f.add(paidFields(3, "received", "", nil), payRequest(3, 1))
	s := &store{}
	mine := vsp.Ticket{Hash: ticketHash(3), Commitment: address(1003), Fee: vsp.Fee{Address: address(99), Status: vsp.FeeNone}}
	require.NoError(t, s.Insert(t.Context(), mine))
	report, err := bring(t, f, s, &blocks{height: 150})
	require.NoError(t, err)
	require.Equal(t, Tally{Read: 1, Refused: 1}, report.Tickets)
	require.Equal(t, Tally{Read: 1, Refused: 1}, report.Requests)
	require.Contains(t, report.Notes[0].What, "another fee address")
	got, err := s.Ticket(t.Context(), ticketHash(3))
	require.NoError(t, err)
	require.Equal(t, mine.Fee.Address, got.Fee.Address)
}
