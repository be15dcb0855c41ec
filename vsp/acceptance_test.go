package vsp_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// gated runs a test in a bubble, with a node and a gate that asks for one wallet and one peer. The node is fit, and so is the
// first of the two wallets.
func gated(t *testing.T, test func(t *testing.T, r *rig, node *vsptest.Node)) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		node := new(vsptest.Node)
		node.Set(r.fit(), nil)
		r.config.Node, r.config.Now = node, time.Now
		r.config.Gate = vsp.Gate{Wallets: 1, MaxLag: 2, MinPeers: 1, MaxClock: time.Minute, MaxAge: time.Hour}
		r.voters.Set(vsp.VoterState{Height: height}, vsp.VoterState{Height: height, Problem: vsp.Locked})
		r.restart()
		test(t, r, node)
	})
}

func (r *rig) fit() vsp.Standing {
	return vsp.Standing{Tip: r.tip(), TipTime: time.Now(), Peers: 8, PeerHeight: r.tip().Height}
}

// closed checks that new tickets are refused for these reasons, and that nothing of them gets to the network.
func (r *rig) closed(text string, codes ...string) {
	r.t.Helper()
	stranger := r.chain.Ticket(r.holder(99))
	for _, ask := range []func() error{
		func() error { _, err := r.FeeAddress(r.t.Context(), r.feeAddressRequest(stranger)); return err },
		func() error {
			_, err := r.SetAltSignAddr(r.t.Context(), r.altSignRequest(stranger, r.holder(98)))
			return err
		},
	} {
		err := ask()
		require.Equal(r.t, vspapi.VspClosed, code(err), "%v", err)
		require.Equal(r.t, "not taking new tickets now: "+text, err.(*vsp.Error).Text())
	}
	_, err := r.chain.Transaction(r.t.Context(), stranger.Hash())
	require.ErrorIs(r.t, err, vsp.ErrNoTransaction)
	_, err = r.store.AltSigner(r.t.Context(), stranger.Hash())
	require.ErrorIs(r.t, err, vsp.ErrNoAltSigner)
	info, err := r.Info(r.t.Context())
	require.NoError(r.t, err)
	require.True(r.t, info.VspClosed)
	require.Equal(r.t, "not taking new tickets now: "+text, info.VspClosedMsg)
	require.False(r.t, info.Health.Accepting)
	require.Equal(r.t, codes, info.Health.Reasons)
}

// open checks that new tickets are taken.
func (r *rig) open(number uint32) vsptest.Ticket {
	r.t.Helper()
	info, err := r.Info(r.t.Context())
	require.NoError(r.t, err)
	require.False(r.t, info.VspClosed)
	require.Empty(r.t, info.VspClosedMsg)
	require.True(r.t, info.Health.Accepting)
	require.Empty(r.t, info.Health.Reasons)
	ticket := r.chain.Ticket(r.holder(number))
	r.offered(ticket)
	return ticket
}

const (
	noWallet = "0 of 2 voting wallets are ready to vote, 1 is needed"
	notYet   = "our node and the voting wallets were not looked at yet"
)

func TestAcceptance(t *testing.T) {
	gated(t, func(t *testing.T, r *rig, node *vsptest.Node) {
		r.closed(notYet, "not_examined")
		defer r.run()()
		known := r.open(1)
		require.Zero(t, r.log.count("acceptance open"), "it never was closed")

		r.voters.Set(vsp.VoterState{Height: height, Problem: vsp.Unreachable}, vsp.VoterState{Height: height, Problem: vsp.Locked})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		r.closed(noWallet, "too_few_wallets")
		offer := r.offered(known)
		_, err := r.SetAltSignAddr(t.Context(), r.altSignRequest(known, r.holder(2)))
		require.NoError(t, err, "a ticket that is known is served")
		_, err = r.PayFee(t.Context(), r.payFeeRequest(known, r.chain.Pay(offer.FeeAddress, amount(offer.FeeAmount))))
		require.NoError(t, err)

		standing := r.fit()
		standing.Peers = 0
		node.Set(standing, nil)
		time.Sleep(time.Second)
		synctest.Wait()
		r.closed("our node has 0 peers, 1 is needed; "+noWallet, "node_alone", "too_few_wallets")
		node.Set(r.fit(), nil)
		r.voters.Set(vsp.VoterState{Height: height})
		time.Sleep(time.Second)
		synctest.Wait()
		r.open(3)
		require.Equal(t, 1, r.log.count("acceptance closed"))
		require.Equal(t, 1, r.log.count("acceptance open"))
	})
}

