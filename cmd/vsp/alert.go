package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"scrutineer/alerts"
	"scrutineer/vsp"
)

// words is how a problem is told in a mail. In what and action, %s is the wallet's name.
type words struct{ headline, what, action string }

// problems is what each problem of a wallet is called in a mail. NoProblem and Unseen are nothing to mail about.
var problems = map[vsp.Problem]words{
	vsp.Unreachable: {"does not answer", "The RPC of %s gives no answer.",
		"on %s, see whether dcrwallet runs, and whether the private link is up."},
	vsp.OtherNetwork: {"is on another network", "%s answers, but is a wallet of another network: it votes for none of our tickets.",
		"see which network %s runs on, and whether its address in vsp.toml is the right one."},
	vsp.NoNode: {"has lost its node", "%s runs, but its node does not answer it.",
		"on the host of %s, see whether dcrd runs."},
	vsp.SPV: {"runs without a node", "%s runs in SPV mode, in which a wallet does not vote.",
		"start %s with --rpcconnect to the dcrd on its host, and without --spv."},
	vsp.NotVoting: {"does not vote", "%s runs with voting turned off.",
		"start %s with --enablevoting."},
	vsp.Locked: {"is locked", "%s runs, but is locked: it cannot sign votes.",
		"unlock %s: `dcrctl --wallet walletpassphrase` there."},
}

// withdraw ends the incidents of what is not in the configuration any more.
func withdraw(desk *alerts.Desk, s *settings, now time.Time) {
	var named []string
	for _, w := range s.Wallet {
		named = append(named, "wallet/"+w.Name+"/", "certificate/"+w.Name+"/")
	}
	for _, e := range s.Alerts.Expect {
		named = append(named, "heartbeat/"+e.Name+"/")
	}
	if s.Alerts.BackupDir != "" {
		named = append(named, "backup/")
	}
	if s.Alerts.Website != "" {
		named = append(named, "certificate/website/")
	}
	for _, folder := range s.folders() {
		named = append(named, "disk/"+folder+"/")
	}
	named = append(named, "certificate/node/")
	incidents, _ := desk.Open()
	for _, i := range incidents {
		kind, _, _ := strings.Cut(string(i.Key), "/")
		if !slices.Contains([]string{"wallet", "certificate", "heartbeat", "backup", "disk"}, kind) {
			continue
		}
		if !slices.ContainsFunc(named, func(prefix string) bool { return strings.HasPrefix(string(i.Key)+"/", prefix) }) {
			desk.Withdraw(i.Key, now, "It is not in the configuration any more.")
		}
	}
}

// watchVoters tells the desk of each look at a wallet, as soon as it was made, until the context ends.
func watchVoters(ctx context.Context, desk *alerts.Desk, voters vsp.Voters, looks <-chan struct{}, site string) {
	looked, seen := map[string]time.Time{}, map[string]time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-looks:
			states := voters.States()
			for _, state := range states {
				if state.Looked.After(looked[state.Name]) {
					looked[state.Name] = state.Looked
					observe(desk, state.Looked, state, states, site, seen)
				}
			}
		}
	}
}

// observe tells the desk of one wallet. Each kind of problem is a condition of its own: one that gave way to another is
// over, unless the wallet does not answer, which says nothing about the rest, or is one of another network, of which the rest
// was not asked.
func observe(desk *alerts.Desk, now time.Time, state vsp.VoterState, all []vsp.VoterState, site string, seen map[string]time.Time) {
	if state.Problem == vsp.Unseen {
		return
	}
	if problem, bad := problems[state.Problem]; bad {
		desk.Bad(conditionKey(state.Name, state.Problem), now, alert(state, all, problem, site))
		if state.Problem == vsp.Unreachable {
			return
		}
	}
	if !state.Seen.After(seen[state.Name]) {
		return // nothing new was seen, so nothing is known to be over
	}
	seen[state.Name] = state.Seen
	for problem := range problems {
		if problem != state.Problem && (state.Problem != vsp.OtherNetwork || problem == vsp.Unreachable) {
			desk.Good(conditionKey(state.Name, problem), now, "")
		}
	}
}

func conditionKey(wallet string, problem vsp.Problem) alerts.Key {
	return alerts.Key(fmt.Sprintf("wallet/%s/%s", wallet, problem))
}

// alert words what is wrong with one wallet, and what that means for the votes.
func alert(state vsp.VoterState, all []vsp.VoterState, w words, site string) alerts.Alert {
	var others []string
	for _, other := range all {
		if other.Name != state.Name && other.Online() {
			others = append(others, other.Name)
		}
	}
	a := alerts.Alert{
		Subject: state.Name, Problem: w.headline, Severity: alerts.Warn,
		What:   fmt.Sprintf(w.what, state.Name),
		Action: fmt.Sprintf(w.action, state.Name),
		Seen:   fmt.Sprintf("the front end of %s, asking its RPC", site),
	}
	if state.Problem == vsp.Unreachable {
		a.Seen = fmt.Sprintf("the front end of %s: %s", site, state.Detail)
	}
	switch len(others) {
	case 0:
		a.Severity, a.Grave = alerts.Crit, true
		a.Impact = "No wallet can vote: every ticket that wins now is missed."
	case 1:
		a.Severity = alerts.Crit
		a.Impact = fmt.Sprintf("Votes are cast by %s alone. One more failure and votes are missed.", others[0])
	default:
		a.Impact = fmt.Sprintf("Votes are still cast by %s.", list(others))
	}
	return a
}

// list joins names as a sentence does.
func list(names []string) string {
	text := ""
	for i, name := range names {
		switch {
		case i == 0:
		case i == len(names)-1:
			text += " and "
		default:
			text += ", "
		}
		text += name
	}
	return text
}
