package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/alerts"
	"scrutineer/vsp"
)

// mailbox keeps what would be mailed.
type mailbox struct {
	mu      sync.Mutex
	notices []alerts.Notice
}

func (m *mailbox) Send(_ context.Context, n alerts.Notice) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notices = append(m.notices, n)
	return nil
}

// take returns what has come since the last time, as event and key.
func (m *mailbox) take() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var seen []string
	for _, n := range m.notices {
		seen = append(seen, string(n.Event)+" "+string(n.Incident.Key))
	}
	m.notices = nil
	return seen
}

// wallets is voting wallets whose states a test sets.
type wallets struct {
	vsp.Voters
	mu     sync.Mutex
	states []vsp.VoterState
}

func (w *wallets) States() []vsp.VoterState {
	w.mu.Lock()
	defer w.mu.Unlock()
	states := make([]vsp.VoterState, len(w.states))
	copy(states, w.states)
	for i, s := range states {
		states[i].Looked = time.Now()
		if s.Problem != vsp.Unreachable && s.Problem != vsp.Unseen {
			states[i].Seen = time.Now() // it answers whenever it is looked at
		}
	}
	return states
}

func (w *wallets) set(i int, p vsp.Problem) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states[i].Problem = p
}

func TestWalletsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := &mailbox{}
		desk, err := alerts.NewDesk(alerts.Config{Sender: box, Recipients: []string{"a@example.org"}, Rules: alerts.DefaultRules(),
			Retry: alerts.DefaultRetry(), Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		voters := &wallets{states: []vsp.VoterState{{Name: "wallet-1"}, {Name: "wallet-2"}, {Name: "wallet-3"}}}
		ctx, cancel := context.WithCancel(t.Context())
		var watch sync.WaitGroup
		looks := make(chan struct{})
		watch.Go(func() { watchVoters(ctx, desk, voters, looks, "vsp.example.org") })
		steps := []struct {
			wallet  int
			problem vsp.Problem
			want    []string
		}{
			{0, vsp.NoProblem, nil},
			{1, vsp.Unreachable, []string{"opened wallet/wallet-2/unreachable"}},
			{1, vsp.Locked, []string{"opened wallet/wallet-2/locked", "resolved wallet/wallet-2/unreachable"}},
			{1, vsp.NoProblem, []string{"resolved wallet/wallet-2/locked"}},
			{2, vsp.Unseen, nil},
			{2, vsp.NoProblem, nil},
			{2, vsp.Locked, []string{"opened wallet/wallet-3/locked"}},
			// Nothing is known of the lock while the wallet does not answer: it is not told as over.
			{2, vsp.Unreachable, []string{"opened wallet/wallet-3/unreachable"}},
			// Nor while another wallet answers in its place.
			{2, vsp.OtherNetwork, []string{"opened wallet/wallet-3/other network", "resolved wallet/wallet-3/unreachable"}},
			{2, vsp.NoProblem, []string{"resolved wallet/wallet-3/other network", "resolved wallet/wallet-3/locked"}},
		}
		for _, step := range steps {
			voters.set(step.wallet, step.problem)
			for range 5 {
				time.Sleep(time.Second)
				looks <- struct{}{}
			}
			synctest.Wait()
			require.ElementsMatch(t, step.want, box.take(), "wallet %d: %q", step.wallet+1, step.problem)
		}
		cancel()
		watch.Wait()
		require.NoError(t, desk.Close(t.Context()))
	})
}

func TestEveryProblemHasWords(t *testing.T) {
	for _, p := range vsp.Problems {
		if p == vsp.Unseen {
			continue
		}
		require.NotEmpty(t, problems[p].headline, p)
		require.Equal(t, 1, strings.Count(problems[p].what, "%s"), p)
		require.Equal(t, 1, strings.Count(problems[p].action, "%s"), p)
	}
	require.NotContains(t, problems, vsp.NoProblem)
	require.NotContains(t, problems, vsp.Unseen)
}

func TestSeverityFollowsWhoIsLeft(t *testing.T) {
	down := vsp.VoterState{Name: "wallet-1", Problem: vsp.Unreachable, Detail: "no answer"}
	up := vsp.VoterState{Name: "wallet-2"}
	up3 := vsp.VoterState{Name: "wallet-3"}
	down3 := vsp.VoterState{Name: "wallet-3", Problem: vsp.Locked}
	tests := []struct {
		all      []vsp.VoterState
		severity alerts.Severity
		impact   string
	}{
		{[]vsp.VoterState{down, up, up3}, alerts.Warn, "Votes are still cast by wallet-2 and wallet-3."},
		{[]vsp.VoterState{down, up, down3}, alerts.Crit, "Votes are cast by wallet-2 alone. One more failure and votes are missed."},
		{[]vsp.VoterState{down, down3}, alerts.Crit, "No wallet can vote: every ticket that wins now is missed."},
	}
	for _, test := range tests {
		a := alert(down, test.all, problems[down.Problem], "vsp.example.org")
		require.Equal(t, test.severity, a.Severity)
		require.Equal(t, test.impact, a.Impact)
	}
}
