package wallet_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/dcrjson/v4"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc/rpctest"
	"scrutineer/vsp/wallet"
)

// stock has the pool hold so many tickets with a choice of each kind.
func (r *rig) stock(tickets int) []vsp.Held {
	var all []vsp.Held
	for i := range tickets {
		all = append(all, chosen(r.chain.ticket(int64(500+i))))
		r.Hold(all[i])
	}
	return all
}

// fast lets the pool's time pass fifty times as fast as ours, so that what is put off comes soon.
func fast(o *wallet.Options) {
	begin := time.Now()
	o.Now = func() time.Time { return begin.Add(50 * time.Since(begin)) }
}

// complete waits until a wallet holds all.
func (r *rig) complete(i int) {
	r.t.Helper()
	r.until("all held", func() bool { return r.States()[i].Problem != vsp.Unseen && r.States()[i].Missing == 0 })
}

// TestAnEmptyWalletIsAskedLittle: every call that does not write costs as much of the time that a wallet is not ready.
func TestAnEmptyWalletIsAskedLittle(t *testing.T) {
	r := newRig(t, 1, func(o *wallet.Options) { o.AuditEvery = time.Hour })
	const tickets = 300
	f := r.wallets[0]
	f.Stop()
	all := r.stock(tickets)
	r.problem(0, vsp.Unreachable)
	f.Start()
	r.complete(0)
	for _, ticket := range all {
		require.Equal(t, &ticket.Choices, f.choices(ticket.Ticket))
	}
	for method := range changing {
		require.Equal(t, tickets, count(f, method), method)
	}
	require.Equal(t, 2*tickets, count(f, "getvotechoices"), "before and after")
	require.Equal(t, tickets, count(f, "tspendpolicy"))
	require.Equal(t, 1, count(f, "treasurypolicy"))
	require.Equal(t, tickets, r.chain.calls)

	// The same wallet, wiped while we knew it.
	f.Stop()
	r.problem(0, vsp.Unreachable)
	f.set(func() { f.wipe() })
	f.Start()
	r.until("the loss is noticed", func() bool { return r.States()[0].Missing > 0 })
	r.complete(0)
	for method := range changing {
		require.Equal(t, 2*tickets, count(f, method), method)
	}
	require.Equal(t, 4*tickets, count(f, "getvotechoices"))
	require.Empty(t, f.idle)

	// And once more, with nothing lost.
	f.Stop()
	r.problem(0, vsp.Unreachable)
	f.Start()
	r.problem(0, vsp.NoProblem)
	r.until("an audit", func() bool { return count(f, "getvotechoices") == 5*tickets })
	r.complete(0)
	for method := range changing {
		require.Equal(t, 2*tickets, count(f, method), method)
	}
}

// TestPoliciesComeFirstAndOneByOne: dcrwallet locks up if it sets a policy while it votes.
func TestPoliciesComeFirstAndOneByOne(t *testing.T) {
	r := newRig(t, 1)
	f := r.wallets[0]
	var under, most atomic.Int64
	f.failing(func(method string, _ []json.RawMessage) error {
		if strings.HasPrefix(method, "set") && method != "setvotechoice" {
			most.Store(max(most.Load(), under.Add(1)))
			time.Sleep(time.Millisecond)
			under.Add(-1)
		}
		return nil
	})
	f.Stop()
	r.stock(50)
	f.Start()
	r.complete(0)
	require.EqualValues(t, 1, most.Load())
	calls := f.Calls()
	key := slices.Index(calls, "importprivkey")
	require.Positive(t, key)
	require.NotContains(t, calls[key:], "settspendpolicy")
	require.NotContains(t, calls[key:], "settreasurypolicy")
}

// TestTicketsThatMayBeDrawnComeFirst: those bought first.
func TestTicketsThatMayBeDrawnComeFirst(t *testing.T) {
	r := newRig(t, 1)
	f := r.wallets[0]
	var mu sync.Mutex
	var order []string
	f.failing(func(method string, params []json.RawMessage) error {
		if method == "importprivkey" {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, texts(params)[0])
		}
		return nil
	})
	f.Stop()
	all := r.stock(200)
	f.Start()
	r.complete(0)
	place := func(ticket vsp.Held) int { return slices.Index(order, string(ticket.VotingKey)) }
	for i := 0; i+50 < len(all); i++ {
		require.Less(t, place(all[i]), place(all[i+50]))
	}
}

