package testnet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
)

// What a trial aims at. Its tickets are a seventh of those in play, so that the chain goes on without them.
const (
	trialTickets = 72
	trialPace    = 200 * time.Millisecond // between blocks, where a real network has minutes
	trialCheck   = 250 * time.Millisecond // how often the VSP looks at each wallet

	votesHealthy = 24 // own votes before the first fault
	votesDrilled = 4  // own votes while a wallet is down, and again after it is back
	votesMissed  = 3  // own misses while all wallets are locked
	votesAll     = 44 // own tickets that must have won in the end

	// settleBlocks follow the last act: six make the last decision final, the others let the last news get around.
	settleBlocks = 8
)

// Time limits of a trial's waits. They are generous: a slow machine is no fault of the VSP.
const (
	actPatience  = 2 * time.Minute
	mailPatience = 30 * time.Second
)

// TrialPlan says what a trial plays on. The network's Plan.Dir is where everything is left.
type TrialPlan struct {
	Network  Plan
	VSP      string                           // executable
	Verifier string                           // executable
	Say      func(format string, args ...any) // tells people how far it is
}

// Phase is a stretch of a trial: the blocks in which what it is named after may show. Faults are made and ended between
// two blocks.
type Phase struct {
	Name string `json:"name"`
	From int64  `json:"from"`
	To   int64  `json:"to"`
}

// Trial is a VSP's life in a few minutes: it registers a stake holder's tickets, votes, loses a wallet and gets it back,
// has all wallets locked and unlocked, and is judged by the verifier throughout. Everything in it is real.
type Trial struct {
	Plan     TrialPlan
	Network  *Network
	VSP      *VSP
	Verifier *Verifier
	Mails    *Sink
	Tickets  []chainhash.Hash // the stake holder's
	Fates    *Fates
	Phases   []Phase
	Places   *Places // nil where there can be none: then their rows are not judged

	begin    time.Time
	shown    map[string]bool // the mails that were told of, by file
	surveyed chan error      // the survey's, when it is done
}

// Names of the phases.
const (
	PhaseRegister = "tickets are bought and registered"
	PhaseHealthy  = "all is well"
	PhaseDown     = "wallet-2 is dead"
	PhaseBack     = "wallet-2 is back"
	PhaseLocked   = "all wallets are locked"
	PhaseUnlocked = "all wallets are unlocked"
)

// StartTrial brings up the network, the VSP, the verifier and the mail server.
func StartTrial(ctx context.Context, plan TrialPlan) (*Trial, error) {
	t := &Trial{Plan: plan, begin: time.Now(), shown: make(map[string]bool)}
	if err := t.start(ctx); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Trial) start(ctx context.Context) (err error) {
	begin := time.Now()
	if t.Network, err = Start(ctx, t.Plan.Network); err != nil {
		return err
	}
	t.say("network of %d nodes and %d wallets up, first votes cast, in %.1f s",
		len(t.Network.Nodes()), len(t.Network.Wallets()), time.Since(begin).Seconds())
	t.Fates = NewFates(t.Network.Miner)
	dir := t.Network.Plan.Dir
	if t.Mails, err = StartSink(t.Network.MailIP()+":2525", filepath.Join(dir, "mail")); err != nil {
		return err
	}
	t.VSP, err = t.Network.StartVSP(ctx, VSPPlan{Program: t.Plan.VSP, MailServer: t.Mails.Addr(),
		AlertsTo: []string{"operator@example.org"}, CheckEvery: trialCheck})
	if err != nil {
		return err
	}
	if err = t.Network.StartClient(ctx, t.VSP.URL, t.VSP.PublicKey); err != nil {
		return err
	}
	if err = t.placeMachines(ctx); err != nil {
		return err
	}
	if t.Verifier, err = t.Network.StartVerifier(ctx, t.VSP, VerifierPlan{Program: t.Plan.Verifier, Out: dir, Places: t.Places}); err != nil {
		return err
	}
	t.say("VSP at %s, verifier watching", t.VSP.URL)
	return nil
}

// placeMachines gives the VSP's machines places, where that can be.
func (t *Trial) placeMachines(ctx context.Context) (err error) {
	if missing := PlacesMissing(); missing != nil {
		t.say("PL-4, PL-5 and PL-6 will not be judged: %v", missing)
		return nil
	}
	t.Places, err = t.Network.StartPlaces(ctx, PlacesPlan{Verifier: t.Plan.Verifier, Stations: Honest(len(t.Network.Voting)),
		Vantages: []string{"Singapore", "Sao-Paulo", "Frankfurt"}})
	return err
}

