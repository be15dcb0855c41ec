package probe

import (
	"encoding/hex"
	"testing"
	"time"

	chainjson "github.com/decred/dcrd/rpc/jsonrpc/types/v4"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/vsp/dcrrpc"
)

// listener is a mempool that hears what a test says.
type listener struct {
	*Mempool
	tip wire.BlockHeader
}

func newListener() *listener {
	now := time.Unix(1e9, 0)
	return &listener{Mempool: NewMempool(dcrrpc.NewNode(dcrrpc.Config{}), "here", func() time.Time {
		now = now.Add(time.Second) // each look at the clock takes a second
		return now
	})}
}

// mine sends a block that follows the tip.
func (l *listener) mine(t *testing.T) {
	l.tip = wire.BlockHeader{Height: l.tip.Height + 1, PrevBlock: l.tip.BlockHash()}
	raw, err := l.tip.Bytes()
	require.NoError(t, err)
	l.block(raw, nil)
}

func hash(c byte) string {
	h := verifier.Hash{c}
	return h.String()
}

// vote is a vote on the tip.
func (l *listener) vote(ticket, tx byte) *chainjson.TxRawResult {
	block := l.tip.BlockHash()
	script := append(append([]byte{0x6a, 0x24}, block[:]...), byte(l.tip.Height), 0, 0, 0)
	return &chainjson.TxRawResult{Txid: hash(tx), Vin: []chainjson.Vin{{Stakebase: "0000"}, {Txid: hash(ticket)}},
		Vout: []chainjson.Vout{{ScriptPubKey: chainjson.ScriptPubKeyResult{Hex: hex.EncodeToString(script)}}}}
}

func seenVote(on verifier.Observation, ticket, tx byte, after time.Duration) verifier.SeenVote {
	return verifier.SeenVote{Ticket: verifier.Hash{ticket}, Vote: verifier.Hash{tx}, Block: on.Tip.Hash, After: after}
}

func TestVotesAreNotedByTip(t *testing.T) {
	l := newListener()
	l.subscribed(0)
	l.mine(t)
	l.mine(t)
	l.accepted(l.vote(1, 11))
	l.accepted(l.vote(2, 12))
	l.accepted(l.vote(2, 12))
	l.accepted(&chainjson.TxRawResult{Txid: hash(5), Vin: []chainjson.Vin{{Txid: hash(6)}, {Txid: hash(7)}}}) // no vote
	l.accepted(&chainjson.TxRawResult{Txid: hash(5), Vin: []chainjson.Vin{{Stakebase: "0000"}}})
	l.mine(t)
	l.accepted(l.vote(3, 13))
	l.mine(t)
	seen := l.Take()
	require.Len(t, seen, 3)
	require.False(t, seen[0].Tip.Whole, "nobody knows what came before we listened")
	require.Empty(t, seen[0].Tip.Votes)
	require.Equal(t, &verifier.TipVotes{Height: 2, Hash: seen[1].Tip.Hash, Whole: true,
		Votes: []verifier.SeenVote{seenVote(seen[1], 1, 11, time.Second), seenVote(seen[1], 2, 12, 2*time.Second)}}, seen[1].Tip)
	require.Equal(t, []verifier.SeenVote{seenVote(seen[2], 3, 13, time.Second)}, seen[2].Tip.Votes)
	require.Empty(t, l.Take())
}

func TestBreaksAreNoted(t *testing.T) {
	tests := []struct {
		name string
		make func(*testing.T, *listener)
		want []bool // whole, of the records from height 2 on
	}{
		{"none", func(t *testing.T, l *listener) { l.mine(t) }, []bool{true, true}},
		{"connection lost", func(t *testing.T, l *listener) { l.reconnected(); l.subscribed(1); l.mine(t); l.mine(t) }, []bool{false, true}},
		{"lost, and not subscribed since", func(t *testing.T, l *listener) { l.reconnected(); l.mine(t); l.mine(t) }, []bool{false, false}},
		{"lost, subscribed on another connection", func(t *testing.T, l *listener) {
			l.reconnected()
			l.subscribed(0)
			l.mine(t)
			l.mine(t)
		}, []bool{false, false}},
		{"told of it late", func(t *testing.T, l *listener) { l.mine(t); l.reconnected(); l.subscribed(1); l.mine(t) }, []bool{false, false}},
		{"a block not heard", func(t *testing.T, l *listener) { l.tip.Height++; l.mine(t); l.mine(t) }, []bool{true, false}},
		{"a block that cannot be read", func(t *testing.T, l *listener) { l.block([]byte{1}, nil); l.mine(t) }, []bool{false, false}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := newListener()
			l.subscribed(0)
			l.mine(t)
			l.mine(t)
			test.make(t, l)
			l.mine(t)
			seen := l.Take()
			var whole []bool
			for _, o := range seen[1:] {
				whole = append(whole, o.Tip.Whole)
			}
			require.Equal(t, test.want, whole[:len(test.want)])
		})
	}
}
