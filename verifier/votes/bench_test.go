package votes

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/decred/dcrd/blockchain/stake/v5"
	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/decred/dcrd/chaincfg/v3"
	"github.com/decred/dcrd/wire"
	"github.com/stretchr/testify/require"
)

// BenchmarkTally accounts for the recorded chain: from its start, by rewinding, and for one ticket or many.
func BenchmarkTally(b *testing.B) {
	chain := simnet(b)
	all := count(chain.blocks, simnetParams).tickets()
	many := all
	for i := range 100_000 {
		many = append(many, made(i))
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

// BenchmarkMainnet accounts for a week of a chain with mainnet's parameters and as many live tickets as it has: what a block
// costs besides fetching and decoding it.
func BenchmarkMainnet(b *testing.B) {
	const week = 2016
	params := chaincfg.MainNetParams()
	first := int64(900_000)
	chain := grow(b, params, first, week+int(params.TicketMaturity))
	for _, count := range []int{10, 100_000} {
		b.Run(fmt.Sprintf("live=%d/tickets=%d", len(chain.live), count), func(b *testing.B) {
			q := Query{From: first + int64(params.TicketMaturity), Tickets: slices.Clone(chain.live[:10])}
			for i := len(q.Tickets); i < count; i++ {
				q.Tickets = append(q.Tickets, made(-i))
			}
			b.ReportAllocs()
			for b.Loop() {
				ledger, err := Tally(context.Background(), chain, params, q)
				require.NoError(b, err)
				require.Nil(b, ledger.Mismatch)
				require.Equal(b, week, ledger.Checked)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*week), "µs/block")
		})
	}
}

// stretch is the end of a long chain.
type stretch struct {
	recorded
	first int64
}

func (s *stretch) Range(ctx context.Context, first int64, tip Tip) iter.Seq2[*wire.MsgBlock, error] {
	return s.recorded.Range(ctx, first-s.first+1, tip)
}

// grow makes the blocks of a chain with a full pool, in each of which five tickets are bought, and in each tenth of which a
// winner misses.
func grow(b *testing.B, params *chaincfg.Params, first int64, length int) *stretch {
	m := new(model)
	m.sstx, m.vote, m.revocation = templates(b)
	s := &stretch{first: first}
	live := newPool(nil)
	for i := range int(params.TicketPoolSize) * int(params.TicketsPerBlock) {
		live.add(made(i))
	}
	var bought [][]chainhash.Hash
	var l lottery
	for height := first; height < first+int64(length); height++ {
		header := wire.BlockHeader{Height: uint32(height), PoolSize: uint32(live.size), FinalState: l.finalState}
		if height > first {
			header.PrevBlock = s.blocks[height-first-1].BlockHash()
		}
		block := &wire.MsgBlock{Header: header}
		for i, winner := range l.winners {
			live.remove(winner)
			if i == 0 && height%10 == 0 {
				block.STransactions = append(block.STransactions, spend(m.revocation, 0, winner))
				block.Header.Revocations++
				continue
			}
			block.STransactions = append(block.STransactions, spend(m.vote, 1, winner))
			block.Header.Voters++
		}
		var tickets []chainhash.Hash
		for range params.TicketsPerBlock {
			tx := m.buy()
			block.STransactions = append(block.STransactions, tx)
			tickets = append(tickets, tx.TxHash())
		}
		block.Header.FreshStake = uint8(len(tickets))
		bought = append(bought, tickets)
		if matured := len(bought) - 1 - int(params.TicketMaturity); matured >= 0 {
			for _, ticket := range bought[matured] {
				live.add(ticket)
			}
		}
		raw, err := block.Header.Bytes()
		require.NoError(b, err)
		l, err = draw(live, stake.CalcHash256PRNGIV(raw), int(params.TicketsPerBlock))
		require.NoError(b, err)
		s.blocks = append(s.blocks, block)
	}
	s.live = slices.Collect(live.all())
	return s
}

// made returns the hash of a ticket that is on no chain.
func made(i int) chainhash.Hash {
	return chainhash.HashH(binary.BigEndian.AppendUint64(nil, uint64(i)))
}

// BenchmarkPool is what a block of mainnet asks of a pool of mainnet's size: five leave, five join, five are drawn.
func BenchmarkPool(b *testing.B) {
	tickets := make([]chainhash.Hash, 41_000)
	for i := range tickets {
		tickets[i] = made(i)
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
