// Package metrics shows a running VSP to Prometheus.
//
// A scrape asks nobody: it shows what the service has seen last, and when, and so works while every daemon and the database
// are away. No value or label tells of one ticket, holder or client, and the values of every label are known beforehand,
// whatever is asked for. Who may scrape is left to the listener.
package metrics

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"scrutineer/vsp"
)

// Service is what is shown of a vsp.Service. Its methods answer at once.
type Service interface {
	Health() vsp.Health
	Progress() vsp.Progress
	Events() map[vsp.Event]uint64
	Counts() (counts vsp.Counts, known bool)
}

// Config is what Metrics are made of.
type Config struct {
	Network string // as in vspinfo
	Version string // of this program
	Name    string // of this front end
	Log     *slog.Logger
}

// Metrics is all that is shown of one process. It may be used by several goroutines at once.
type Metrics struct {
	registry *prometheus.Registry
	requests *requests
	closed   prometheus.Gauge
	reload   reload
	log      *slog.Logger
}

// reload is how the newest look at the configuration went. The names are those that Prometheus' own programs use.
type reload struct{ ok, at prometheus.Gauge }

// New returns Metrics that show this process, requests, and, once Show is called, a service.
func New(config Config) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: newRequests(),
		closed:   gauge("vsp_closed", "Whether the operator has closed the VSP to new tickets: 1 or 0."),
		reload: reload{
			ok: gauge("vsp_config_last_reload_successful", "Whether the configuration was in order when it was last read: 1 or 0."),
			at: gauge("vsp_config_last_reload_success_timestamp_seconds",
				"When a configuration was last put in force, in seconds since 1970 UTC."),
		},
		log: config.Log,
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "vsp_info", Help: "Always 1; its labels say what runs here."},
		[]string{"network", "version", "name"})
	info.WithLabelValues(config.Network, config.Version, config.Name).Set(1)
	m.registry.MustRegister(info, m.closed, m.reload.ok, m.reload.at, m.requests.answered, m.requests.took,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

// Show adds a service. It is called once.
func (m *Metrics) Show(service Service) { m.registry.MustRegister(newCollector(service)) }

// Reloaded notes that the configuration was read, and at which time it was put in force if it was in order.
func (m *Metrics) Reloaded(now time.Time, inOrder bool) {
	m.reload.ok.Set(number(inOrder))
	if inOrder {
		m.reload.at.Set(float64(now.Unix()))
	}
}

// SetClosed notes whether the operator has closed the VSP.
func (m *Metrics) SetClosed(closed bool) { m.closed.Set(number(closed)) }

const (
	scrapesAtOnce = 4
	scrapeTimeout = 5 * time.Second // the usual interval of scrapes is 15 s or more
)

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(m.log.Handler(), slog.LevelError),
		MaxRequestsInFlight: scrapesAtOnce,
		Timeout:             scrapeTimeout,
		EnableOpenMetrics:   true,
	})
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
