package blocks_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"

	"scrutineer/verifier/blocks"
	"scrutineer/verifier/votes"
	"scrutineer/vsp/dcrrpc"
)

// BenchmarkLedger accounts for the recorded chain of 560 blocks on a real node, which has a core of its own if there are
// two, by turns with merely fetching the same raw blocks: that is asking for them over as many connections, with as many
// requests under way, and throwing the answers away undecoded. So what else the machine does hits both alike.
//
// With four connections the ledger takes at most 1.2 times as long, for 10 tickets as for 100,000, and this process stays
// under 100 MB.
func BenchmarkLedger(b *testing.B) {
	rpc := startRecorded(b)
	profile, err := blocks.New(rpc.Node).Network(b.Context())
	require.NoError(b, err)
	tip, err := blocks.New(rpc.Node).Tip(b.Context())
	require.NoError(b, err)
	hashes := make([]chainhash.Hash, tip.Height)
	for i := range hashes {
		hashes[i], err = rpc.BlockHash(b.Context(), int64(i)+1)
		require.NoError(b, err)
	}
	own := readTickets(b, "wallet.txt")
	for _, bench := range []struct{ connections, tickets int }{{1, 10}, {4, 10}, {4, 100_000}} {
		b.Run(fmt.Sprintf("connections=%d/tickets=%d", bench.connections, bench.tickets), func(b *testing.B) {
			fetchers := dial(b, rpc.Config, bench.connections)
			node := blocks.New(rpc.Node)
			if bench.connections > 1 {
				node = blocks.Open(rpc.Config)
				defer node.Close()
			}
			q := votes.Query{Tickets: padded(own, bench.tickets), From: 17}
			peak := watchMemory()
			var fetching, accounting time.Duration
			for b.Loop() {
				began := time.Now()
				fetch(b, fetchers, hashes)
				fetched := time.Now()
				ledger, err := votes.Tally(b.Context(), node, profile.Params, q)
				require.NoError(b, err)
				require.Len(b, ledger.Entries, bench.tickets)
				accounting += time.Since(fetched)
				fetching += fetched.Sub(began)
			}
			each := 1e3 / float64(b.N*len(hashes))
			b.ReportMetric(fetching.Seconds()*each, "fetch-ms/block")
			b.ReportMetric(accounting.Seconds()*each, "ledger-ms/block")
			b.ReportMetric(accounting.Seconds()/fetching.Seconds(), "ledger/fetch")
			b.ReportMetric(peak(), "peak-MB")
		})
	}
}

// dial returns clients that are connected.
func dial(b *testing.B, config dcrrpc.Config, connections int) []*dcrrpc.Node {
	var all []*dcrrpc.Node
	for range connections {
		rpc := dcrrpc.NewNode(config)
		b.Cleanup(rpc.Close)
		_, err := rpc.Connect(b.Context())
		require.NoError(b, err)
		all = append(all, rpc)
	}
	return all
}

// requests is how many are under way while merely fetching, as in Range.
const requests = 12

func fetch(b *testing.B, fetchers []*dcrrpc.Node, hashes []chainhash.Hash) {
	var next atomic.Int64
	var working sync.WaitGroup
	for worker := range requests {
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(hashes)); i = next.Add(1) - 1 {
				var raw json.RawMessage
				if err := fetchers[worker%len(fetchers)].Call(context.Background(), &raw, "getblock", hashes[i], false); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	working.Wait()
}

// padded returns so many tickets: some that are on the chain, and others that are nowhere.
func padded(own []chainhash.Hash, count int) []chainhash.Hash {
	tickets := append([]chainhash.Hash{}, own[:min(len(own), count)]...)
	for i := len(tickets); i < count; i++ {
		tickets = append(tickets, chainhash.HashH(binary.BigEndian.AppendUint32(nil, uint32(i))))
	}
	return tickets
}

// watchMemory returns a function that returns the most memory that this process had from the system meanwhile, in MB.
func watchMemory() func() float64 {
	debug.FreeOSMemory()
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		most := uint64(0)
		for {
			metrics.Read(samples)
			most = max(most, samples[0].Value.Uint64()-samples[1].Value.Uint64())
			select {
			case <-time.After(2 * time.Millisecond):
			case <-stop:
				done <- most
				return
			}
		}
	}()
	return func() float64 {
		close(stop)
		return float64(<-done) / 1e6
	}
}
