package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"scrutineer/alerts"
	"scrutineer/verifier"
)

// gateSights is what the forecast warns of, under a key for each gate or thing of ours, so that one that gets worse stays one
// incident. That a warning is gone ends an incident only where something newer was seen that shows why.
func gateSights(p picture, now time.Time) []sight {
	var all []sight
	warned := map[alerts.Key]bool{}
	for _, w := range p.forecast.Warnings {
		if a, key, told := gateAlert(w); told {
			warned[key] = true
			all = append(all, wrong(key, now, a))
		}
	}
	for _, key := range mended(p) {
		if !warned[key] {
			all = append(all, right(key, now, ""))
		}
	}
	return all
}

// gateAlert words a warning. What slots and rounds tell sooner is left to them.
func gateAlert(w verifier.Warning) (alerts.Alert, alerts.Key, bool) {
	a := vspAlert("")
	a.What, a.Seen = w.Says, "vspverify run, from its journal and the chain"
	if w.Lost {
		a.Severity = alerts.Crit
	}
	problem, risk := "is about to lose "+w.Row, fmt.Sprintf("Gate %s is at risk: once lost, the trial has to begin anew.", w.Row)
	if w.Lost {
		problem, risk = "has lost "+w.Row, fmt.Sprintf("Gate %s is lost: nothing that is still to come in this trial makes it good.", w.Row)
	}
	switch w.Kind {
	case verifier.WarnUptime, verifier.WarnBurn:
		a.Problem, a.Impact, a.Action = problem, risk, "tell its operator now; vspverify watch shows how much is left."
		return a, alerts.Key("gate/uptime/" + w.Subject), true
	case verifier.WarnVotes:
		a.Problem, a.Impact, a.Action = "has missed too many votes", risk, "tell its operator; vspverify report names each miss and why."
		return a, "gate/votes", true
	case verifier.WarnTickets:
		a.Subject, a.Problem, a.Impact = "The trial's list", "of tickets is too short", "Gate TR-2 cannot be proven with these tickets."
		a.Action = "list more tickets of this VSP, in the file that trial.toml names."
		return a, "gate/tickets", true
	case verifier.WarnWallets:
		a.Problem, a.Impact = "has few wallets left", "One more failure, or none, and votes are missed (TR-3)."
		a.Action, a.Severity = "tell its operator: wallets, their nodes, the private link.", alerts.Crit
		return a, "gate/wallets", true
	case verifier.WarnCoverage:
		a = ownAlert("view has too many gaps", w.Says, "keep node, network and this machine up; a trial that proves nothing begins anew.")
		return a, "own/coverage", true
	case verifier.WarnBlind:
		return ownAlert("view has gaps", w.Says, "see our own node, network and machine: vspverify watch."), "own/coverage", true
	case verifier.WarnChain:
		return ownAlert("node's chain contradicts itself", w.Says, "use another node: this one is broken, or lies."), "own/chain", true
	case verifier.WarnNode:
		key := alerts.Key("own/node/" + w.Subject)
		return ownAlert("vantage "+w.Subject+" has no node", w.Says, "on that machine, see whether dcrd runs."), key, w.Subject != localVantage
	case verifier.WarnSilence:
		return ownAlert("journal is not written", w.Says, "see this machine's disk and load, and the log of vspverify run."), "own/silence", true
	}
	return a, "", false // the certificate is looked at as it is
}

// mended is what was seen to be in order, if nothing warns of it.
func mended(p picture) []alerts.Key {
	keys := []alerts.Key{"own/silence"} // it is known by our own clock
	e := p.evidence
	known := len(p.uptimes) > 0
	for _, u := range p.uptimes {
		n := len(u.States)
		if n > 0 && u.States[n-1] == verifier.Up {
			keys = append(keys, alerts.Key("gate/uptime/"+u.Endpoint))
		}
		known = known && n > 0 && u.States[n-1] != verifier.Unknown
	}
	if known {
		keys = append(keys, "own/coverage")
	}
	if p.chain.err == nil && !p.chain.at.IsZero() && p.chain.ledger.To > 0 && p.chain.ledger.Mismatch == nil {
		keys = append(keys, "own/chain", "gate/votes", "gate/tickets")
	}
	if s, ok := verifier.LastStatement(e); ok && s.Info.VotingWalletsOnline > 1 && e.Window.End().Sub(s.At) <= 2*e.Window.Slot {
		keys = append(keys, "gate/wallets")
	}
	var nodes []string // of vantages, whose newest look was looked at
	for _, o := range slices.Backward(e.Seen) {
		if o.Kind != verifier.KindNode || slices.Contains(nodes, o.Vantage) {
			continue
		}
		if nodes = append(nodes, o.Vantage); o.Code.State() == verifier.Up {
			keys = append(keys, alerts.Key("own/node/"+o.Vantage))
		}
		if len(nodes) > len(e.Witnesses) {
			break
		}
	}
	return keys
}

