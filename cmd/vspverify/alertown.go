package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"scrutineer/alerts"
	"scrutineer/cmd/alerting"
	"scrutineer/verifier"
)

// ownImpact is what any trouble of ours means.
const ownImpact = "It is our own trouble and not the VSP's: what we do not see counts for nobody, but proves nothing either."

func ownAlert(problem, what, action string) alerts.Alert {
	return alerts.Alert{Subject: "Our own", Problem: problem, Severity: alerts.Warn, What: what, Impact: ownImpact, Action: action,
		Seen: "vspverify run, of itself"}
}

// own is what the slot shows of ourselves, as this machine saw it.
func (s slotSeen) own() []sight {
	var all []sight
	var cut []string
	controls, reached, answered := 0, 0, false
	for _, o := range s.seen {
		if o.Vantage != localVantage {
			continue
		}
		switch o.Kind {
		case verifier.KindNode:
			all = append(all, s.ownNode(o))
		case verifier.KindControl:
			controls++
			if o.Code.State() == verifier.Up {
				reached++
			}
		case verifier.KindInfo, verifier.KindSite, verifier.KindTLS:
			if slices.Contains([]verifier.Code{verifier.NoRoute, verifier.NoResolver}, o.Code) {
				cut = append(cut, o.Code.Text())
			}
			answered = answered || o.Code.State() == verifier.Up
		}
		if o.Kind == verifier.KindInfo {
			all = append(all, s.ownClock(o)...)
		}
	}
	switch {
	case controls > 0 && reached == 0:
		all = append(all, s.noNetwork(fmt.Sprintf("None of %s that have nothing to do with the VSP answers.", number(controls, "site"))))
	case len(cut) > 0:
		all = append(all, s.noNetwork("From this machine: "+strings.Join(slices.Compact(cut), "; ")+"."))
	case reached > 0, answered:
		all = append(all, right("own/network", s.at, ""))
	}
	return all
}

func (s slotSeen) noNetwork(what string) sight {
	return wrong("own/network", s.at, ownAlert("network is cut", what, "see this machine's network and its resolver of names."))
}

func (s slotSeen) ownNode(o verifier.Observation) sight {
	const key = alerts.Key("own/node")
	if o.Code.State() == verifier.Up {
		return right(key, s.at, "")
	}
	what := "Of the node in trial.toml: " + o.Code.Text()
	if o.Detail != "" {
		what += " (" + o.Detail + ")"
	}
	return wrong(key, s.at, ownAlert("node cannot be used", what+".", "see whether dcrd runs, its log and its peers."))
}

// ownClock is what the VSP's statement says of our clock and of our node's height.
func (s slotSeen) ownClock(o verifier.Observation) []sight {
	switch {
	case o.Code == verifier.OurClock:
		return []sight{wrong("own/clock", s.at, ownAlert("clock may be wrong", "The VSP "+o.Code.Text()+": "+o.Detail+".",
			"see whether this machine's clock is kept right: `timedatectl`, chrony."))}
	case o.Code == verifier.AheadOfUs:
		return []sight{wrong("own/behind", s.at, ownAlert("node may be behind", "The VSP "+o.Code.Text()+": "+o.Detail+".",
			"compare our node's height with a block explorer's; see its peers."))}
	case o.Code.State() == verifier.Up:
		return []sight{right("own/clock", s.at, ""), right("own/behind", s.at, "")}
	}
	return nil
}

// vantageSights is whether what the vantages on other machines saw comes to us. One pull that fails is no trouble yet.
func vantageSights(p picture) []sight {
	var all []sight
	for _, w := range p.evidence.Witnesses {
		key := alerts.Key("own/vantage/" + w.Name)
		if len(w.Pulls) == 0 {
			continue
		}
		last := w.Pulls[len(w.Pulls)-1]
		a := ownAlert("vantage "+w.Name+" is away", fmt.Sprintf("It %s: %s.", last.Code.Text(), last.Detail),
			"see whether vspverify vantage runs there, and whether it is reached from here.")
		switch {
		case w.Rewritten() != nil:
			s := wrong(key, last.At, a)
			s.sure = true
			all = append(all, s)
		case last.Code == verifier.PullOK:
			all = append(all, right(key, last.At, ""))
		case len(w.Pulls) > 1 && w.Pulls[len(w.Pulls)-2].Code != verifier.PullOK:
			all = append(all, wrong(key, last.At, a))
		}
	}
	return all
}

// walletSights is whether the mystery shopper's wallet does its part.
func walletSights(p picture) []sight {
	for _, o := range slices.Backward(p.evidence.Seen) {
		switch {
		case o.Kind != verifier.KindShopper:
		case o.Code == verifier.WalletAway:
			return []sight{wrong("own/wallet", o.At, ownAlert("shopper's wallet is away", o.Code.Text()+": "+o.Detail+".",
				"see whether dcrwallet runs, is unlocked, and its [shopper] section."))}
		case o.Code.State() != verifier.Unknown: // an exchange with the VSP, for which it is needed
			return []sight{right("own/wallet", o.At, "")}
		}
	}
	return nil
}

// diskSight is whether there is room for the journal.
func diskSight(folder string, free uint64, now time.Time) sight {
	const key = alerts.Key("own/disk")
	if free >= alerting.LittleRoom {
		return right(key, now, "")
	}
	a := ownAlert("disk is nearly full", fmt.Sprintf("Where %s is, %d MiB are free.", folder, free>>20),
		"make room: `df -h`, old logs. When it is full the watch ends.")
	if free < alerting.NoRoom {
		a.Severity = alerts.Crit
	}
	return wrong(key, now, a)
}

// endSight is that the watch could not go on.
func endSight(err error, now time.Time) sight {
	a := ownAlert("watch has ended", strings.Join(strings.Fields(err.Error()), " "), "see its log, then start vspverify run again: it goes on where it was.")
	a.Severity, a.Impact = alerts.Crit, "Nothing is watched until it is started again. "+ownImpact
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		a.Action = "make room (`df -h`), then start vspverify run again: it goes on where it was."
	}
	s := wrong("own/watch", now, a)
	s.sure = true
	return s
}
