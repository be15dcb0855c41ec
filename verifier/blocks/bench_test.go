package blocks_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
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

// BenchmarkLedger accounts for the recorded chain of 560 blocks on a real node, by turns with merely fetching the same raw
// blocks over as many connections, each of which has one request under way, and decoding their hex. So what else the
// machine does hits both alike. "pipelined" is the most that the node and rpcclient can do: more requests under way than
// there are connections, and the answers thrown away as they come.
//
// With four connections the ledger takes at most 1.2 times as long as fetching, for 10 tickets as for 100,000, and this
// process stays under 100 MB.
func BenchmarkLedger(b *testing.B) {
	rpc := startRecorded(b)
	profile, err := blocks.New(rpc.Node).Network(b.Context())
	require.NoError(b, err)
	hashes := make([]chainhash.Hash, 560)
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
			var fetching, pipelining, accounting time.Duration
			for b.Loop() {
				fetching += timed(func() { fetch(b, fetchers, len(fetchers), hashes, decoded) })
				pipelining += timed(func() { fetch(b, fetchers, 16, hashes, func(json.RawMessage) error { return nil }) })
				accounting += timed(func() {
					ledger, err := votes.Tally(b.Context(), node, profile.Params, q)
					require.NoError(b, err)
					require.Len(b, ledger.Entries, bench.tickets)
				})
			}
			each := 1e3 / float64(b.N*len(hashes))
			b.ReportMetric(fetching.Seconds()*each, "fetch-ms/block")
			b.ReportMetric(pipelining.Seconds()*each, "pipelined-ms/block")
			b.ReportMetric(accounting.Seconds()*each, "ledger-ms/block")
			b.ReportMetric(accounting.Seconds()/fetching.Seconds(), "ledger/fetch")
			b.ReportMetric(peak(), "peak-MB")
		})
	}
}

func timed(act func()) time.Duration {
	began := time.Now()
	act()
	return time.Since(began)
}

func decoded(answer json.RawMessage) error {
	var text string
	if err := json.Unmarshal(answer, &text); err != nil {
		return err
	}
	_, err := hex.DecodeString(text)
	return err
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

// fetch has so many workers fetch the blocks.
func fetch(b *testing.B, fetchers []*dcrrpc.Node, workers int, hashes []chainhash.Hash, use func(json.RawMessage) error) {
	var next atomic.Int64
	var working sync.WaitGroup
	for worker := range workers {
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(hashes)); i = next.Add(1) - 1 {
				var raw json.RawMessage
				err := fetchers[worker%len(fetchers)].Call(context.Background(), &raw, "getblock", hashes[i], false)
				if err := errors.Join(err, use(raw)); err != nil {
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