// TestAPolicyThatFailsDoesNotKeepTheTicketAway: a vote with a wrong policy is better than none.
func TestAPolicyThatFailsDoesNotKeepTheTicketAway(t *testing.T) {
	for _, method := range []string{"settreasurypolicy", "settspendpolicy", "tspendpolicy"} {
		t.Run(method, func(t *testing.T) {
			r := newRig(t, 1, fast)
			f := r.wallets[0]
			f.failing(func(m string, _ []json.RawMessage) error {
				if m == method {
					return errors.New("no space left")
				}
				return nil
			})
			ticket := r.stock(1)[0]
			r.until("the ticket", func() bool { return f.choices(ticket.Ticket) != nil })
			r.until("trouble", func() bool { return strings.Contains(r.States()[0].Trouble, "no space left") })
			require.Equal(t, 1, r.States()[0].Missing)
			f.failing(nil)
			r.complete(0)
			require.Equal(t, &ticket.Choices, f.choices(ticket.Ticket))
			require.Empty(t, r.States()[0].Trouble)
		})
	}
}

// A policy on what is no hash cannot be set on any wallet.
func TestAPolicyThatNoWalletTakesIsGivenUp(t *testing.T) {
	r := newRig(t, 1, func(o *wallet.Options) { o.AuditEvery = 30 * time.Millisecond })
	f := r.wallets[0]
	f.failing(func(m string, _ []json.RawMessage) error {
		if m == "settspendpolicy" || m == "tspendpolicy" {
			return &dcrjson.RPCError{Code: dcrjson.ErrRPCDecodeHexString, Message: "not a hash"}
		}
		return nil
	})
	r.stock(1)
	r.complete(0)
	require.Equal(t, 1, strings.Count(r.logged(), "does not know a choice"))
	r.looksAgain(0, 5)
	require.Equal(t, 1, strings.Count(r.logged(), "does not know a choice"), "audits ask no more")
	require.Zero(t, r.States()[0].Missing)
}

// TestASlowWalletDelaysNobody: it needs a second for what the others do at once.
func TestASlowWalletDelaysNobody(t *testing.T) {
	r := newRigTimeout(t, 3, soon)
	f := r.wallets[1]
	f.failing(func(method string, _ []json.RawMessage) error {
		time.Sleep(30 * time.Millisecond)
		return nil
	})
	f.Stop()
	all := r.stock(10)
	f.Start()
	for _, ticket := range all {
		r.until("two holders", func() bool { return r.Holders(ticket.Ticket) >= 2 })
	}
	require.Positive(t, r.States()[1].Missing)
	r.complete(1)
	require.True(t, r.States()[1].Online())
}

// TestNothingIsBroughtAfterADrop: another process sees to the wallets from now on.
func TestNothingIsBroughtAfterADrop(t *testing.T) {
	r := newRigTimeout(t, 1, soon)
	f := r.wallets[0]
	f.failing(func(string, []json.RawMessage) error { time.Sleep(5 * time.Millisecond); return nil })
	var all []vsp.Held
	for i := range 400 {
		all = append(all, r.chain.ticket(int64(500+i)))
		r.Hold(all[i])
	}
	r.until("some are held", func() bool { return len(all)-r.States()[0].Missing > 20 })
	r.Drop()
	calls := func() int { return count(f, "importprivkey") }
	dropped := calls()
	require.Zero(t, r.States()[0].Missing)
	require.Zero(t, r.Holders(all[0].Ticket))
	r.looksAgain(0, 10)
	require.LessOrEqual(t, calls(), dropped+16, "only those under way")
	rest := len(f.Calls()) - count(f, "walletinfo") - count(f, "getbestblock")
	require.NoError(t, r.Audit("w0"))
	r.looksAgain(0, 10)
	require.Equal(t, rest, len(f.Calls())-count(f, "walletinfo")-count(f, "getbestblock"))

	f.failing(nil)
	r.Hold(all[399])
	r.holds(all[399], 1)
}

