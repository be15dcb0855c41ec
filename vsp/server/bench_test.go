package server_test

import (
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"scrutineer/vsp/sqlstore"
	"scrutineer/vsp/storetest"
	"scrutineer/vsp/vspapi"
	"scrutineer/vsp/vsptest"
)

// benchmark measures requests through the handler, with many clients at once, on either store. The node is in memory: what
// a real one takes comes on top.
func benchmark(b *testing.B, path string, prepare func(r *rig, number uint32) signed) {
	stores := map[string]func(r *rig){
		"memory": func(r *rig) { r.store = new(storetest.Memory) },
		"sqlite": func(r *rig) {
			sealer, err := sqlstore.NewSealer(make([]byte, 32))
			require.NoError(b, err)
			store, err := sqlstore.Open(b.Context(), sqlstore.Config{Path: filepath.Join(b.TempDir(), "vsp.db")}, sealer)
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, store.Close()) })
			r.store = store
		},
	}
	for name, open := range stores {
		b.Run(name, func(b *testing.B) {
			r := newRig(b, open)
			requests := make([]signed, b.N)
			for i := range requests {
				requests[i] = prepare(r, uint32(i))
			}
			r.log.Reset()
			var next atomic.Int64
			b.SetParallelism(8)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					answer := r.post(path, requests[next.Add(1)-1])
					if answer.StatusCode != http.StatusOK {
						b.Errorf("%s: %d", path, answer.StatusCode)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}

func BenchmarkInfo(b *testing.B) {
	r := newRig(b)
	b.ReportAllocs()
	for b.Loop() {
		r.do(http.MethodGet, vspapi.PathInfo, nil)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

func BenchmarkTicketStatus(b *testing.B) {
	var request *signed
	benchmark(b, vspapi.PathTicketStatus, func(r *rig, number uint32) signed {
		if number == 0 {
			t := r.paid(1)
			s := r.ticketStatus(t).by(t.Holder)
			request = &s
		}
		return *request
	})
}

func BenchmarkFeeAddress(b *testing.B) {
	benchmark(b, vspapi.PathFeeAddress, func(r *rig, number uint32) signed {
		t := r.chain.Buy(vsptest.NewHolder(r.chain.Params, number))
		return r.feeAddress(t).by(t.Holder)
	})
}

func BenchmarkPayFee(b *testing.B) {
	benchmark(b, vspapi.PathPayFee, func(r *rig, number uint32) signed {
		t := r.chain.Buy(vsptest.NewHolder(r.chain.Params, number))
		return r.payFee(t, r.fee(r.offered(t))).by(t.Holder)
	})
}
