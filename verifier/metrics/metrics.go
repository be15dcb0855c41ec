// Package metrics shows a trial to Prometheus: uptime, votes, coverage, and how the verifier itself is.
//
// A scrape asks nobody: it shows the trial as it was last looked at, and when that was. What a trial is comes from its journal
// and the chain, so that all of it is the whole trial's and not only what this process has seen. The values of every label are
// ours or from the trial's configuration; nothing that a VSP answers makes one.
package metrics

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"scrutineer/verifier"
)

// Trial is a trial at one moment.
type Trial struct {
	Evidence verifier.Evidence
	Uptimes  []verifier.Uptime
	Tally    verifier.Tally
	Forecast verifier.Forecast
	Rows     map[verifier.Verdict]int
	Chain    Chain
	Journal  Journal
}

// Chain says how the ledger was last drawn up.
type Chain struct {
	At     time.Time     // UTC; zero: never
	Took   time.Duration // the newest attempt
	Failed bool          // the newest attempt
}

// Journal says how far the journal is.
type Journal struct {
	Entries, Checkpoints int64
	Bytes, Unsealed      int64     // in all, and behind the last checkpoint
	Last                 time.Time // entry that was sealed, UTC
}

// Config is what Metrics are made of.
type Config struct {
	Target, Network, Version string
	Slot                     time.Duration
	Begins                   time.Time
	Now                      func() time.Time
	Log                      *slog.Logger
}

// Metrics is all that is shown of one trial. It may be used by several goroutines at once.
type Metrics struct {
	config   Config
	registry *prometheus.Registry
	seen     *prometheus.CounterVec
	took     *prometheus.HistogramVec
	rounds   *prometheus.HistogramVec
	late     *prometheus.CounterVec

	mu    sync.Mutex // owns what follows
	trial *Trial     // nil: none was shown yet
}

// New returns Metrics that show nothing of a trial yet.
func New(config Config) *Metrics {
	m := &Metrics{
		config:   config,
		registry: prometheus.NewRegistry(),
		seen: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vspverify_observations_total",
			Help: "What was seen, by how it ended."}, []string{"vantage", "kind", "code"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "vspverify_probe_duration_seconds",
			Help: "How long a probe took, whatever came of it.", Buckets: buckets}, []string{"kind"}),
		rounds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "vspverify_round_duration_seconds",
			Help: "How long a round took, from its beginning until it was written down.", Buckets: buckets}, []string{"vantage"}),
		late: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vspverify_rounds_late_total",
			Help: "Rounds that began more than a tenth of a slot after their slot did."}, []string{"vantage"}),
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "vspverify_info", Help: "Always 1; its labels say what is watched."},
		[]string{"target", "network", "version"})
	info.WithLabelValues(config.Target, config.Network, config.Version).Set(1)
	m.registry.MustRegister(info, m.seen, m.took, m.rounds, m.late, &collector{m},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// buckets go from an answer on one machine to one that is far too slow.
var buckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40}

// Show takes the trial as it is now.
func (m *Metrics) Show(t Trial) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trial = &t
}

func (m *Metrics) shown() *Trial {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.trial
}

// Seen counts an observation of the journal. Each is given once.
func (m *Metrics) Seen(o verifier.Observation) {
	m.seen.WithLabelValues(o.Vantage, o.Kind, string(o.Code)).Inc()
	if o.Kind != verifier.KindMempool { // which takes as long as the tip stays
		m.took.WithLabelValues(o.Kind).Observe(o.Took.Seconds())
	}
}

// lateShare is the share of a slot after which a round is late.
const lateShare = 10

// Beaten counts a whole round of the journal, which was written down at a time. Each is given once.
func (m *Metrics) Beaten(b verifier.Beat, written time.Time) {
	m.rounds.WithLabelValues(b.Vantage).Observe(written.Sub(b.At).Seconds())
	late := m.late.WithLabelValues(b.Vantage)
	if into := b.At.Sub(m.config.Begins) % m.config.Slot; into > m.config.Slot/lateShare {
		late.Inc()
	}
}

const (
	scrapesAtOnce = 4
	scrapeTimeout = 5 * time.Second // the usual interval of scrapes is 15 s or more
)

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(m.config.Log.Handler(), slog.LevelError),
		MaxRequestsInFlight: scrapesAtOnce,
		Timeout:             scrapeTimeout,
		EnableOpenMetrics:   true,
	})
}
