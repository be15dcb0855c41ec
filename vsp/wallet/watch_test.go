package wallet_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/dcrrpc/rpctest"
	"scrutineer/vsp/wallet"
)

// detail waits until a wallet has a problem that is told in these words.
func (r *rig) detail(i int, problem vsp.Problem, words string) {
	r.t.Helper()
	var last vsp.VoterState
	require.Eventually(r.t, func() bool {
		last = r.States()[i]
		return last.Problem == problem && strings.Contains(last.Detail, words)
	}, soon, tick, "%s: %s", problem, words)
	require.NotContains(r.t, last.Detail, rpctest.Password)
}

// TestWhatIsTheMatterIsSaid: each way in which a daemon is out of reach asks for another remedy.
func TestWhatIsTheMatterIsSaid(t *testing.T) {
	r := newRig(t, 1)
	f := r.wallets[0]
	r.problem(0, vsp.NoProblem)
	before := r.States()[0]

	f.Stop()
	r.detail(0, vsp.Unreachable, "nothing listens there")
	after := r.States()[0]
	after.Problem, after.Detail, after.Since, after.Seen, after.Looked = before.Problem, before.Detail, before.Since, before.Seen, before.Looked
	require.Equal(t, before, after, "what it said last stays")

	f.Expect("somebody", "else")
	f.Start()
	r.detail(0, vsp.Unreachable, "does not take this user and password")
	f.Expect(rpctest.User, rpctest.Password)
	r.problem(0, vsp.NoProblem)

	f.Stop()
	f.Renew()
	f.Start()
	r.detail(0, vsp.Unreachable, "copy its rpc.cert here")
	f.Stop()
	f.Restore()
	f.Start()
	r.problem(0, vsp.NoProblem)

	f.failing(func(string, []json.RawMessage) error { return rpctest.ErrHang })
	r.detail(0, vsp.Unreachable, "does not answer")
	f.failing(func(string, []json.RawMessage) error { return rpctest.ErrGarbage })
	r.problem(0, vsp.Unreachable)
	f.failing(nil)
	r.problem(0, vsp.NoProblem)
}

// TestALostConnectionIsSeenAtOnce: that a wallet has ended need not wait for the next round, which is never here.
func TestALostConnectionIsSeenAtOnce(t *testing.T) {
	r := newRig(t, 2, func(o *wallet.Options) { o.CheckEvery = time.Hour })
	r.problem(0, vsp.NoProblem)
	r.problem(1, vsp.NoProblem)
	other := r.States()[1].Looked
	<-r.Looks()
	r.wallets[0].Stop()
	r.problem(0, vsp.Unreachable)
	require.Equal(t, other, r.States()[1].Looked)
	select {
	case <-r.Looks():
	case <-time.After(soon):
		require.Fail(t, "nobody was told of the look")
	}
}

// TestAWalletOfAnotherNetworkGetsNothing: an operator has given the address of another wallet of his.
func TestAWalletOfAnotherNetworkGetsNothing(t *testing.T) {
	r := newRig(t, 2)
	f := r.wallets[0]
	early := r.chain.ticket(899)
	r.Hold(early)
	r.holds(early, 2)
	f.Stop()
	r.problem(0, vsp.Unreachable)
	ours, asked := f.genesis(), len(f.Calls())
	f.Answer("getblockhash", strings.Repeat("0", 63)+"1")
	f.Start()
	r.detail(0, vsp.OtherNetwork, "not on simnet")
	require.False(t, r.States()[0].Online())
	ticket := chosen(r.chain.ticket(900))
	r.Hold(ticket)
	r.holds(ticket, 1)
	r.looksAgain(0, 3)
	for _, method := range f.Calls()[asked:] {
		require.Equal(t, "getblockhash", method)
	}
	require.Equal(t, 1, r.States()[0].Missing)

	f.Stop()
	r.problem(0, vsp.Unreachable)
	f.Answer("getblockhash", ours)
	f.Start()
	r.holds(ticket, 2)
}

// TestAWalletWhoseNodeHangs: it waits for its node before it says how it is, and before it has taken a ticket.
func TestAWalletWhoseNodeHangs(t *testing.T) {
	r := newRig(t, 2)
	f := r.wallets[0]
	r.problem(0, vsp.NoProblem)
	f.set(func() { f.height = 1001 })
	r.until("a block", func() bool { return r.States()[0].Height == 1001 })
	f.failing(func(method string, _ []json.RawMessage) error {
		if method == "walletinfo" || method == "importprivkey" || method == "addtransaction" {
			return rpctest.ErrHang
		}
		return nil
	})
	r.detail(0, vsp.NoNode, "whether dcrd hangs")
	require.EqualValues(t, 1001, r.States()[0].Height)
	ticket := r.chain.ticket(900)
	r.Hold(ticket)
	r.holds(ticket, 1)
	r.looksAgain(0, 2)
	require.NotContains(t, f.Calls(), "importprivkey", "it could not finish")
	f.failing(nil)
	r.problem(0, vsp.NoProblem)
	r.holds(ticket, 2)
}

// looksAgain waits until a wallet was looked at so many times more.
func (r *rig) looksAgain(i, times int) {
	r.t.Helper()
	looks := func() int { return count(r.wallets[i], "getbestblock") + count(r.wallets[i], "getblockhash") }
	seen := looks()
	r.until("more looks", func() bool { return looks() >= seen+times })
}