// TestAnAuditOnDemand finds what was changed behind our back, in one wallet.
func TestAnAuditOnDemand(t *testing.T) {
	r := newRig(t, 2, func(o *wallet.Options) { o.AuditEvery = time.Hour })
	all := r.stock(30)
	r.complete(0)
	r.complete(1)
	for _, f := range r.wallets {
		f.set(func() {
			delete(f.tickets, all[3].Ticket.String())
			delete(f.keys, string(all[3].VotingKey))
			f.tickets[all[4].Ticket.String()].agendas["agenda-b"] = "no"
			delete(f.tspends, all[5].Ticket.String())
			f.treasury[all[6].Ticket.String()]["02ff"] = "no"
			f.idle = nil
		})
	}
	require.ErrorContains(t, r.Audit("w7"), `no voting wallet "w7"`)
	r.looksAgain(0, 3)
	require.Nil(t, r.wallets[0].choices(all[3].Ticket), "nobody looks by himself")

	for _, f := range r.wallets {
		f.failing(func(method string, _ []json.RawMessage) error {
			if method == "getvotechoices" {
				time.Sleep(5 * time.Millisecond)
			}
			return nil
		})
	}
	require.NoError(t, r.Audit("w0"))
	require.Equal(t, len(all), r.States()[0].Missing, "nothing is believed until it is seen")
	require.Zero(t, r.States()[1].Missing)
	r.complete(0)
	for i, ticket := range all {
		require.Equal(t, 2, r.Holders(ticket.Ticket))
		want := ticket.Choices
		if i == 4 {
			want.Agendas = map[string]string{"agenda-a": "yes", "agenda-b": "abstain"}
		}
		require.Equal(t, &want, r.wallets[0].choices(ticket.Ticket))
	}
	require.Empty(t, r.wallets[0].idle, "what is right is left alone")
	require.Nil(t, r.wallets[1].choices(all[3].Ticket))
}

// TestTroubleIsTold: whoever waits for a wallet to be complete wants to know why it is not.
func TestTroubleIsTold(t *testing.T) {
	r := newRig(t, 1)
	f := r.wallets[0]
	trouble := func(words string) {
		t.Helper()
		r.until(words, func() bool { return strings.Contains(r.States()[0].Trouble, words) })
	}
	r.chain.mu.Lock()
	r.chain.err = errors.New("node is away")
	r.chain.mu.Unlock()
	r.stock(1)
	trouble("node is away")
	r.chain.mu.Lock()
	r.chain.err = nil
	r.chain.mu.Unlock()
	r.complete(0)
	require.Empty(t, r.States()[0].Trouble)

	strange := r.chain.ticket(900)
	key := strange.VotingKey
	strange.VotingKey = "Ps another ticket's key"
	r.Hold(strange)
	trouble(strange.Ticket.String())
	trouble("does not have the ticket after it was added")
	require.NotContains(t, r.States()[0].Trouble, string(strange.VotingKey))
	f.Stop()
	r.problem(0, vsp.Unreachable)
	require.NotEmpty(t, r.States()[0].Trouble, "it is missing still")
	f.Start()
	strange.VotingKey = key
	r.Hold(strange)
	r.complete(0)
	require.Empty(t, r.States()[0].Trouble)

	f.set(func() { f.info.Unlocked = false })
	r.Hold(r.chain.ticket(901))
	trouble("locked")
	r.Drop()
	require.Empty(t, r.States()[0].Trouble)
}

// TestAnAnswerThatGetsLost: what was carried out is not carried out again, but for the key, of which a wallet does not tell.
func TestAnAnswerThatGetsLost(t *testing.T) {
	for method := range changing {
		t.Run(method, func(t *testing.T) {
			r := newRig(t, 1)
			f := r.wallets[0]
			var lost atomic.Bool
			f.set(func() {
				f.fail = func(m string, _ []json.RawMessage) (bool, error) {
					if m == method && !lost.Swap(true) {
						return true, rpctest.ErrDrop
					}
					return false, nil
				}
			})
			ticket := r.stock(1)[0]
			r.complete(0)
			require.True(t, lost.Load())
			require.Equal(t, &ticket.Choices, f.choices(ticket.Ticket))
			want := 0
			if method == "importprivkey" {
				want = 1
			}
			require.Len(t, f.idle, want)
		})
	}
}

