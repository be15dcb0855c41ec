package main

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/alerts"
	"scrutineer/cmd/alerting"
	"scrutineer/verifier"
	"scrutineer/verifier/report"
	"scrutineer/verifier/votes"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// readTo is a chain that was read.
func readTo(height int64) chainView { return chainView{at: noon, ledger: votes.Ledger{To: height}} }

// TestEveryWarningIsMailed: each kind there is, but for the certificate's, which is looked at as it is, and our own node's, which
// each round tells.
func TestEveryWarningIsMailed(t *testing.T) {
	for _, kind := range verifier.WarningKinds {
		for _, lost := range []bool{false, true} {
			a, key, told := gateAlert(verifier.Warning{Kind: kind, Subject: "paris", Row: "TR-1", Lost: lost, Says: "It is so."})
			if kind == verifier.WarnCertificate {
				require.False(t, told)
				continue
			}
			require.True(t, told, kind)
			require.NotEmpty(t, key)
			for _, text := range []string{a.Subject, a.Problem, a.Impact, a.Action, a.Seen} {
				require.NotEmpty(t, text, kind)
			}
			require.Equal(t, "It is so.", a.What)
			require.Equal(t, key[:4] == "own/", a.Subject == "Our own", kind)
		}
	}
	_, _, told := gateAlert(verifier.Warning{Kind: verifier.WarnNode, Subject: localVantage})
	require.False(t, told)
	a, _, _ := gateAlert(verifier.Warning{Kind: verifier.WarnUptime, Row: "TR-1", Lost: true})
	require.Equal(t, alerts.Crit, a.Severity)
	require.Contains(t, a.Impact, "Gate TR-1 is lost")
}

// TestAWarningEndsByWhatWasSeen: that it is gone because nothing is seen ends nothing.
func TestAWarningEndsByWhatWasSeen(t *testing.T) {
	down, blind := healthy, lookedAt{}
	down.info = verifier.Refused
	tests := []struct {
		name       string
		slots      [][]lookedAt
		chain      chainView
		with, less []string // good, and not
	}{
		{"well", [][]lookedAt{{healthy}}, readTo(105), []string{"gate/uptime//", "gate/uptime//api/v3/vspinfo", "own/coverage", "own/chain", "gate/votes", "gate/tickets",
			"own/node/local"}, []string{"gate/wallets"}},
		{"one is down", [][]lookedAt{{healthy}, {down}}, readTo(105), []string{"gate/uptime//", "own/coverage"}, []string{"gate/uptime//api/v3/vspinfo"}},
		{"nothing is seen", [][]lookedAt{{healthy}, {blind}}, readTo(105), []string{"own/chain"},
			[]string{"gate/uptime//", "gate/uptime//api/v3/vspinfo", "own/coverage"}},
		{"the chain was not read", [][]lookedAt{{healthy}}, chainView{}, []string{"own/coverage"}, []string{"own/chain", "gate/votes", "gate/tickets"}},
		{"the chain cannot be read any more", [][]lookedAt{{healthy}}, chainView{at: noon, ledger: votes.Ledger{To: 105}, err: errors.New("gone")},
			nil, []string{"own/chain", "gate/votes", "gate/tickets"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := slotPicture(t, test.slots...)
			p.chain = test.chain
			bad, good := keysOf(gateSights(p, noon))
			require.Empty(t, bad)
			require.Subset(t, good, test.with)
			for _, key := range test.less {
				require.NotContains(t, good, key)
			}
		})
	}
	p := slotPicture(t, []lookedAt{healthy})
	p.forecast.Warnings = []verifier.Warning{{Kind: verifier.WarnBurn, Subject: "/", Row: "TR-1"}}
	bad, good := keysOf(gateSights(p, noon))
	require.Equal(t, []string{"gate/uptime//"}, bad)
	require.NotContains(t, good, "gate/uptime//", "what warns is not mended")
}

// TestMissedVotesAreToldOnce: when they are known, and as over when a vote was made since; the network's are nobody's.
func TestMissedVotesAreToldOnce(t *testing.T) {
	steps := []struct {
		tally     verifier.Tally
		bad, good int
		sure      bool
		says      string
	}{
		{verifier.Tally{Voted: 5}, 0, 1, false, ""},
		{verifier.Tally{Voted: 5, Network: 1}, 0, 1, false, ""},
		{verifier.Tally{Voted: 5, Network: 1, Operator: 1}, 1, 0, true, ""},
		{verifier.Tally{Voted: 5, Network: 1, Operator: 1}, 1, 0, false, ""},
		{verifier.Tally{Voted: 5, Network: 1, Operator: 1, Unknown: 1}, 1, 0, true, ""},
		{verifier.Tally{Voted: 6, Network: 1, Operator: 1, Unknown: 1}, 0, 1, false, "2 votes missed in all; votes are made again."},
		{verifier.Tally{Voted: 6, Network: 1, Operator: 1, Unknown: 1}, 0, 1, false, ""},
		{verifier.Tally{Voted: 6, Network: 1, Operator: 1}, 0, 1, false, ""}, // a reorganisation
		{verifier.Tally{Voted: 7, Network: 1, Operator: 2}, 1, 0, true, ""},
	}
	var before voteTold
	for i, step := range steps {
		all := voteSights(picture{chain: readTo(105), tally: step.tally}, &before, noon)
		bad, good := keysOf(all)
		require.Equal(t, [2]int{step.bad, step.good}, [2]int{len(bad), len(good)}, "step %d", i)
		require.Equal(t, step.sure, all[0].sure, "step %d", i)
		require.Equal(t, step.says, all[0].says, "step %d", i)
	}
	all := voteSights(picture{chain: readTo(105), tally: steps[4].tally}, &voteTold{}, noon)
	require.Equal(t, "2 votes missed, and none was made since. In all 3: 1 operator, 1 network, 1 unknown.", all[0].alert.What)
	require.Empty(t, voteSights(picture{tally: steps[4].tally}, &voteTold{}, noon), "the chain was not read")
	unproven := readTo(105)
	unproven.ledger.Mismatch = &votes.Mismatch{}
	require.Empty(t, voteSights(picture{chain: unproven, tally: steps[4].tally}, &voteTold{}, noon))
}

