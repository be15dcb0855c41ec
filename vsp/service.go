package vsp

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	blockchain "github.com/decred/dcrd/blockchain/standalone/v2"

	"scrutineer/vsp/network"
	"scrutineer/vsp/vspapi"
)

// Config is what a Service is made of. Log and Now may be nil: then nothing is logged, and the time is the machine's.
type Config struct {
	Profile network.Profile
	Store   Store
	Chain   Chain
	Voters  Voters
	Node    Node   // that Chain stands on; nil if new tickets are taken however it stands
	Gate    Gate   // at first; see SetGate
	Terms   Terms  // at first; see SetTerms
	Holder  string // how this process is called among those that share Store, for people; may be empty
	Version string // told as vspdversion; wallets compare it as a semantic version of vspd's
	Log     *slog.Logger
	Now     func() time.Time
}

// Terms is what a VSP may change while it runs.
type Terms struct {
	FeePercent    float64 // 0.01 to 100, of what a vote earns; more than two decimals are cut off
	XPub          string  // of the account that fees are paid to
	Closed        bool    // takes no new tickets
	ClosedMessage string  // told while closed
}

// terms is Terms in force.
type terms struct {
	Terms
	fees feeKey
}

// Service carries out the acts of the protocol, and moves every ticket through its life while Run runs. Its methods may
// be called at any time, by many at once.
//
// What an act answers is stored before. An act's error is an Error where it refuses; every other error means that it
// could not be carried out now.
type Service struct {
	Config
	terms   atomic.Pointer[terms]
	gate    atomic.Pointer[Gate]
	sight   atomic.Pointer[sight]
	look    chan struct{} // asks Run to look at node and wallets now
	subsidy *blockchain.SubsidyCache
	parents chan struct{} // a slot for each who waits for a ticket's parent

	verified verified // signatures

	counting  sync.Mutex            // held while stats are made, so that the newest are the last
	stats     atomic.Pointer[stats] // nil until they were first made
	uncounted chan struct{}         // asks Run to make them anew

	counters counters // of events

	holder    string // of the lease
	leading   atomic.Bool
	tended    atomic.Pointer[Progress] // of the present tenure; nil before its first pass
	scannedTo atomic.Pointer[Position] // the same
}

// New returns a Service, or says what of its Config is wrong.
func New(config Config) (*Service, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Service{
		Config:    config,
		subsidy:   blockchain.NewSubsidyCache(config.Profile.Params),
		parents:   make(chan struct{}, maxParentWaits),
		look:      make(chan struct{}, 1),
		uncounted: make(chan struct{}, 1),
		holder:    holderName(config.Holder),
	}
	s.gate.Store(&config.Gate)
	s.sight.Store(&sight{nodeless: config.Node == nil})
	return s, s.SetTerms(config.Terms)
}

// SetTerms puts other terms in force, or says what of them is wrong and leaves the ones before. What was promised under
// those stays promised.
func (s *Service) SetTerms(t Terms) error {
	if p := t.FeePercent; !(p >= 0.01 && p <= 100) {
		return fmt.Errorf("fee of %v percent: must be 0.01 to 100", p)
	}
	if !t.Closed {
		t.ClosedMessage = ""
	}
	fees, err := newFeeKey(t.XPub, s.Profile.Params)
	if err != nil {
		return err
	}
	s.terms.Store(&terms{t, fees})
	return nil
}

// now is when an act takes place: UTC, and read once in each.
func (s *Service) now() time.Time { return s.Now().UTC() }

// mustBeOpen refuses while the VSP is closed. It comes before everything else, even reading the request.
func (s *Service) mustBeOpen() error {
	if s.terms.Load().Closed {
		return refuse(vspapi.VspClosed, nil)
	}
	return nil
}
