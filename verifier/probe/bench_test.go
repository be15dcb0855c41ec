package probe

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
)

// vantages returns one for each VSP of the fleet, with an HTTP client of its own: VSPs share addresses here, and a client
// would put two requests to one address on one connection where it speaks HTTP/2.
func (f fleet) vantages(t testing.TB, count int) []*Vantage {
	roots := x509.NewCertPool()
	if f.CA != nil {
		authority, err := x509.ParseCertificate(f.CA)
		require.NoError(t, err)
		roots.AddCert(authority)
	}
	first := vantage(t, "")
	all := make([]*Vantage, count)
	for i := range all {
		v := *first
		v.Target.URL, v.Target.PubKey = f.url(i), fleetKey(i).Public().(ed25519.PublicKey)
		v.HTTP, v.Roots, v.Slot = NewHTTP(roots), roots, fleetSlot
		all[i] = &v
	}
	return all
}

// The line to reach: so many targets, each looked at once a slot.
const (
	fleetTargets = 10_000
	fleetSlot    = 10 * time.Second
	fleetSlots   = 3
)

// BenchmarkTargets looks at 10,000 VSPs every 10 seconds on one core, for three slots: a thousand times a second a new
// connection, a GET of vspinfo, and the check of its signature, key, network, time and height, as a trial does it. A tenth
// of the VSPs take the request and never answer, and hold a connection for as long as a probe may take, 5 s here: so about
// 500 connections are open at a time, and 10,000 dark targets would hold 5,000. Each target has its own phase, as trials
// that began at different times have. The VSPs run in another process, which takes what is left of the machine.
//
// It fails where a slot was missed (a round that could not begin in its slot), where a VSP that answers was seen as anything
// but up, and where more than one core was used.
func BenchmarkTargets(b *testing.B) {
	for _, way := range []string{overHTTP, overP256} {
		b.Run(way, func(b *testing.B) {
			all := startFleet(b, way).vantages(b, fleetTargets)
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			for b.Loop() {
				watchFleet(b, all)
			}
		})
	}
}

// tallied is what was seen of a fleet.
type tallied struct {
	missed     atomic.Int64
	mu         sync.Mutex
	wrong      map[string]int  // codes seen in the place of what is so, and how often
	late, took []time.Duration // of each round: how long after its time it began; how long an answer took
}

func watchFleet(b *testing.B, all []*Vantage) {
	seen := tallied{wrong: make(map[string]int)}
	var watching sync.WaitGroup
	peak := watchFleetMemory()
	began, used := time.Now(), cpuTime()
	begins := began.Add(time.Second)
	for i, v := range all {
		phase := fleetSlot * time.Duration(i) / time.Duration(len(all))
		watching.Go(func() { seen.watch(b.Context(), v, begins.Add(phase), silent(i)) })
	}
	watching.Wait()
	cores := (cpuTime() - used).Seconds() / time.Since(began).Seconds()
	b.ReportMetric(float64(seen.missed.Load()), "missed")
	b.ReportMetric(float64(len(seen.late)), "rounds")
	b.ReportMetric(cores, "cores")
	b.ReportMetric((cpuTime()-used).Seconds()*1e6/float64(len(seen.late)), "cpu-µs/round")
	b.ReportMetric(p99(seen.late), "p99-late-ms")
	b.ReportMetric(p99(seen.took), "p99-answer-ms")
	b.ReportMetric(peak(), "peak-MB")
	open, err := os.ReadDir("/proc/self/fd")
	require.NoError(b, err)
	b.ReportMetric(float64(len(open)), "files-left-open")
	if seen.missed.Load() > 0 || len(seen.wrong) > 0 || cores > 1 {
		b.Errorf("%d slots missed, rounds up to %.0f ms late at the 99th percentile, %.2f cores used (if that is little, others had the rest), seen and not so: %v",
			seen.missed.Load(), p99(seen.late), cores, seen.wrong)
	}
}

// watch looks at one target once a slot.
func (s *tallied) watch(ctx context.Context, v *Vantage, begins time.Time, silent bool) {
	want := verifier.OK
	if silent {
		want = verifier.NoAnswer
	}
	own := &verifier.NodeState{Height: 100, Peers: 3}
	for slot := range fleetSlots {
		due := begins.Add(time.Duration(slot) * fleetSlot)
		time.Sleep(time.Until(due))
		late := time.Since(due)
		if late >= fleetSlot {
			s.missed.Add(1)
			continue
		}
		o := v.look(ctx, v.Now().UTC(), verifier.KindInfo, own)[0]
		s.mu.Lock()
		if o.Code != want {
			s.wrong[string(o.Code)]++
		}
		s.late = append(s.late, late)
		if !silent {
			s.took = append(s.took, o.Took)
		}
		s.mu.Unlock()
	}
}

// BenchmarkRound is the CPU time of one look at a VSP by each kind of probe, and of a whole round of all, one after another.
func BenchmarkRound(b *testing.B) {
	for _, way := range []string{overHTTP, overP256, overEd25519} {
		v := startFleet(b, way).vantages(b, 1)[0]
		for _, kind := range []string{verifier.KindInfo, verifier.KindSite, verifier.KindTLS, "round"} {
			if way == overHTTP && kind == verifier.KindTLS {
				continue
			}
			b.Run(way+"/"+kind, func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
				used := cpuTime()
				for b.Loop() {
					seen := v.looks(b.Context(), kind)
					require.True(b, slices.IndexFunc(seen, func(o verifier.Observation) bool { return o.Code != verifier.OK }) < 0, "%+v", seen)
				}
				b.ReportMetric((cpuTime()-used).Seconds()*1e6/float64(b.N), "cpu-µs/op")
			})
		}
	}
}

func (v *Vantage) looks(ctx context.Context, kind string) []verifier.Observation {
	if kind == "round" {
		return v.Round(ctx)
	}
	return v.look(ctx, v.Now().UTC(), kind, &verifier.NodeState{Height: 100, Peers: 3})
}

// cpuTime returns what this process has used so far, in it and in the system on its behalf.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func p99(all []time.Duration) float64 {
	slices.Sort(all)
	return all[len(all)*99/100].Seconds() * 1e3
}

// watchFleetMemory returns a function that returns the most memory that this process had from the system meanwhile, in MB.
func watchFleetMemory() func() float64 {
	debug.FreeOSMemory()
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		most := uint64(0)
		for {
			metrics.Read(samples)
			most = max(most, samples[0].Value.Uint64()-samples[1].Value.Uint64())
			select {
			case <-time.After(50 * time.Millisecond):
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
