package metrics

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"scrutineer/vsp"
	"scrutineer/vsp/vspapi"
)

// shown is a service as a test sets it.
type shown struct {
	health   vsp.Health
	progress vsp.Progress
	events   map[vsp.Event]uint64
	counts   *vsp.Counts
}

func (s *shown) Health() vsp.Health           { return s.health }
func (s *shown) Progress() vsp.Progress       { return s.progress }
func (s *shown) Events() map[vsp.Event]uint64 { return s.events }
func (s *shown) Counts() (vsp.Counts, bool) {
	if s.counts == nil {
		return vsp.Counts{}, false
	}
	return *s.counts, true
}

var at = time.Date(2026, 11, 23, 6, 0, 0, 500e6, time.UTC)

// busy is a service of which everything is known.
func busy() *shown {
	return &shown{
		health: vsp.Health{
			At:      at,
			Reasons: []vsp.Reason{{Code: vsp.TooFewWallets, Text: "1 of 2 voting wallets is ready to vote, 2 are needed"}},
			Standing: vsp.Standing{Tip: vsp.Tip{Position: vsp.Position{Height: 700}}, TipTime: at.Add(-time.Minute), Peers: 8,
				PeerHeight: 701, Offset: -1500 * time.Millisecond},
			Voters: []vsp.VoterState{
				{Name: "wallet-1", Since: at, Seen: at, Height: 700, Version: "2.1.6", VoteVersion: 12},
				{Name: "wallet-2", Problem: vsp.NotVoting, Since: at, Seen: at, Height: 698, Missing: 3},
				{Name: "wallet-3", Problem: vsp.Unseen, Since: at},
			},
			Ready: 1,
		},
		progress: vsp.Progress{Leading: true, Scanned: vsp.Position{Height: 699}, At: at, Unconfirmed: 4, Waiting: 2, Unsent: 1,
			InError: 5, Held: 60, OldestUnsent: at},
		events: map[vsp.Event]uint64{vsp.EventFeeReceived: 7, vsp.EventTicketMissed: 0},
		counts: &vsp.Counts{Voting: 60, Voted: 20, Missed: 1, Expired: 2},
	}
}

func newMetrics(s Service) *Metrics {
	m := New(Config{Network: "simnet", Version: "1.5.0", Name: "front-1", Log: slog.New(slog.DiscardHandler)})
	m.Show(s)
	return m
}

func scrape(t testing.TB, m *Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	body, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	return string(body)
}

// lines are those of a scrape that begin with one of the prefixes.
func lines(text string, prefixes ...string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		for _, p := range prefixes {
			if strings.HasPrefix(line, p) {
				kept.WriteString(line)
			}
		}
	}
	return kept.String()
}

func TestAllThatIsKnownIsShown(t *testing.T) {
	m := newMetrics(busy())
	m.SetClosed(true)
	m.Reloaded(at, true)
	m.Reloaded(at.Add(time.Hour), false)
	require.Equal(t, `vsp_accepting 0
vsp_closed 1
vsp_config_last_reload_success_timestamp_seconds 1.7954136e+09
vsp_config_last_reload_successful 0
vsp_examined_timestamp_seconds 1.7954136005e+09
vsp_fees_in_error 5
vsp_fees_pending{state="unsent"} 1
vsp_fees_pending{state="waiting"} 2
vsp_fees_unsent_oldest_timestamp_seconds 1.7954136005e+09
vsp_info{name="front-1",network="simnet",version="1.5.0"} 1
vsp_leading 1
vsp_node_block_timestamp_seconds 1.7954135405e+09
vsp_node_clock_offset_seconds -1.5
vsp_node_height 700
vsp_node_peer_height 701
vsp_node_peers 8
vsp_node_up 1
vsp_refusing{reason="clock_off"} 0
vsp_refusing{reason="node_alone"} 0
vsp_refusing{reason="node_away"} 0
vsp_refusing{reason="node_behind"} 0
vsp_refusing{reason="not_examined"} 0
vsp_refusing{reason="too_few_wallets"} 1
vsp_scan_height 699
vsp_tended_timestamp_seconds 1.7954136005e+09
vsp_ticket_events_total{event="fee_received"} 7
vsp_ticket_events_total{event="ticket_missed"} 0
vsp_tickets{state="expired"} 2
vsp_tickets{state="missed"} 1
vsp_tickets{state="voted"} 20
vsp_tickets{state="voting"} 60
vsp_tickets_held 60
vsp_tickets_unconfirmed 4
vsp_wallet_height{wallet="wallet-1"} 700
vsp_wallet_height{wallet="wallet-2"} 698
vsp_wallet_info{version="2.1.6",vote_version="12",wallet="wallet-1"} 1
vsp_wallet_missing_tickets{wallet="wallet-1"} 0
vsp_wallet_missing_tickets{wallet="wallet-2"} 3
vsp_wallet_missing_tickets{wallet="wallet-3"} 0
vsp_wallet_problem_since_timestamp_seconds{wallet="wallet-1"} 1.7954136005e+09
vsp_wallet_problem_since_timestamp_seconds{wallet="wallet-2"} 1.7954136005e+09
vsp_wallet_problem_since_timestamp_seconds{wallet="wallet-3"} 1.7954136005e+09
vsp_wallet_ready{wallet="wallet-1"} 1
vsp_wallet_ready{wallet="wallet-2"} 0
vsp_wallet_ready{wallet="wallet-3"} 0
vsp_wallet_seen_timestamp_seconds{wallet="wallet-1"} 1.7954136005e+09
vsp_wallet_seen_timestamp_seconds{wallet="wallet-2"} 1.7954136005e+09
vsp_wallets_ready 1
`, strings.ReplaceAll(lines(scrape(t, m), "vsp_"), lines(scrape(t, m), "vsp_wallet_problem{"), ""))
	require.Equal(t, 1, strings.Count(lines(scrape(t, m), `vsp_wallet_problem{problem="not_voting",wallet="wallet-2"} 1`), "\n"))
	require.Len(t, strings.Split(lines(scrape(t, m), "vsp_wallet_problem{"), "\n"), 3*len(vsp.Problems)+1, "each problem of each wallet")
	require.Equal(t, 2, strings.Count(lines(scrape(t, m), "vsp_wallet_problem{"), "} 1\n"), "one for each wallet that has one")
	require.NotEmpty(t, lines(scrape(t, m), "go_goroutines", "process_resident_memory_bytes"))
}

