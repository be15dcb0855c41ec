package dashboards

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/testnet"
	"scrutineer/vsp"
	"scrutineer/vsp/metrics"
)

// stage is a private network on which a VSP is on trial, and a Prometheus that scrapes both.
type stage struct {
	network  *testnet.Network
	vsp      *testnet.VSP
	verifier *testnet.Verifier
	prometheus
}

func host(url string) string { return strings.TrimPrefix(url, "http://") }

// setStage returns when tickets are registered, confirmed and listed.
func setStage(t *testing.T) *stage {
	tool(t, "prometheus") // before anything is built
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	checkout, err := testnet.Checkout(".")
	require.NoError(t, err)
	daemons, err := testnet.BuildBinaries(ctx, checkout, os.Stderr)
	require.NoError(t, err)
	programs, err := testnet.BuildPrograms(ctx, checkout, os.Stderr, "vsp", "vspverify")
	require.NoError(t, err)
	s := &stage{}
	s.network, err = testnet.Start(ctx, testnet.Plan{Dir: t.TempDir(), Binaries: daemons, Seed: 7, Tickets: 200})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.network.Close()) })
	s.vsp, err = s.network.StartVSP(ctx, testnet.VSPPlan{Program: programs[0], CheckEvery: 250 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.vsp.Stop(context.Background())) })
	s.verifier, err = s.network.StartVerifier(ctx, s.vsp, testnet.VerifierPlan{Program: programs[1], Out: t.TempDir(), Duration: time.Hour})
	require.NoError(t, err)
	t.Cleanup(s.verifier.Kill)
	s.prometheus = startPrometheus(t, host(s.vsp.FrontEnds[0].MetricsURL), host(s.verifier.MetricsURL))
	require.NoError(t, s.network.StartClient(ctx, s.vsp.URL, s.vsp.PublicKey))
	tickets, err := s.network.Buy(ctx, 2)
	require.NoError(t, err)
	require.NoError(t, s.verifier.AddTickets(tickets))
	require.NoError(t, s.network.Chain.Mine(ctx, vsp.Confirmations+1))
	return s
}

// TestEverythingHasData runs the real Prometheus on a real trial. Each selector of each rule and panel must find something, and
// each panel and recorded rule must come to something. Then faults are made, and their alerts must begin.
func TestEverythingHasData(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	instance := host(s.verifier.MetricsURL)
	all := asked{queries: map[string]string{}, selectors: map[string]string{}}
	all.panels(t, instance)
	all.rules(t, s.rules(t))
	all.selected(t)
	t.Logf("%d queries, of %d selectors", len(all.queries), len(all.selectors))
	require.Greater(t, len(all.queries), 80)
	for where, query := range all.queries {
		s.has(t, where, query)
	}
	for _, r := range s.rules(t) {
		require.Equal(t, "ok", r.Health, "%s: %s", r.Name, r.LastError)
	}

	s.begins(t, "Watchdog", "severity", "none")
	s.network.Voting[1].Wallet.Kill()
	s.begins(t, "VSPWalletNotVoting", "wallet", "wallet-2")
	require.NoError(t, s.network.FrontEnd.Stop(t.Context()))
	s.begins(t, "VSPNodeDown", "job", "vsp")
	s.verifier.Kill()
	s.begins(t, "VerifierDown", "instance", instance)
}

// asked is what rules and panels ask for: queries that must come to something, by where they are from, and where each selector
// is from.
type asked struct{ queries, selectors map[string]string }

func (a asked) panels(t *testing.T, instance string) {
	for _, b := range boards(t) {
		job := "vsp"
		if strings.Contains(b.UID, "reviewers") {
			job = "vspverify"
		}
		for where, query := range b.queries(job, instance) {
			a.queries[where] = query
			a.note(t, where, query)
		}
	}
}

func (a asked) rules(t *testing.T, rules []rule) {
	for _, r := range rules {
		if r.Name != "Watchdog" {
			a.note(t, r.Name, r.Query)
		}
		if r.Type == "recording" {
			a.queries[r.Name] = r.Name
		}
	}
}

func (a asked) note(t *testing.T, where, query string) {
	found := selector.FindAllString(query, -1)
	require.NotEmpty(t, found, "%s asks for no metric of ours: %s", where, query)
	for _, selector := range found {
		a.selectors[selector] = where
	}
}

// selected makes a query of each selector.
func (a asked) selected(t *testing.T) {
	for selector := range quiet {
		require.Contains(t, a.selectors, selector, "nobody asks for it")
		require.Contains(t, everyMetric(t), "\n"+name(selector))
	}
	for selector, where := range a.selectors {
		query := cmp.Or(quiet[selector], selector)
		a.queries[where+" by "+query] = query
	}
}

// selector matches what a query asks for of ours, with its labels.
var selector = regexp.MustCompile(`\b(?:vsp_|vspverify_|vspverify:|job:|up\b)[a-zA-Z0-9_:]*(?:\{[^}]*\})?`)

func name(selector string) string { name, _, _ := strings.Cut(selector, "{"); return name }

// quiet is what has no data while all is well, and what is asked for in its place. Prometheus writes queries in its own way.
var quiet = map[string]string{
	`vsp_fees_unsent_oldest_timestamp_seconds`:                       `vsp_fees_pending{state="unsent"}`,
	`vsp_fees_unsent_oldest_timestamp_seconds{job="vsp"}`:            `vsp_fees_pending{state="unsent"}`,
	`vsp_requests_total{endpoint!~"/readyz|/healthz",status=~"5.."}`: `vsp_requests_total{endpoint!~"/readyz|/healthz",status=~"2.."}`,
}

// has waits until a query comes to something.
func (s *stage) has(t *testing.T, where, query string) {
	t.Helper()
	eventually(t, func() error {
		n, err := s.count(t, query)
		if err == nil && n == 0 {
			err = fmt.Errorf("%s has no data: %s", where, query)
		}
		return err
	})
}

// begins waits until an alert with a label is pending or fires, and looks at how it reads.
func (s *stage) begins(t *testing.T, alert, label, value string) {
	t.Helper()
	eventually(t, func() error {
		for _, r := range s.rules(t) {
			for _, a := range r.Alerts {
				if r.Name == alert && a.Labels[label] == value {
					require.NotContains(t, a.Annotations["summary"]+a.Annotations["description"], "{{")
					require.NotContains(t, a.Annotations["summary"]+a.Annotations["description"], "error expanding")
					return nil
				}
			}
		}
		return fmt.Errorf("%s of %s=%s has not begun", alert, label, value)
	})
}

// everyMetric is what a VSP shows of which everything is known.
func everyMetric(t *testing.T) string {
	m := metrics.New(metrics.Config{Network: "simnet", Version: "1", Name: "vsp", Log: slog.New(slog.DiscardHandler)})
	m.Show(known{})
	m.Observe(metrics.Answer{Endpoint: "/", Status: 500})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	return string(text)
}

type known struct{}

func (known) Health() vsp.Health               { return vsp.Health{} }
func (known) Events() map[vsp.Event]uint64     { return nil }
func (known) Counts() (c vsp.Counts, yes bool) { return c, true }
func (known) Progress() vsp.Progress {
	return vsp.Progress{Leading: true, At: time.Unix(1, 0), OldestUnsent: time.Unix(1, 0)}
}
