package vsp_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/network"
	"scrutineer/vsp/storetest"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// rig is a Service with all that it stands on.
type rig struct {
	*vsp.Service
	t      *testing.T
	config vsp.Config
	store  *storetest.Memory
	chain  *vsptest.Chain
	voters *vsptest.Voters
	clock  *clock
	log    *record

	storeFault, chainFault *fault
}

// fault is what goes wrong with a Store or a Chain; nothing, unless it is set.
type fault struct {
	mu   sync.Mutex
	fail func(op string) (apply bool, err error)
}

func (f *fault) set(fail func(op string) (apply bool, err error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *fault) Fail(op string) (apply bool, err error) {
	f.mu.Lock()
	fail := f.fail
	f.mu.Unlock()
	if fail == nil {
		return false, nil
	}
	return fail(op)
}

// height is where the chain of a rig begins: all of simnet's rules are in force.
const height = 200

func newRig(t *testing.T) *rig {
	profile, err := network.Lookup("simnet")
	require.NoError(t, err)
	r := &rig{
		t:      t,
		store:  new(storetest.Memory),
		chain:  vsptest.NewChain(profile.Params, height),
		voters: &vsptest.Voters{Wallets: []vsp.VoterState{{Name: "one"}, {Name: "two", Problem: vsp.Locked}}},
		clock:  &clock{now: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)},
		log:    new(record),

		storeFault: new(fault), chainFault: new(fault),
	}
	r.store.Fail, r.chain.Fail = r.storeFault.Fail, r.chainFault.Fail
	r.config = vsp.Config{
		Profile: profile, Store: r.store, Chain: r.chain, Voters: r.voters,
		Terms: vsp.Terms{FeePercent: 2, XPub: vsptest.XPub(profile.Params)}, Version: "1.5.0+test",
		Log: slog.New(r.log), Now: r.clock.Now,
	}
	r.restart()
	return r
}

// restart makes a new Service, as after a kill.
func (r *rig) restart() {
	var err error
	r.Service, err = vsp.New(r.config)
	require.NoError(r.t, err)
}

// clock stands still unless it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// record keeps what was logged.
type record struct {
	mu     sync.Mutex
	lines  []string          // messages
	events map[vsp.Event]int // by the attribute
	text   strings.Builder   // everything
}

func (r *record) Enabled(context.Context, slog.Level) bool { return true }
func (r *record) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *record) WithGroup(string) slog.Handler            { return r }
func (r *record) Handle(_ context.Context, line slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line.Message)
	fmt.Fprintln(&r.text, line.Level, line.Message)
	line.Attrs(func(a slog.Attr) bool {
		fmt.Fprintln(&r.text, a.Key, a.Value)
		if a.Key == "event" {
			if r.events == nil {
				r.events = make(map[vsp.Event]int)
			}
			r.events[vsp.Event(a.Value.String())]++
		}
		return true
	})
	return nil
}

func (r *record) count(message string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, line := range r.lines {
		if line == message {
			n++
		}
	}
	return n
}

func (r *rig) feeAddressMessage(t vsptest.Ticket) vspapi.FeeAddressRequest {
	return vspapi.FeeAddressRequest{
		Timestamp: r.clock.Now().Unix(), TicketHash: t.Hash().String(),
		TicketHex: vsptest.Hex(t.Tx), ParentHex: vsptest.Hex(t.Parent),
	}
}

func (r *rig) feeAddressRequest(t vsptest.Ticket) vsp.Request {
	return t.Request(r.feeAddressMessage(t))
}

func (r *rig) payFeeMessage(t vsptest.Ticket, fee *wire.MsgTx) vspapi.PayFeeRequest {
	return vspapi.PayFeeRequest{
		Timestamp: r.clock.Now().Unix(), TicketHash: t.Hash().String(), FeeTx: vsptest.Hex(fee), VotingKey: t.VotingKey(),
		VoteChoices: map[string]string{}, TSpendPolicy: map[string]string{}, TreasuryPolicy: map[string]string{},
	}
}

func (r *rig) payFeeRequest(t vsptest.Ticket, fee *wire.MsgTx) vsp.Request {
	return t.Request(r.payFeeMessage(t, fee))
}

func (r *rig) altSignMessage(t vsptest.Ticket, other vsptest.Holder) vspapi.SetAltSignAddrRequest {
	return vspapi.SetAltSignAddrRequest{
		Timestamp: r.clock.Now().Unix(), TicketHash: t.Hash().String(), TicketHex: vsptest.Hex(t.Tx), ParentHex: vsptest.Hex(t.Parent),
		AltSignAddress: other.Commitment().String(),
	}
}

func (r *rig) altSignRequest(t vsptest.Ticket, other vsptest.Holder) vsp.Request {
	return t.Request(r.altSignMessage(t, other))
}

// offered asks for a ticket's fee address.
func (r *rig) offered(t vsptest.Ticket) vspapi.FeeAddressResponse {
	answer, err := r.FeeAddress(r.t.Context(), r.feeAddressRequest(t))
	require.NoError(r.t, err)
	return answer
}

// paid registers a ticket and pays its fee.
func (r *rig) paid(t vsptest.Ticket) *wire.MsgTx {
	offer := r.offered(t)
	fee := r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount))
	_, err := r.PayFee(r.t.Context(), r.payFeeRequest(t, fee))
	require.NoError(r.t, err)
	return fee
}

// stored returns a ticket as it is in the Store.
func (r *rig) stored(hash chainhash.Hash) vsp.Ticket {
	t, err := r.store.Ticket(r.t.Context(), hash)
	require.NoError(r.t, err)
	return t
}

// code returns the code of a refusal, or -1 for an error that is none.
func code(err error) vspapi.Code {
	var refusal *vsp.Error
	if !errorsAs(err, &refusal) {
		return -1
	}
	return refusal.Code
}

// living runs a test in a bubble, with the life of a rig's tickets going on.
func living(t *testing.T, test func(t *testing.T, r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		defer stop()
		test(t, r)
	})
}

// run starts Run, and returns what ends it.
func (r *rig) run() (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	service := r.Service
	go func() { defer close(done); service.Run(ctx) }()
	pause()
	return func() { cancel(); <-done }
}

// mine mines blocks one by one, and lets each have its effect.
func (r *rig) mine(blocks int) {
	for range blocks {
		r.chain.Mine(1)
		pause()
	}
}

// pause lets what has happened have its effect. Wallets hear of it within a second.
func pause() {
	time.Sleep(time.Second)
	synctest.Wait()
}