// claimSights is each claim that the evidence contradicts. Only its proof ends that.
func claimSights(p picture, now time.Time) []sight {
	var all []sight
	for _, f := range p.report.Rows {
		key := alerts.Key("claim/" + f.Row)
		switch f.Verdict {
		case verifier.Refuted:
			all = append(all, wrong(key, now, alerts.Alert{Subject: "The VSP", Problem: "is contradicted in " + f.Row, Severity: alerts.Crit,
				What:   strings.Join(f.Says, " "),
				Impact: fmt.Sprintf("What was claimed does not hold: %s.", f.Requirement),
				Action: "read the entries that vspverify report cites under " + f.Row + ", then ask its operator.",
				Seen:   "vspverify run, from its journal and the chain"}))
		case verifier.Pass:
			all = append(all, right(key, now, ""))
		}
	}
	return all
}

// When a certificate that will expire is told. Those that are renewed by themselves are renewed a month before.
const (
	expiresSoon = 14 * 24 * time.Hour
	expiresNow  = 3 * 24 * time.Hour
)

// certificateSights is how long the VSP's certificate is valid, as it was seen last.
func certificateSights(p picture, now time.Time) []sight {
	const key = alerts.Key("vsp/certificate")
	for _, o := range slices.Backward(p.evidence.Seen) {
		if o.Kind != verifier.KindTLS {
			continue
		}
		if o.TLS == nil {
			return nil // nobody has seen it now
		}
		left := o.TLS.NotAfter.Sub(now)
		within := slices.ContainsFunc(p.forecast.Warnings, func(w verifier.Warning) bool { return w.Kind == verifier.WarnCertificate })
		if left >= expiresSoon && !within {
			return []sight{right(key, o.At, "")}
		}
		a := alerts.Alert{Subject: "The VSP's certificate", Problem: "expires soon",
			What:   fmt.Sprintf("It is valid until %s UTC.", o.TLS.NotAfter.UTC().Format(time.DateTime)),
			Impact: "From then on wallets refuse to speak to the VSP, and it counts as down (TR-1).",
			Action: "tell its operator to renew it and to reload the web server.", Seen: "vspverify run, from outside"}
		if left < expiresNow {
			a.Severity = alerts.Crit
		}
		return []sight{wrong(key, o.At, a)}
	}
	return nil
}

// voteCount is how many votes were made, and how many were missed that the network does not answer for, when that was told.
type voteCount struct{ Made, Missed int }

func newVoteCount(p picture) voteCount {
	return voteCount{p.tally.Voted, p.tally.Operator + p.tally.Unknown}
}

const votesKey = alerts.Key("votes/missed")

// voteSights tells of votes that were missed since all was well last. It is over when a vote was made since.
func voteSights(p picture, before *voteTold, now time.Time) []sight {
	if p.chain.at.IsZero() || p.chain.ledger.Mismatch != nil {
		return nil
	}
	t, count := p.tally, newVoteCount(p)
	if count.Missed < before.Well.Missed {
		before.Well, before.Seen = count, count // a reorganisation has taken one back
	}
	missed := count.Missed - before.Well.Missed
	switch {
	case missed == 0:
		before.Well, before.Seen = count, count
		return []sight{right(votesKey, now, "")}
	case count.Missed == before.Seen.Missed && count.Made > before.Seen.Made:
		before.Well, before.Seen = count, count
		return []sight{right(votesKey, now, fmt.Sprintf("%s missed in all; votes are made again.", number(missed, "vote")))}
	}
	s := wrong(votesKey, now, alerts.Alert{Subject: "The VSP", Problem: "has missed votes", Severity: alerts.Crit, Grave: true,
		What:   fmt.Sprintf("%s missed, and none was made since. In all %d: %s.", number(missed, "vote"), t.Missed(), blames(t)),
		Impact: "The holders get no reward for these tickets. Those that win next may be missed, too (TR-2).",
		Action: "tell its operator to see `vsp wallets status` now. Which, and why: vspverify report.",
		Seen:   "vspverify run, on the chain alone"})
	s.sure = count.Missed > before.Seen.Missed
	if s.sure {
		before.Seen = count
	}
	return []sight{s}
}

// voteTold is what was told of votes.
type voteTold struct {
	Well voteCount // when all was well last
	Seen voteCount // when the last miss was seen
}
