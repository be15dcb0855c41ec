package wallet_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc/rpctest"
)

// faults makes a share of a wallet's calls go wrong, each in one of the ways in which calls do.
type faults struct {
	mu     sync.Mutex
	random *rand.Rand
	kinds  []error
}

// some returns faults that hit one call in rarity. The list of policies is left alone, as its timeout is far longer than the
// others', and than a test.
func some(seed uint64, rarity int, kinds ...error) func(string, []json.RawMessage) (bool, error) {
	f := &faults{random: rand.New(rand.NewPCG(seed, 0)), kinds: kinds}
	return func(method string, _ []json.RawMessage) (bool, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if method == "treasurypolicy" || f.random.IntN(rarity) > 0 {
			return true, nil
		}
		return f.random.IntN(2) == 0, f.kinds[f.random.IntN(len(f.kinds))]
	}
}

var errDisk = errors.New("input/output error")

var (
	agendaChoices = rapid.MapOf(rapid.SampledFrom(fakeAgendas), rapid.SampledFrom([]string{"yes", "no", "abstain"}))
	policyChoices = rapid.MapOf(rapid.SampledFrom([]string{"0a", "0b", "0c"}), rapid.SampledFrom([]string{"yes", "no", "abstain"}))
)

func drawChoices(t *rapid.T) vsp.Choices {
	return vsp.Choices{Agendas: agendaChoices.Draw(t, "agendas"), TSpends: policyChoices.Draw(t, "tspends"),
		Treasury: policyChoices.Draw(t, "treasury")}
}

// effective is what choices come to in a wallet, where an abstention is the same as nothing.
func effective(c vsp.Choices) vsp.Choices {
	without := func(m map[string]string) map[string]string {
		m = maps.Clone(m)
		maps.DeleteFunc(m, func(_, value string) bool { return value == "abstain" })
		if m == nil {
			m = map[string]string{}
		}
		return m
	}
	return vsp.Choices{Agendas: without(c.Agendas), TSpends: without(c.TSpends), Treasury: without(c.Treasury)}
}

// world is a pool, its wallets, and what is wanted of them.
type world struct {
	*rig
	all     []vsp.Held
	wanted  map[int]vsp.Held // by place in all
	restore map[*fakeWallet]func()
}

// choose gives a ticket other choices. As the service does it, none is forgotten: who abstains now has said so.
func (w *world) choose(t *rapid.T, i int) {
	merge := func(m, later map[string]string) map[string]string {
		m = maps.Clone(m)
		if m == nil {
			m = make(map[string]string)
		}
		maps.Copy(m, later)
		return m
	}
	old, later := w.all[i].Choices, drawChoices(t)
	w.all[i].Choices = vsp.Choices{Agendas: merge(old.Agendas, later.Agendas), TSpends: merge(old.TSpends, later.TSpends),
		Treasury: merge(old.Treasury, later.Treasury)}
	w.wanted[i] = w.all[i]
	w.Hold(w.all[i])
}

// act does one thing that holders, operators or the world do.
func (w *world) act(t *rapid.T) {
	f := w.wallets[rapid.IntRange(0, len(w.wallets)-1).Draw(t, "wallet")]
	i := rapid.IntRange(0, len(w.all)-1).Draw(t, "ticket")
	switch rapid.SampledFrom([]string{"hold", "hold", "hold", "hold", "release", "drop", "audit", "stop", "start", "break off", "lock", "unlock",
		"faults", "sound", "wipe", "back up", "restore", "drift", "behind"}).Draw(t, "act") {
	case "hold":
		w.choose(t, i)
	case "release":
		delete(w.wanted, i)
		w.Release(w.all[i].Ticket)
	case "drop":
		clear(w.wanted)
		w.Drop()
	case "audit":
		require.NoError(w.t, w.Audit("w0"))
	case "stop":
		f.Stop()
	case "start":
		f.resume()
	case "break off":
		f.DropAll()
	case "lock":
		f.set(func() { f.info.Unlocked = false })
	case "unlock":
		f.set(func() { f.info.Unlocked = true })
	case "faults":
		fail := some(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(3, 30).Draw(t, "rarity"), errDisk, errDisk, rpctest.ErrDrop,
			rpctest.ErrGarbage, rpctest.ErrHang)
		f.set(func() { f.fail = fail })
	case "sound":
		f.failing(nil)
	case "wipe":
		f.replaced(func() { f.wipe() })
	case "back up":
		w.restore[f] = f.backup()
	case "restore":
		if restore := w.restore[f]; restore != nil {
			f.replaced(restore)
			delete(w.restore, f) // the wallet has its maps now
		}
	case "drift":
		f.set(func() { w.drift(f, i) })
	case "behind":
		f.set(func() { f.height = 700 })
	}
}

