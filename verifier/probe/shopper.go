package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/wire"

	"scrutineer/verifier"
	"scrutineer/vsp/dcrrpc"
	"scrutineer/vsp/vspapi"
)

// ShopperPlan is what a mystery shopper may do.
type ShopperPlan struct {
	Account    string        // of its wallet
	Passphrase string        // unlocks the wallet where it is locked; empty where it never is
	Every      time.Duration // between two tickets
	Most       int           // tickets in all
	MaxPrice   dcrutil.Amount
	MaxFee     dcrutil.Amount // the VSP's and the network's together

	// Choices are gone through in a circle: a ticket is registered with one, and changed to the next when its fee is confirmed.
	Choices []verifier.Choices
}

// Purse is the coins in the shopper's wallet.
type Purse interface {
	DraftTicket(ctx context.Context, account string, expiry int64) (split, ticket *wire.MsgTx, err error)
	Fund(ctx context.Context, account string, tx *wire.MsgTx) (*wire.MsgTx, dcrutil.Amount, error)
	Sign(ctx context.Context, tx *wire.MsgTx, parents ...*wire.MsgTx) (*wire.MsgTx, error)
	Reserve(ctx context.Context, coins []wire.OutPoint) error
	Publish(ctx context.Context, tx *wire.MsgTx) error
	Placed(ctx context.Context, tx chainhash.Hash) (block chainhash.Hash, known bool, err error)
}

// Keys is the rest of the shopper's wallet.
type Keys interface {
	Info(ctx context.Context) (dcrrpc.WalletInfo, error)
	BestBlock(ctx context.Context) (int64, chainhash.Hash, error)
	BlockHash(ctx context.Context, height int64) (chainhash.Hash, error)
	Unlock(ctx context.Context, passphrase string, lasting time.Duration) error
	SignMessage(ctx context.Context, address, message string) (string, error)
	PrivateKey(ctx context.Context, address string) (string, error)
}

// Ledger is our own node, of which the shopper asks more than other probes do.
type Ledger interface {
	Node
	Header(ctx context.Context, hash chainhash.Hash) (*wire.BlockHeader, error)
	StakeDifficulty(ctx context.Context) (current, next dcrutil.Amount, err error)
	TSpends(ctx context.Context) ([]chainhash.Hash, error)
	Transaction(ctx context.Context, hash chainhash.Hash) (dcrrpc.Transaction, error)
}

// Shopper is a holder whom the VSP cannot tell from others: it buys tickets with a wallet of its own, registers them as
// wallets do, and changes how they vote. It speaks v3 itself, so that each exchange is seen and kept.
//
// It spends no more than its plan allows, whatever happens. Each ticket and the one transaction that ever pays for it are in
// the journal before anybody else hears of them, so that a shopper that was killed goes on with these and with no others.
// It never keeps a voting key, nor what one can be read from.
type Shopper struct {
	Vantage *Vantage
	Node    Ledger
	Purse   Purse
	Keys    Keys
	Plan    ShopperPlan
	Write   func(verifier.Observation) error // returns when it is on disk
	Done    *verifier.Shopping               // all that was written so far

	waiting verifier.Code            // why no ticket is bought, as last written
	asked   map[chainhash.Hash]int64 // at which height a ticket's status was last asked for
}

const (
	// exchangeTime bounds one exchange: a VSP may have to publish two transactions first. Wallets wait for ever.
	exchangeTime = time.Minute

	// unlockedFor is enough for one turn.
	unlockedFor = 2 * time.Minute

	// changeTries is how often changed choices are sent at most.
	changeTries = 3
)

// Run makes a turn every so often until ctx ends, the first one pace after its start: what it meets before the first slot would
// count for nobody. It returns an error only where nothing can be written any more.
func (s *Shopper) Run(ctx context.Context, pace time.Duration) error {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		if err := s.Turn(ctx); err != nil {
			return err
		}
	}
}

// Turn does for each ticket what can be done now, and buys another one if it is time.
func (s *Shopper) Turn(ctx context.Context) error {
	at, code, detail := s.ready(ctx)
	if code != verifier.OK {
		return s.wait(ctx, code, detail)
	}
	if err := s.spends(ctx); err != nil {
		return err
	}
	for i, r := range s.Done.Registrations {
		if s.finished(r) || ctx.Err() != nil {
			continue
		}
		if err := s.advance(ctx, i, r, at); err != nil {
			return err
		}
	}
	n := len(s.Done.Registrations)
	if ctx.Err() != nil || s.Done.Open() || n >= s.Plan.Most || n > 0 && s.Vantage.Now().Before(s.Done.Last().Add(s.Plan.Every)) {
		return nil
	}
	return s.begin(ctx, at)
}

// ready makes sure of our own node and the wallet: whatever is not in order there must not look like the VSP's doing.
func (s *Shopper) ready(ctx context.Context) (*verifier.NodeState, verifier.Code, string) {
	limited, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	o := node(limited, &Vantage{Target: s.Vantage.Target, Policy: s.Vantage.Policy, Node: s.Node, Now: s.Vantage.Now}, nil)
	if o.Code != verifier.OK {
		return nil, o.Code, o.Detail
	}
	if problem := s.wallet(limited, o.Node.Height); problem != "" {
		return nil, verifier.WalletAway, problem
	}
	return o.Node, verifier.OK, ""
}