func TestCertificatesAndClaims(t *testing.T) {
	seen := func(left time.Duration) picture {
		o := verifier.Observation{At: noon, Kind: verifier.KindTLS, Code: verifier.OK, TLS: &verifier.TLSState{NotAfter: noon.Add(left)}}
		return picture{evidence: verifier.Evidence{Seen: []verifier.Observation{o}}}
	}
	for left, want := range map[time.Duration]string{90 * 24 * time.Hour: "good", 13 * 24 * time.Hour: "warn", 2 * 24 * time.Hour: "crit"} {
		all := certificateSights(seen(left), noon)
		require.Len(t, all, 1)
		got := "good"
		if all[0].bad {
			got = all[0].alert.Severity.String()
		}
		require.Equal(t, want, got)
	}
	within := seen(90 * 24 * time.Hour)
	within.forecast.Warnings = []verifier.Warning{{Kind: verifier.WarnCertificate}}
	require.True(t, certificateSights(within, noon)[0].bad, "it ends within the trial")
	unseen := seen(90 * 24 * time.Hour)
	unseen.evidence.Seen = append(unseen.evidence.Seen, verifier.Observation{At: noon, Kind: verifier.KindTLS, Code: verifier.NoAnswer})
	require.Empty(t, certificateSights(unseen, noon))

	p := picture{report: report.Report{Rows: []verifier.Finding{{Row: "TR-5", Verdict: verifier.Refuted, Says: []string{"It lies."}},
		{Row: "PL-6", Verdict: verifier.Pass}, {Row: "TR-1", Verdict: verifier.Unproven}}}}
	bad, good := keysOf(claimSights(p, noon))
	require.Equal(t, []string{"claim/TR-5"}, bad)
	require.Equal(t, []string{"claim/PL-6"}, good)
}

func TestOurOwnThingsAreLookedAt(t *testing.T) {
	pulled := func(codes ...verifier.PullCode) picture {
		w := verifier.Witness{Name: "paris"}
		for _, code := range codes {
			w.Pulls = append(w.Pulls, verifier.Pull{At: noon, Code: code})
		}
		return picture{evidence: verifier.Evidence{Witnesses: []verifier.Witness{w}}}
	}
	shopped := func(codes ...verifier.Code) picture {
		var p picture
		for _, code := range codes {
			p.evidence.Seen = append(p.evidence.Seen, verifier.Observation{At: noon, Kind: verifier.KindShopper, Code: code})
		}
		return p
	}
	disk := func(free uint64) []sight { return []sight{diskSight("journal", free, noon)} }
	tests := []struct {
		all  []sight
		want string
	}{
		{vantageSights(pulled()), ""},
		{vantageSights(pulled(verifier.PullOK, verifier.PullUnreachable)), ""},
		{vantageSights(pulled(verifier.PullUnreachable, verifier.PullRefused)), "bad own/vantage/paris"},
		{vantageSights(pulled(verifier.PullUnreachable, verifier.PullUnreachable, verifier.PullOK)), "good own/vantage/paris"},
		{vantageSights(pulled(verifier.PullOK, verifier.PullRewritten, verifier.PullOK)), "bad own/vantage/paris"},
		{walletSights(shopped()), ""},
		{walletSights(shopped(verifier.OK, verifier.WalletAway)), "bad own/wallet"},
		{walletSights(shopped(verifier.WalletAway, verifier.Closed)), "bad own/wallet"},
		{walletSights(shopped(verifier.WalletAway, verifier.Declined)), "good own/wallet"},
		{disk(alerting.LittleRoom), "good own/disk"},
		{disk(alerting.LittleRoom - 1), "bad own/disk"},
		{[]sight{endSight(fmt.Errorf("append: %w", syscall.ENOSPC), noon)}, "bad own/watch"},
	}
	for i, test := range tests {
		got := ""
		for _, s := range test.all {
			if got = "good " + string(s.key); s.bad {
				got = "bad " + string(s.key)
				require.Equal(t, "Our own", s.alert.Subject)
				require.Contains(t, s.alert.Impact, "not the VSP's")
			}
		}
		require.Equal(t, test.want, got, "test %d", i)
	}
	require.Contains(t, endSight(fmt.Errorf("append: %w", syscall.ENOSPC), noon).alert.Action, "make room")
	require.Contains(t, endSight(errors.New("something else"), noon).alert.Action, "see its log")
}