// drift changes what a wallet holds of a ticket behind our back, in ways that can be noticed: an unwanted policy on a
// treasury spend cannot.
func (w *world) drift(f *fakeWallet, i int) {
	hash := w.all[i].Ticket.String()
	if ticket := f.tickets[hash]; ticket != nil {
		ticket.agendas["agenda-a"] = "no"
	}
	if f.treasury[hash] != nil {
		f.treasury[hash]["0f"] = "yes"
	}
	for tspend := range effective(w.wanted[i].Choices).TSpends {
		delete(f.tspends[hash], tspend)
	}
}

// resume starts a wallet that may run already.
func (f *fakeWallet) resume() {
	f.Stop()
	f.Start()
}

// replaced puts another wallet in the place of one.
func (f *fakeWallet) replaced(change func()) {
	f.Stop()
	f.set(change)
	f.Start()
}

// heal ends all that was wrong.
func (w *world) heal() {
	for _, f := range w.wallets {
		f.set(func() { f.fail, f.info, f.height = nil, soundInfo, 1000 })
		f.resume()
	}
}

// right reports whether every wallet holds all that is wanted, as it is wanted, and says so.
func (w *world) right() (bool, string) {
	states := w.States()
	for i, ticket := range w.wanted {
		for n, f := range w.wallets {
			have := f.choices(ticket.Ticket)
			if have == nil {
				return false, fmt.Sprintf("ticket %d missing in wallet %d: %+v", i, n, states[n])
			}
			if want := effective(ticket.Choices); !equalChoices(want, effective(*have)) {
				return false, fmt.Sprintf("ticket %d in wallet %d: want %v, have %v", i, n, want, *have)
			}
		}
		if w.Holders(ticket.Ticket) != len(w.wallets) {
			return false, fmt.Sprintf("ticket %d is held and not known to be: %+v", i, states)
		}
	}
	return true, ""
}

// settle waits until all is right.
func (w *world) settle() {
	w.t.Helper()
	for deadline := time.Now().Add(soon); ; time.Sleep(tick) {
		right, why := w.right()
		if right {
			return
		}
		require.True(w.t, time.Now().Before(deadline), why)
	}
}

func equalChoices(a, b vsp.Choices) bool {
	return maps.Equal(a.Agendas, b.Agendas) && maps.Equal(a.TSpends, b.TSpends) && maps.Equal(a.Treasury, b.Treasury)
}

// few keeps the number of runs low: each is a network of its own, in real time.
func few(t *testing.T, runs string) {
	before := flag.Lookup("rapid.checks").Value.String()
	require.NoError(t, flag.Set("rapid.checks", runs))
	t.Cleanup(func() { _ = flag.Set("rapid.checks", before) })
}

// newWorld runs a pool on two wallets until done is called.
func newWorld(t *testing.T) (w *world, done func()) {
	w = &world{rig: newRigTimeout(t, 2, 100*time.Millisecond, fast), wanted: make(map[int]vsp.Held),
		restore: make(map[*fakeWallet]func())}
	for i := range 12 {
		w.all = append(w.all, w.chain.ticket(int64(600+20*i)))
	}
	return w, func() {
		w.end()
		for _, f := range w.wallets {
			f.Stop()
		}
	}
}

// TestWhateverHappensWalletsComeToBeRight: in the end each holds every wanted ticket with its present choices.
func TestWhateverHappensWalletsComeToBeRight(t *testing.T) {
	few(t, "40")
	rapid.Check(t, func(rt *rapid.T) {
		w, done := newWorld(t)
		defer done()
		for range rapid.IntRange(1, 40).Draw(rt, "acts") {
			w.act(rt)
			time.Sleep(time.Duration(rapid.IntRange(0, 8).Draw(rt, "ms")) * time.Millisecond)
		}
		w.heal()
		w.settle()
	})
}

// TestNothingIsDoneTwice: whatever calls and connections fail, no call is made that changes nothing, but for keys, of which a
// wallet does not tell whether it has them.
func TestNothingIsDoneTwice(t *testing.T) {
	few(t, "40")
	rapid.Check(t, func(rt *rapid.T) {
		w, done := newWorld(t)
		defer done()
		for _, f := range w.wallets {
			fail := some(rapid.Uint64().Draw(rt, "seed"), rapid.IntRange(10, 100).Draw(rt, "rarity"), errDisk, rpctest.ErrDrop,
				rpctest.ErrGarbage)
			f.set(func() { f.fail = fail })
		}
		for range rapid.IntRange(1, 30).Draw(rt, "acts") {
			i := rapid.IntRange(0, len(w.all)-1).Draw(rt, "ticket")
			w.choose(rt, i)
			time.Sleep(time.Duration(rapid.IntRange(0, 10).Draw(rt, "ms")) * time.Millisecond)
		}
		for _, f := range w.wallets {
			f.failing(nil)
		}
		w.settle()
		for _, f := range w.wallets {
			f.set(func() {
				idle := slices.DeleteFunc(slices.Clone(f.idle), func(call string) bool { return strings.HasPrefix(call, "importprivkey") })
				require.Empty(t, idle)
			})
		}
	})
}