// survey has the places measured from elsewhere while the trial goes on. The verifier measures from the last city itself.
func (t *Trial) survey(ctx context.Context) {
	t.surveyed = make(chan error, 1)
	if t.Places == nil {
		t.surveyed <- nil
		return
	}
	go func() { t.surveyed <- t.Places.LookFromElsewhere(ctx) }()
}

// Close ends everything.
func (t *Trial) Close() error {
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if t.Network != nil {
		errs = append(errs, t.Network.Chain.Pause())
	}
	if t.Verifier != nil {
		errs = append(errs, t.Verifier.Stop(ctx))
	}
	if t.Places != nil {
		errs = append(errs, t.Places.Close())
	}
	if t.VSP != nil {
		errs = append(errs, t.VSP.Stop(ctx))
	}
	if t.Mails != nil {
		errs = append(errs, t.Mails.Close())
	}
	if t.Network != nil {
		errs = append(errs, t.Network.Close())
	}
	return errors.Join(errs...)
}

// Play carries out the trial to the end: the report is written when it returns.
func (t *Trial) Play(ctx context.Context) error {
	surveying, cancel := context.WithTimeout(ctx, actPatience)
	defer cancel()
	t.survey(surveying)
	for _, act := range []func(context.Context) error{
		t.register, t.vote, t.loseWallet, t.regainWallet, t.lockWallets, t.unlockWallets, t.settle, t.judge,
	} {
		ctx, cancel := context.WithTimeout(ctx, actPatience)
		err := act(ctx)
		cancel()
		if err != nil {
			// What broke the chain explains what was waited for in vain.
			return errors.Join(err, t.Network.Chain.Pause(), t.VSP.Alive())
		}
	}
	return nil
}

// register lets the stake holder's wallet buy tickets through the VSP, and mines until every voting wallet has them.
func (t *Trial) register(ctx context.Context) (err error) {
	if err := t.enter(ctx, PhaseRegister, nil); err != nil {
		return err
	}
	if t.Tickets, err = t.Network.Buy(ctx, trialTickets); err != nil {
		return err
	}
	if err := t.Verifier.AddTickets(t.Tickets); err != nil {
		return err
	}
	t.Network.Chain.Run(trialPace)
	err = t.until(ctx, "every ticket paid for", func(ctx context.Context) (bool, string) {
		return t.VSP.accounts(ctx, len(t.Tickets))
	})
	if err == nil {
		t.say("the holder's wallet has bought %d tickets and registered them", len(t.Tickets))
	}
	return err
}

func (t *Trial) vote(ctx context.Context) error {
	if err := t.enter(ctx, PhaseHealthy, nil); err != nil {
		return err
	}
	return t.untilVotes(ctx, votesHealthy)
}

func (t *Trial) loseWallet(ctx context.Context) error {
	err := t.enter(ctx, PhaseDown, func() error { t.Network.Voting[1].Wallet.Kill(); return nil })
	if err != nil {
		return err
	}
	if err := t.untilMail(ctx, "[WARN] wallet-2 does not answer"); err != nil {
		return err
	}
	return t.untilVotes(ctx, votesDrilled)
}

func (t *Trial) regainWallet(ctx context.Context) error {
	err := t.enter(ctx, PhaseBack, func() error { return t.Network.Voting[1].Wallet.Start(ctx) })
	if err != nil {
		return err
	}
	down := t.phase(PhaseDown)
	err = t.Verifier.AddDrill(Drill{Kind: "wallets-down", Count: 1, From: down.From, To: down.To, Note: "wallet-2 killed"})
	if err != nil {
		return err
	}
	if err := t.untilMail(ctx, "[OK] wallet-2 does not answer"); err != nil {
		return err
	}
	return t.untilVotes(ctx, votesDrilled)
}

func (t *Trial) lockWallets(ctx context.Context) error {
	if err := t.enter(ctx, PhaseLocked, func() error { return t.eachWallet(ctx, (*Wallet).Lock) }); err != nil {
		return err
	}
	for i := range t.Network.Voting {
		if err := t.untilMail(ctx, fmt.Sprintf("] wallet-%d is locked", i+1)); err != nil {
			return err
		}
	}
	return t.until(ctx, fmt.Sprintf("%d misses", votesMissed), func(context.Context) (bool, string) {
		voted, revoked := t.Fates.Count(t.Tickets)
		return revoked >= votesMissed, fmt.Sprintf("%d voted, %d revoked", voted, revoked)
	})
}

