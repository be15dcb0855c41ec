package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"scrutineer/vsp"
)

// collector shows a service as it is when it is scraped.
type collector struct{ service Service }

func newCollector(service Service) *collector { return &collector{service} }

// described is every metric of a collector.
var described []*prometheus.Desc

func describe(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc(name, help, labels, nil)
	described = append(described, d)
	return d
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(into chan<- *prometheus.Desc) {
	for _, d := range described {
		into <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(into chan<- prometheus.Metric) {
	s := sample{into}
	health := c.service.Health()
	s.acceptance(health)
	s.node(health)
	s.gauge(walletsReady, float64(health.Ready))
	for _, state := range health.Voters {
		s.wallet(state)
	}
	s.progress(c.service.Progress())
	if counts, known := c.service.Counts(); known {
		s.tickets(counts)
	}
	for event, count := range c.service.Events() {
		s.into <- prometheus.MustNewConstMetric(events, prometheus.CounterValue, float64(count), string(event))
	}
}

// sample is one scrape.
type sample struct{ into chan<- prometheus.Metric }

func (s sample) gauge(d *prometheus.Desc, value float64, labels ...string) {
	s.into <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// moment shows a time, and nothing for the zero time.
func (s sample) moment(d *prometheus.Desc, at time.Time, labels ...string) {
	if !at.IsZero() {
		s.gauge(d, float64(at.UnixMilli())/1000, labels...)
	}
}

var (
	accepting = describe("vsp_accepting",
		"Whether node, wallets and clock allow new tickets: 1 or 0. Closing the VSP does not change it.")
	refusing = describe("vsp_refusing", "Whether this keeps new tickets from being taken: 1 or 0.", "reason")
	examined = describe("vsp_examined_timestamp_seconds", "When node and wallets were last looked at, in seconds since 1970 UTC.")
)

// reasons is all that can keep new tickets from being taken.
var reasons = []vsp.ReasonCode{vsp.NodeAway, vsp.NodeBehind, vsp.NodeAlone, vsp.TooFewWallets, vsp.ClockOff, vsp.NotExamined}

func (s sample) acceptance(h vsp.Health) {
	s.gauge(accepting, number(len(h.Reasons) == 0))
	s.moment(examined, h.At)
	for _, code := range reasons {
		holds := false
		for _, r := range h.Reasons {
			holds = holds || r.Code == code
		}
		s.gauge(refusing, number(holds), string(code))
	}
}

var (
	nodeUp     = describe("vsp_node_up", "Whether the node answered when it was last asked: 1 or 0.")
	nodeHeight = describe("vsp_node_height", "The newest block of the node, as last seen.")
	nodeBlock  = describe("vsp_node_block_timestamp_seconds",
		"The time that the node's newest block carries, in seconds since 1970 UTC.")
	nodePeers      = describe("vsp_node_peers", "Peers of the node, as last seen.")
	nodePeerHeight = describe("vsp_node_peer_height", "The median of what the node knows of its peers' heights; 0 without peers.")
	nodeOffset     = describe("vsp_node_clock_offset_seconds", "How far the clocks of the node's peers are ahead of its own, in seconds.")
)

// node shows the node as it was last seen; nothing of what was never seen.
func (s sample) node(h vsp.Health) {
	s.gauge(nodeUp, number(!h.At.IsZero() && h.NodeErr == nil))
	if h.Standing.TipTime.IsZero() {
		return
	}
	s.gauge(nodeHeight, float64(h.Standing.Tip.Height))
	s.moment(nodeBlock, h.Standing.TipTime)
	s.gauge(nodePeers, float64(h.Standing.Peers))
	s.gauge(nodePeerHeight, float64(h.Standing.PeerHeight))
	s.gauge(nodeOffset, h.Standing.Offset.Seconds())
}