func TestAcceptanceNodeAway(t *testing.T) {
	for name, goAway := range map[string]func(*vsptest.Node){
		"refused": func(n *vsptest.Node) { n.Set(vsp.Standing{}, errors.New("dial tcp 10.0.0.7:9109")) },
		"hangs":   (*vsptest.Node).Hang,
	} {
		t.Run(name, func(t *testing.T) {
			gated(t, func(t *testing.T, r *rig, node *vsptest.Node) {
				defer r.run()()
				goAway(node)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				r.closed("our node does not answer", "node_away")
				h := r.Health()
				require.Error(t, h.NodeErr)
				require.EqualValues(t, height, h.Standing.Tip.Height, "as last seen")
				require.Equal(t, 1, h.Ready)
				info, err := r.Info(t.Context())
				require.NoError(t, err)
				require.EqualValues(t, height, info.Health.NodeHeight)
				require.EqualValues(t, 8, info.Health.NodePeers)
				require.EqualValues(t, 1, info.Health.VotingWalletsReady)
				require.InDelta(t, time.Now().Unix(), info.Health.SeenAt, 6)
				node.Set(r.fit(), nil)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				r.open(1)
			})
		})
	}
}

// What was seen long ago is not believed.
func TestAcceptanceNotExamined(t *testing.T) {
	gated(t, func(t *testing.T, r *rig, _ *vsptest.Node) {
		r.run()()
		r.open(1)
		time.Sleep(40 * time.Second)
		r.closed("our node and the voting wallets were not looked at for 41s", "not_examined")
	})
}

// Who begins closed is told why.
func TestAcceptanceClosedFromTheStart(t *testing.T) {
	gated(t, func(t *testing.T, r *rig, _ *vsptest.Node) {
		r.voters.Set(vsp.VoterState{Problem: vsp.Unseen})
		defer r.run()()
		require.Equal(t, 1, r.log.count("acceptance closed"))
		require.Contains(t, r.log.text.String(), "0 of 1 voting wallet are ready to vote, 1 is needed")
		r.voters.Set(vsp.VoterState{Height: height})
		pause()
		require.Equal(t, 1, r.log.count("acceptance open"))
	})
}

func TestSetGate(t *testing.T) {
	gated(t, func(t *testing.T, r *rig, _ *vsptest.Node) {
		defer r.run()()
		r.SetGate(vsp.Gate{Wallets: 2})
		r.closed("1 of 2 voting wallets is ready to vote, 2 are needed", "too_few_wallets")
		synctest.Wait()
		require.Equal(t, 1, r.log.count("acceptance closed"), "without waiting for the next look")
		r.SetGate(vsp.Gate{})
		r.open(1)
	})
}

// What the operator says goes before what was seen, and closes to everybody.
func TestClosedByOperator(t *testing.T) {
	gated(t, func(t *testing.T, r *rig, _ *vsptest.Node) {
		known := r.chain.Buy(r.holder(1))
		require.NoError(t, r.SetTerms(vsp.Terms{FeePercent: 2, XPub: r.config.Terms.XPub, Closed: true, ClosedMessage: "Moving house."}))
		info, err := r.Info(t.Context())
		require.NoError(t, err)
		require.True(t, info.VspClosed)
		require.Equal(t, "Moving house.", info.VspClosedMsg)
		require.False(t, info.Health.Accepting)
		for _, ask := range []func() error{
			func() error { _, err := r.FeeAddress(t.Context(), r.feeAddressRequest(known)); return err },
			func() error { _, err := r.SetAltSignAddr(t.Context(), vsp.Unreadable("", nil)); return err },
			func() error { _, err := r.PayFee(t.Context(), vsp.Unreadable("", nil)); return err },
		} {
			err := ask()
			require.Equal(t, vspapi.VspClosed, code(err))
			require.Equal(t, "vsp is closed", err.(*vsp.Error).Text())
		}
	})
}

// Without a node and a gate, tickets are taken however things are.
func TestNoGate(t *testing.T) {
	r := newRig(t)
	r.voters.Set()
	r.open(1)
	require.Empty(t, r.Health().Reasons)
}