// TestChoicesThatChangeWhileTheyAreBrought are not taken for those that were brought.
func TestChoicesThatChangeWhileTheyAreBrought(t *testing.T) {
	r := newRigTimeout(t, 1, soon)
	f := r.wallets[0]
	asked, release := make(chan bool, 1), make(chan bool)
	var once sync.Once
	f.failing(func(method string, _ []json.RawMessage) error {
		if method == "setvotechoice" {
			once.Do(func() { asked <- true; <-release })
		}
		return nil
	})
	ticket := r.stock(1)[0]
	<-asked
	ticket.Choices = vsp.Choices{Agendas: map[string]string{"agenda-a": "no"}, TSpends: map[string]string{"aa": "yes"}}
	r.Hold(ticket)
	close(release)
	r.complete(0)
	require.Equal(t, &vsp.Choices{Agendas: map[string]string{"agenda-a": "no"}, TSpends: map[string]string{"aa": "yes"},
		Treasury: map[string]string{}}, f.choices(ticket.Ticket))
}

// TestARestoredWalletForgetsWhatWasWithdrawn: its backup is from before.
func TestARestoredWalletForgetsWhatWasWithdrawn(t *testing.T) {
	r := newRig(t, 1)
	f := r.wallets[0]
	ticket := r.stock(1)[0]
	r.complete(0)
	restore := f.backup()
	for range 2 {
		ticket.Choices.TSpends = map[string]string{"aa": "abstain"}
		r.Hold(ticket)
		r.until("withdrawn", func() bool { return len(f.choices(ticket.Ticket).TSpends) == 0 })
		r.complete(0)
		f.replaced(restore)
		restore = f.backup()
		require.NotEmpty(t, f.choices(ticket.Ticket).TSpends)
	}
	r.until("withdrawn again", func() bool { return len(f.choices(ticket.Ticket).TSpends) == 0 })
}

// TestAnAbstentionThatDoesNotShow: the wallet says what the policy for the key is, as there is no other.
func TestAnAbstentionThatDoesNotShow(t *testing.T) {
	r := newRig(t, 1, func(o *wallet.Options) { o.AuditEvery = 20 * time.Millisecond })
	f := r.wallets[0]
	f.Answer("tspendpolicy", map[string]string{"policy": "yes"})
	ticket := r.chain.ticket(900)
	ticket.Choices.TSpends = map[string]string{"aa": "abstain"}
	r.Hold(ticket)
	r.complete(0)
	r.looksAgain(0, 10)
	require.Equal(t, 1, count(f, "settspendpolicy"), "it is enough to have said so once")
}

// TestALostTicketIsNotBroughtTwice: a failure after it was brought does not bring it back to the beginning.
func TestALostTicketIsNotBroughtTwice(t *testing.T) {
	r := newRig(t, 1, fast)
	f := r.wallets[0]
	ticket := r.stock(1)[0]
	r.complete(0)
	f.replaced(f.wipe)
	var failed atomic.Bool
	f.failing(func(method string, _ []json.RawMessage) error {
		if method == "setvotechoice" && !failed.Swap(true) {
			return errDisk
		}
		return nil
	})
	r.until("brought again", func() bool { c := f.choices(ticket.Ticket); return c != nil && c.Agendas["agenda-a"] == "yes" })
	require.True(t, failed.Load())
	require.Empty(t, f.idle)
}

// TestATicketIsNotTouchedTwiceAtOnce: a wallet may carry out what it is asked for in another order.
func TestATicketIsNotTouchedTwiceAtOnce(t *testing.T) {
	r := newRigTimeout(t, 1, soon)
	f := r.wallets[0]
	asked, failed, release := make(chan bool, 2), make(chan bool), make(chan bool)
	f.failing(func(method string, _ []json.RawMessage) error {
		if method == "setvotechoice" {
			asked <- true
			<-release
		}
		return nil
	})
	f.Stop()
	ticket, other := chosen(r.chain.ticket(500)), r.chain.ticket(501)
	var once sync.Once
	r.chain.mu.Lock()
	r.chain.hook = func(hash chainhash.Hash) (err error) {
		if hash == other.Ticket {
			once.Do(func() { <-asked; close(failed); err = errors.New("node is away") })
		}
		return err
	}
	r.chain.mu.Unlock()
	r.Hold(ticket)
	r.Hold(other)
	f.Start()
	<-failed // and with it all that was to be brought
	ticket.Choices.Agendas = map[string]string{"agenda-a": "no"}
	r.Hold(ticket)
	r.looksAgain(0, 5)
	require.Empty(t, asked, "the first call has no answer yet")
	close(release)
	r.until("the other choice", func() bool {
		c := f.choices(ticket.Ticket)
		return c != nil && c.Agendas["agenda-a"] == "no" && r.States()[0].Missing == 0
	})
}
