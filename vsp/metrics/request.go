package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"scrutineer/vsp/vspapi"
)

// Answer is what was answered to a request.
type Answer struct {
	Endpoint string // the route's path
	Status   int    // of HTTP
	Refused  bool
	Code     vspapi.Code // if Refused
	Took     time.Duration
}

// requests counts answers.
type requests struct {
	answered *prometheus.CounterVec
	took     *prometheus.HistogramVec
}

// buckets are in seconds: most answers take milliseconds, and one that waits for a ticket's parent some seconds.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newRequests() *requests {
	return &requests{
		answered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vsp_requests_total",
			Help: "Requests that were answered; code is that of a refusal by the v3 API, or empty.",
		}, []string{"endpoint", "status", "code"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "vsp_request_seconds",
			Help:    "How long requests took, from their headers to the end of the answer, in seconds.",
			Buckets: buckets,
		}, []string{"endpoint"}),
	}
}

// other stands for every value that is not known beforehand.
const other = "other"

// endpoints are the routes that are told apart.
var endpoints = map[string]bool{
	vspapi.PathInfo: true, vspapi.PathFeeAddress: true, vspapi.PathPayFee: true, vspapi.PathTicketStatus: true,
	vspapi.PathSetVoteChoices: true, vspapi.PathSetAltSignAddr: true,
	"/": true, "/admin/status": true, "/healthz": true, "/readyz": true,
}

// Observe counts an answer. A route, status or code that nobody knows is counted as "other": what is asked for is anybody's
// text.
func (m *Metrics) Observe(a Answer) {
	endpoint, status, code := other, other, ""
	if endpoints[a.Endpoint] {
		endpoint = a.Endpoint
	}
	if a.Status >= 100 && a.Status <= 599 {
		status = strconv.Itoa(a.Status)
	}
	switch {
	case a.Refused && a.Code >= vspapi.BadRequest && a.Code <= vspapi.InvalidTimestamp:
		code = strconv.Itoa(int(a.Code))
	case a.Refused:
		code = other
	}
	m.requests.answered.WithLabelValues(endpoint, status, code).Inc()
	m.requests.took.WithLabelValues(endpoint).Observe(a.Took.Seconds())
}
