package testnet

import (
	"slices"
	"testing"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/dcrutil/v4"
	"github.com/decred/dcrd/txscript/v4/stdaddr"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// reward is a block's first transaction, which pays to the purse.
func reward(p *purse, value dcrutil.Amount, height int64) *wire.MsgTx {
	_, script := p.address.PaymentScript()
	tx := wire.NewMsgTx()
	tx.LockTime = uint32(height) // tells it from the others
	tx.AddTxOut(wire.NewTxOut(int64(value), script))
	return tx
}

// No coin is spent twice or made of nothing, whatever is bought: what goes in comes out or is paid in fees, and the purse
// knows what it is left with.
func TestPurseKeepsAccounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, err := newPurse(7)
		require.NoError(t, err)
		values := make(map[wire.OutPoint]int64) // of everything not spent yet
		take := func(tx *wire.MsgTx) {
			hash, in, out := tx.TxHash(), int64(0), int64(0)
			for _, input := range tx.TxIn {
				require.Equal(t, values[input.PreviousOutPoint], input.ValueIn, "spent already, or never there")
				require.NotEmpty(t, input.SignatureScript)
				delete(values, input.PreviousOutPoint)
				in += input.ValueIn
			}
			for i, output := range tx.TxOut {
				require.GreaterOrEqual(t, output.Value, int64(0))
				values[*wire.NewOutPoint(&hash, uint32(i), wire.TxTreeRegular)] = output.Value
				out += output.Value
			}
			require.Greater(t, in, out, "pays no fee")
			require.Less(t, in-out, int64(dcrutil.AtomsPerCoin/10), "pays too high a fee")
		}
		height := int64(1)
		for range rapid.IntRange(1, 30).Draw(t, "acts") {
			height++
			if rapid.Bool().Draw(t, "mine") {
				tx := reward(p, dcrutil.Amount(rapid.Int64Range(1e8, 10e8).Draw(t, "reward")), height)
				hash := tx.TxHash()
				values[*wire.NewOutPoint(&hash, 0, wire.TxTreeRegular)] = tx.TxOut[0].Value
				p.add([]*wire.MsgTx{tx}, wire.TxTreeRegular, height)
				continue
			}
			price := dcrutil.Amount(rapid.Int64Range(20000, 1e8).Draw(t, "price"))
			count := rapid.IntRange(1, 20).Draw(t, "count")
			txs, err := p.tickets(height, price, voters(p, count))
			if err != nil {
				require.ErrorIs(t, err, errPurseEmpty)
				continue
			}
			require.Len(t, txs, count+1)
			for i, tx := range txs {
				take(tx)
				if i > 0 {
					require.Equal(t, stake.TxTypeSStx, stake.DetermineTxType(tx))
					require.EqualValues(t, price, tx.TxOut[0].Value)
				}
			}
			for _, coin := range p.coins {
				require.EqualValues(t, values[coin.out], coin.value)
			}
		}
	})
}

func TestPurseWaitsForMaturity(t *testing.T) {
	p, err := newPurse(7)
	require.NoError(t, err)
	p.add([]*wire.MsgTx{reward(p, 5e8, 10)}, wire.TxTreeRegular, 10)
	_, err = p.tickets(25, 1e6, voters(p, 1))
	require.ErrorIs(t, err, errPurseEmpty)
	_, err = p.tickets(26, 1e6, voters(p, 1))
	require.NoError(t, err)
}

func voters(p *purse, count int) []stdaddr.StakeAddress {
	return slices.Repeat([]stdaddr.StakeAddress{p.address}, count)
}