// wallet says what keeps the wallet from doing its part.
func (s *Shopper) wallet(ctx context.Context, height int64) string {
	info, err := s.Keys.Info(ctx)
	if err != nil {
		return err.Error()
	}
	genesis, err := s.Keys.BlockHash(ctx, 0)
	if err != nil {
		return err.Error()
	}
	tip, _, err := s.Keys.BestBlock(ctx)
	lag := s.Vantage.Policy.MaxLagBlocks
	switch {
	case err != nil:
		return err.Error()
	case genesis != s.Vantage.Target.Network.Params.GenesisHash:
		return "it is on another network"
	case info.Voting:
		return "it would vote itself, so that nobody could tell whether the VSP does: start it without --enablevoting"
	case !info.DaemonConnected:
		return "it is not connected to its node"
	case tip < height-lag:
		return fmt.Sprintf("it is at block %d, our node at %d", tip, height)
	case info.Unlocked:
		return ""
	case s.Plan.Passphrase == "":
		return "it is locked: unlock it, or name a passphrase_file"
	}
	if err := s.Keys.Unlock(ctx, s.Plan.Passphrase, unlockedFor); err != nil {
		return err.Error()
	}
	return ""
}

// advance does what a ticket needs next.
func (s *Shopper) advance(ctx context.Context, i int, r *verifier.Registration, at *verifier.NodeState) error {
	t, err := readTicket(r.Buy.Errand, s.Vantage.Target.Network.Params)
	if err != nil {
		return s.end(r, err.Error()) // what we have written ourselves does not come to this
	}
	mined, err := s.publish(ctx, t, at.Height)
	if errors.Is(err, errVoid) {
		return s.end(r, err.Error())
	}
	if err != nil {
		return s.wait(ctx, verifier.WalletAway, err.Error())
	}
	if r.Paid {
		return s.follow(ctx, i, r, t, mined, at)
	}
	maturity := int64(s.Vantage.Target.Network.Params.TicketMaturity)
	if mined > 0 && at.Height >= mined+maturity {
		return s.end(r, fmt.Sprintf("the ticket may be drawn from block %d on, and is not registered", mined+maturity))
	}
	return s.register(ctx, i, r, t, at)
}

// finished reports whether nothing more is to be done about a ticket.
func (s *Shopper) finished(r *verifier.Registration) bool {
	switch {
	case r.Ended:
		return true
	case r.Since == 0, r.Pending != nil:
		return false
	}
	return r.Changed > 0 || r.Tried >= changeTries || len(s.Plan.Choices) < 2
}

// write writes down a step, and takes it into account. It is on disk when write returns.
func (s *Shopper) write(o verifier.Observation) error {
	o.Vantage = s.Vantage.Name
	if o.Kind == "" {
		o.Kind, o.Endpoint = verifier.KindShopper, "registration"
	}
	if o.At.IsZero() {
		o.At = s.Vantage.Now()
	}
	o.At = o.At.UTC()
	if o.Errand.Step != verifier.StepWait {
		s.waiting = ""
	}
	if err := s.Write(o); err != nil {
		return err
	}
	s.Done.Take(o)
	return nil
}

// wait writes down why there is no going on, once.
func (s *Shopper) wait(ctx context.Context, code verifier.Code, detail string) error {
	if ctx.Err() != nil || code == s.waiting {
		return nil
	}
	s.waiting = code
	return s.write(verifier.Observation{Code: code, Detail: detail, Errand: &verifier.Errand{Step: verifier.StepWait}})
}

func (s *Shopper) end(r *verifier.Registration, why string) error {
	return s.write(verifier.Observation{Code: verifier.GivenUp, Detail: why,
		Errand: &verifier.Errand{Step: verifier.StepEnd, Ticket: verifier.Hash(r.Ticket)}})
}

// choices returns what the i-th ticket is registered with, and then changed to.
func (s *Shopper) choices(i int) (first, then verifier.Choices) {
	if n := len(s.Plan.Choices); n > 0 {
		return s.Plan.Choices[i%n], s.Plan.Choices[(i+1)%n]
	}
	return verifier.Choices{}, verifier.Choices{}
}

// info asks the VSP for its terms.
func (s *Shopper) info(ctx context.Context) (vspapi.Info, verifier.Observation) {
	limited, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	client := vspapi.Client{URL: s.Vantage.Target.URL, PubKey: s.Vantage.Target.PubKey, HTTP: s.Vantage.HTTP}
	said, answer, err := client.Info(limited)
	o := verifier.Observation{Raw: kept(answer)}
	o.Code, o.Detail = failure(answer, err)
	return said, o
}

func kept(answer vspapi.Answer) *verifier.Raw {
	if answer.Status == 0 {
		return nil
	}
	return &verifier.Raw{Status: answer.Status, Body: answer.Body[:min(len(answer.Body), verifier.MaxRaw)], Signature: answer.Signature}
}