func (t *Trial) unlockWallets(ctx context.Context) error {
	if err := t.enter(ctx, PhaseUnlocked, func() error { return t.eachWallet(ctx, (*Wallet).Unlock) }); err != nil {
		return err
	}
	locked := t.phase(PhaseLocked)
	err := t.Verifier.AddDrill(Drill{Kind: "wallets-locked", Count: 3, From: locked.From, To: locked.To, Note: "all wallets locked"})
	if err != nil {
		return err
	}
	for i := range t.Network.Voting {
		if err := t.untilMail(ctx, fmt.Sprintf("[OK] wallet-%d is locked", i+1)); err != nil {
			return err
		}
	}
	return t.until(ctx, fmt.Sprintf("%d tickets to have won", votesAll), func(context.Context) (bool, string) {
		voted, revoked := t.Fates.Count(t.Tickets)
		return voted+revoked >= votesAll, fmt.Sprintf("%d voted, %d revoked", voted, revoked)
	})
}

// settle mines the last blocks and stops the chain.
func (t *Trial) settle(ctx context.Context) error {
	if err := t.Network.Chain.Pause(); err != nil {
		return err
	}
	for range settleBlocks {
		if err := t.Network.Chain.Mine(ctx, 1); err != nil {
			return err
		}
	}
	if err := t.Fates.Follow(ctx); err != nil {
		return err
	}
	t.Phases[len(t.Phases)-1].To = t.Fates.Height
	if err := <-t.surveyed; err != nil {
		return err
	}
	// The verifier must hear once more what the VSP says of itself, now that nothing changes any more.
	if err := t.until(ctx, "the VSP at the tip", func(ctx context.Context) (bool, string) { return t.VSP.at(ctx, t.Fates.Height) }); err != nil {
		return err
	}
	return pause(ctx, 2*verifierSlot)
}

// judge ends the verifier's watch, and leaves its report.
func (t *Trial) judge(ctx context.Context) error {
	t.say("the chain stands at block %d after %.0f s; the verifier accounts for it", t.Fates.Height, time.Since(t.begin).Seconds())
	return t.Verifier.Finish(ctx)
}

// enter does what a phase is named after, between two blocks, and begins the phase with the next block.
func (t *Trial) enter(ctx context.Context, name string, act func() error) error {
	return t.Network.Chain.Between(ctx, func(height int64) error {
		if n := len(t.Phases); n > 0 {
			t.Phases[n-1].To = height
		}
		t.Phases = append(t.Phases, Phase{Name: name, From: height + 1})
		t.say("block %d: %s", height+1, name)
		if act == nil {
			return nil
		}
		return act()
	})
}

// phase returns a phase that is over.
func (t *Trial) phase(name string) Phase {
	for _, p := range t.Phases {
		if p.Name == name {
			return p
		}
	}
	return Phase{}
}

// eachWallet does the same to every voting wallet.
func (t *Trial) eachWallet(ctx context.Context, act func(*Wallet, context.Context) error) error {
	for _, host := range t.Network.Voting {
		if err := act(host.Wallet, ctx); err != nil {
			return err
		}
	}
	return nil
}

// until follows the chain until cond holds.
func (t *Trial) until(ctx context.Context, what string, cond func(context.Context) (bool, string)) error {
	return waitUntil(ctx, what, func(ctx context.Context) (bool, string) {
		if err := t.Fates.Follow(ctx); err != nil {
			return false, err.Error()
		}
		return cond(ctx)
	})
}

// untilVotes waits for so many more own votes.
func (t *Trial) untilVotes(ctx context.Context, more int) error {
	before, _ := t.Fates.Count(t.Tickets)
	return t.until(ctx, fmt.Sprintf("%d more votes", more), func(context.Context) (bool, string) {
		voted, revoked := t.Fates.Count(t.Tickets)
		return voted-before >= more, fmt.Sprintf("%d voted since, %d revoked in all", voted-before, revoked)
	})
}

// untilMail waits for a mail that says this, alone or among others.
func (t *Trial) untilMail(ctx context.Context, subject string) error {
	ctx, cancel := context.WithTimeout(ctx, mailPatience)
	defer cancel()
	mail, err := t.Mails.Wait(ctx, func(m Mail) bool { return m.Tells(subject) })
	if err != nil {
		return fmt.Errorf("wait for a mail on %q: %w", subject, err)
	}
	if !t.shown[mail.Path] { // it may tell of several that are waited for
		t.say("mail: %s", mail.Subject)
	}
	t.shown[mail.Path] = true
	return nil
}

func (t *Trial) say(format string, args ...any) {
	if t.Plan.Say != nil {
		t.Plan.Say(format, args...)
	}
}

// pause waits, for what cannot be seen from outside.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
