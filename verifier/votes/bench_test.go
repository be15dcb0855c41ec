package votes

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
)

// BenchmarkTally accounts for the recorded chain: from its start, by rewinding, and for one ticket or many.
func BenchmarkTally(b *testing.B) {
	chain := simnet(b)
	all := count(chain.blocks, simnetParams).tickets()
	many := all
	for i := range uint32(100_000) {
		var made chainhash.Hash
		binary.BigEndian.PutUint32(made[:], i)
		many = append(many, made)
	}
	for _, bench := range []struct {
		name    string
		from    int64
		tickets []chainhash.Hash
	}{{"from-start", 1, all[:10]}, {"rewinding", 17, all[:10]}, {"many-tickets", 17, many}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ledger, err := Tally(context.Background(), chain, simnetParams, Query{From: bench.from, Tickets: bench.tickets})
				require.NoError(b, err)
				require.Nil(b, ledger.Mismatch)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(chain.blocks)), "µs/block")
		})
	}
}

// BenchmarkPool is what a block of mainnet asks of a pool of mainnet's size: five leave, five join, five are drawn.
func BenchmarkPool(b *testing.B) {
	tickets := make([]chainhash.Hash, 41_000)
	for i := range tickets {
		tickets[i] = chainhash.HashH(binary.BigEndian.AppendUint32(nil, uint32(i)))
	}
	live := newPool(tickets)
	seed := chainhash.Hash{1}
	for b.Loop() {
		l, err := draw(live, seed, 5)
		require.NoError(b, err)
		for _, winner := range l.winners {
			live.remove(winner)
		}
		for _, winner := range l.winners {
			live.add(winner)
		}
		seed = l.winners[0]
	}
}
