package testnet

import (
	"testing"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
)

// A ticket that is revoked in the last block that it could have voted in has expired; before that, it was missed.
func TestFatesTellMissedFromExpired(t *testing.T) {
	p, err := newPurse(1)
	require.NoError(t, err)
	p.add([]*wire.MsgTx{reward(p, 5e8, 10)}, wire.TxTreeRegular, 10)
	txs, err := p.tickets(100, 1e6, voters(p, 3))
	require.NoError(t, err)

	fates := NewFates(nil)
	const bought = 101
	fates.add(&wire.MsgBlock{STransactions: txs[1:]}, bought)
	for i, height := range []int64{bought + 17, bought + 16 + 383, bought + 16 + 384} {
		hash := txs[1+i].TxHash()
		outs := stake.ConvertToMinimalOutputs(txs[1+i])
		revocation, err := stake.CreateRevocationFromTicket(&hash, outs, 0, stake.TxVersionAutoRevocations, p.params, make([]byte, 180), true)
		require.NoError(t, err)
		fates.add(&wire.MsgBlock{STransactions: []*wire.MsgTx{revocation}}, height)
		fate, spent := fates.Of(hash)
		require.True(t, spent)
		require.Equal(t, Fate{Expired: i == 2, Height: height, By: revocation.TxHash()}, fate)
	}
	voted, revoked := fates.Count([]chainhash.Hash{txs[1].TxHash(), txs[2].TxHash(), txs[3].TxHash(), {}})
	require.Zero(t, voted)
	require.Equal(t, 3, revoked)
}
