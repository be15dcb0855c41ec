package verifier

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// fresh is for how many slots the VSP's last statement says how things are.
const fresh = 10

// warnWallets tells when the VSP itself says that one voting wallet is left, or none.
func warnWallets(e Evidence) []Warning {
	s, ok := LastStatement(e)
	if !ok || s.Info.TotalVotingWallets < 2 || s.Info.VotingWalletsOnline > 1 || e.Window.End().Sub(s.At) > slots(e, fresh) {
		return nil
	}
	w := Warning{Kind: WarnWallets, Row: "TR-3", Says: fmt.Sprintf(
		"Of %d voting wallets one is online, by the VSP's own word: one more failure, and votes are missed.", s.Info.TotalVotingWallets)}
	if s.Info.VotingWalletsOnline == 0 {
		w.Says = fmt.Sprintf("Of %d voting wallets none is online, by the VSP's own word: what wins now is missed.", s.Info.TotalVotingWallets)
	}
	return []Warning{w}
}

// LastStatement returns the newest of Statements.
func LastStatement(e Evidence) (Statement, bool) {
	for i := len(e.Seen) - 1; i >= 0; i-- {
		one := e
		one.Seen = e.Seen[i : i+1]
		if all := Statements(one); len(all) > 0 {
			return all[0], true
		}
	}
	return Statement{}, false
}

// warnCertificates tells of each endpoint whose certificate, as it was seen last, does not outlast the trial.
func warnCertificates(e Evidence) []Warning {
	until := e.Window.Start.Add(slots(e, e.Window.Planned))
	if e.Window.Planned == 0 {
		until = e.Window.End()
	}
	last := make(map[string]time.Time)
	for _, o := range e.Seen {
		if o.TLS != nil {
			last[o.Endpoint] = o.TLS.NotAfter
		}
	}
	var all []Warning
	for _, endpoint := range slices.Sorted(maps.Keys(last)) {
		if expires := last[endpoint]; expires.Before(until) {
			all = append(all, Warning{Kind: WarnCertificate, Subject: endpoint, Row: "TR-1", Says: fmt.Sprintf(
				"The certificate of %s expires %s UTC, before the trial ends.", endpoint, expires.UTC().Format("02 Jan 15:04"))})
		}
	}
	return all
}

// blindRounds is after how many rounds in a row our own node's failing is told of.
const blindRounds = 3

// warnSight tells of what keeps ourselves from seeing.
func warnSight(e Evidence) []Warning {
	var all []Warning
	if m := e.Ledger.Mismatch; m != nil {
		all = append(all, Warning{Kind: WarnChain, Says: fmt.Sprintf(
			"The chain that our own node gave does not prove itself at block %d: nothing can be said of votes.", m.Height)})
	}
	failing := make(map[string][]Observation) // the latest of each vantage, none of them good
	for _, o := range e.Seen {
		switch {
		case o.Kind != KindNode:
		case o.Code.State() == Up:
			delete(failing, o.Vantage)
		default:
			failing[o.Vantage] = append(failing[o.Vantage], o)
		}
	}
	for _, vantage := range slices.Sorted(maps.Keys(failing)) {
		if run := failing[vantage]; len(run) >= blindRounds {
			all = append(all, Warning{Kind: WarnNode, Subject: vantage, Says: fmt.Sprintf(
				"%s: %s, since %s UTC; nothing counts meanwhile.", vantage, run[len(run)-1].Code.Text(), run[0].At.UTC().Format("02 Jan 15:04:05"))})
		}
	}
	return all
}
