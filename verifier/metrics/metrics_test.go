package metrics

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/verifier/votes"
	"scrutineer/vsp/network"
	"scrutineer/vsp/vspapi"
)

var update = flag.Bool("update", false, "write the golden file anew")

var t0 = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// troubled is a trial of 60 slots of which everything is known: the VSP was down in 12, and we saw nothing in 3.
func troubled(t testing.TB) (*Metrics, Trial) {
	profile, err := network.Lookup("testnet3")
	require.NoError(t, err)
	now := t0.Add(time.Hour + 5*time.Minute)
	m := New(Config{Target: "vsp.example.org", Network: "testnet3", Version: "1.5.0", Slot: time.Minute, Begins: t0,
		Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	e := verifier.Evidence{Target: verifier.Target{Name: "vsp.example.org", Network: profile}, Policy: verifier.DefaultPolicy(),
		Window: verifier.Window{Start: t0, Slot: time.Minute, Slots: 60, Planned: 10080},
		Ledger: votes.Ledger{From: 100, To: 130, Tip: 130, Checked: 31}}
	body, err := json.Marshal(vspapi.Info{VotingWalletsOnline: 2, TotalVotingWallets: 3})
	require.NoError(t, err)
	for i := range 60 {
		at := t0.Add(time.Duration(i) * time.Minute)
		node := verifier.Observation{At: at, Kind: verifier.KindNode, Vantage: "local", Code: verifier.OK, Took: 3 * time.Millisecond,
			Node: &verifier.NodeState{Height: int64(100 + i/2), Peers: 8}}
		info := verifier.Observation{At: at, Kind: verifier.KindInfo, Vantage: "local", Endpoint: "/api/v3/vspinfo", Code: verifier.OK,
			Took: 200 * time.Millisecond, Node: node.Node, Raw: &verifier.Raw{Body: body}}
		if i >= 30 && i < 42 {
			info.Code = verifier.Refused
		}
		if i >= 50 && i < 53 {
			node.Code, node.Node, info.Code = verifier.NodeAway, nil, verifier.NodeNotKnown
		}
		beat := verifier.Beat{At: at.Add(time.Duration(i/30) * 10 * time.Second), Vantage: "local"} // the second half is late
		e.Seen, e.Beats = append(e.Seen, node, info), append(e.Beats, beat)
		m.Seen(node)
		m.Seen(info)
		m.Beaten(beat, beat.At.Add(400*time.Millisecond))
	}
	for i := range 10 {
		entry := votes.Entry{Ticket: chainhash.HashH([]byte{byte(i)}), Outcome: votes.Voted, Vote: &votes.Vote{}, Decided: 110 + int64(i), Voters: 5}
		if i == 0 {
			entry.Outcome, entry.Vote, entry.Voters = votes.Missed, nil, 3
		}
		e.Ledger.Entries = append(e.Ledger.Entries, entry, votes.Entry{Ticket: chainhash.HashH([]byte{byte(i), 1}), Outcome: votes.Live})
	}
	uptimes, misses := verifier.Uptimes(e.Window, e.Seen, e.Beats, 1), verifier.Misses(e)
	return m, Trial{Evidence: e, Uptimes: uptimes, Tally: verifier.NewTally(e, misses), Forecast: verifier.NewForecast(e, uptimes, misses),
		Rows:    map[verifier.Verdict]int{verifier.Unproven: 28, verifier.Fail: 1},
		Chain:   Chain{At: t0.Add(time.Hour), Took: 1500 * time.Millisecond},
		Journal: Journal{Entries: 181, Checkpoints: 61, Bytes: 65536, Unsealed: 100, Last: t0.Add(time.Hour)}}
}

func scrape(t testing.TB, m *Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	body, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	return string(body)
}

// ours are the samples of a scrape that are about the trial.
func ours(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "vspverify_") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func TestAllThatIsKnownIsShown(t *testing.T) {
	m, trial := troubled(t)
	m.Show(trial)
	got := ours(scrape(t, m))
	path := filepath.Join("testdata", "troubled.txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// TestEveryMetricIsShown fails when a metric is described and forgotten.
func TestEveryMetricIsShown(t *testing.T) {
	m, trial := troubled(t)
	m.Show(trial)
	names := make(map[string]bool)
	for line := range strings.Lines(ours(scrape(t, m))) {
		names[line[:strings.IndexAny(line, "{ ")]] = true
	}
	require.NotEmpty(t, described)
	for _, d := range described {
		name := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String())[1]
		require.True(t, names[name], name)
	}
}

func TestWhatIsNotKnownIsNotShown(t *testing.T) {
	m, trial := troubled(t)
	require.NotContains(t, scrape(t, m), "vspverify_slots_total", "nothing was shown yet")
	trial.Chain, trial.Evidence.Window.Planned = Chain{Failed: true}, 0
	m.Show(trial)
	text := scrape(t, m)
	require.Contains(t, text, "vspverify_ledger_up 0\n")
	for _, unknown := range []string{"vspverify_votes_made", "vspverify_ledger_age", "vspverify_budget", "vspverify_miss_rate_bound"} {
		require.NotContains(t, text, unknown)
	}
}

func TestNamesAndHelpFollowConventions(t *testing.T) {
	m, trial := troubled(t)
	m.Show(trial)
	found, err := testutil.GatherAndLint(m.registry)
	require.NoError(t, err)
	require.Empty(t, found)
}

// TestStrangersMakeNoLabels: what a VSP answers makes no more series than there are codes.
func TestStrangersMakeNoLabels(t *testing.T) {
	m, _ := troubled(t)
	before := strings.Count(ours(scrape(t, m)), "\n")
	for i := range 1000 {
		m.Seen(verifier.Observation{Kind: verifier.KindInfo, Vantage: "local", Endpoint: "/api/v3/vspinfo", Code: verifier.Garbage,
			Detail: fmt.Sprint(i), Raw: &verifier.Raw{Body: fmt.Append(nil, i)}})
	}
	require.Equal(t, before+1, strings.Count(ours(scrape(t, m)), "\n"))
}