func TestWhatIsNotKnownIsNotShown(t *testing.T) {
	nothing := &shown{health: vsp.Health{Reasons: []vsp.Reason{{Code: vsp.NotExamined}}}}
	text := scrape(t, newMetrics(nothing))
	require.Contains(t, text, "\nvsp_node_up 0\n")
	require.Contains(t, text, "\nvsp_leading 0\n")
	require.Contains(t, text, `vsp_refusing{reason="not_examined"} 1`)
	require.Empty(t, lines(text, "vsp_node_height", "vsp_tickets", "vsp_scan_height", "vsp_examined", "vsp_fees", "vsp_wallet_"))

	away := busy()
	away.health.NodeErr = errors.New("connection refused")
	text = scrape(t, newMetrics(away))
	require.Contains(t, text, "\nvsp_node_up 0\n")
	require.Contains(t, text, "\nvsp_node_height 700\n", "as last seen")
}

func TestNamesAndHelpFollowConventions(t *testing.T) {
	m := newMetrics(busy())
	m.Observe(Answer{Endpoint: "/", Status: 200})
	found, err := testutil.GatherAndLint(m.registry)
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestStrangersMakeNoLabels(t *testing.T) {
	m := newMetrics(busy())
	m.Observe(Answer{Endpoint: vspapi.PathPayFee, Status: 400, Refused: true, Code: vspapi.BadRequest, Took: 30 * time.Millisecond})
	m.Observe(Answer{Endpoint: vspapi.PathPayFee, Status: 200, Took: 2 * time.Second})
	for i := range 1000 {
		m.Observe(Answer{Endpoint: fmt.Sprintf("/api/v3/%d", i), Status: i, Refused: true, Code: vspapi.Code(i + 18)})
	}
	text := scrape(t, m)
	require.Equal(t, `vsp_requests_total{code="",endpoint="/api/v3/payfee",status="200"} 1
vsp_requests_total{code="0",endpoint="/api/v3/payfee",status="400"} 1
`, lines(text, `vsp_requests_total{code="",`, `vsp_requests_total{code="0",`))
	require.Equal(t, 501, strings.Count(lines(text, `vsp_requests_total{code="other",endpoint="other"`), "\n"),
		"one for each status that HTTP can have, and one for the rest")
	require.Contains(t, text, `vsp_request_seconds_bucket{endpoint="/api/v3/payfee",le="0.05"} 1`)
	require.Contains(t, text, `vsp_request_seconds_sum{endpoint="/api/v3/payfee"} 2.03`)
	require.NotContains(t, text, "/api/v3/7")
}

// A wallet that is not ready has a problem that is shown, whichever it is.
func TestEveryProblemIsShown(t *testing.T) {
	for _, problem := range []vsp.Problem{vsp.Unseen, vsp.Unreachable, vsp.OtherNetwork, vsp.SPV, vsp.NoNode, vsp.NotVoting, vsp.Locked} {
		s := busy()
		s.health.Voters = []vsp.VoterState{{Name: "wallet-1", Problem: problem, Since: at}}
		text := scrape(t, newMetrics(s))
		require.Contains(t, text, "vsp_wallet_ready{wallet=\"wallet-1\"} 0\n")
		require.Contains(t, text, fmt.Sprintf("vsp_wallet_problem{problem=%q,wallet=\"wallet-1\"} 1\n", strings.ReplaceAll(string(problem), " ", "_")))
	}
}

// TestEveryMetricIsShown fails when a metric is described and forgotten.
func TestEveryMetricIsShown(t *testing.T) {
	require.Len(t, described, strings.Count(uniqueNames(scrape(t, newMetrics(busy()))), "\n"),
		"each metric of the collector is in a scrape of a service of which everything is known")
}

// uniqueNames are the names of the metrics of the collector, one a line.
func uniqueNames(text string) string {
	var names strings.Builder
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "# TYPE vsp_"); ok {
			switch name, _, _ = strings.Cut(name, " "); name {
			case "info", "closed", "config_last_reload_successful", "config_last_reload_success_timestamp_seconds":
			default:
				names.WriteString(name + "\n")
			}
		}
	}
	return names.String()
}
