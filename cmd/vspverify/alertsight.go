package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"scrutineer/alerts"
	"scrutineer/verifier"
)

// sight is one look at one condition: bad, or good. What could not be looked at is no sight.
type sight struct {
	key   alerts.Key
	at    time.Time
	bad   bool
	sure  bool         // a fact, which needs no second look
	alert alerts.Alert // of one that is bad
	says  string       // of one that is good: what is known of the harm done
}

func wrong(key alerts.Key, at time.Time, a alerts.Alert) sight {
	return sight{key: key, at: at, bad: true, alert: a}
}

func right(key alerts.Key, at time.Time, says string) sight {
	return sight{key: key, at: at, says: says}
}

// slotSights is what each slot from a first one on shows, and the first one that is not settled yet. Nothing here is told of
// the VSP but what a majority of the vantages that could see has seen.
func slotSights(p picture, from int) (all []sight, next int) {
	e := p.evidence
	to := settled(e, from)
	if to <= from {
		return nil, from
	}
	w := verifier.Window{Start: e.Window.Start.Add(time.Duration(from) * e.Window.Slot), Slot: e.Window.Slot, Slots: to - from}
	recent := make([][]verifier.Observation, w.Slots)
	var seen []verifier.Observation
	for _, o := range e.Seen {
		if i, ok := w.Index(o.At); ok {
			recent[i], seen = append(recent[i], o), append(seen, o)
		}
	}
	uptimes := verifier.Uptimes(w, seen, e.Beats, e.Policy.MinVantages)
	for i := range w.Slots {
		s := slotSeen{at: w.Start.Add(time.Duration(i) * w.Slot), seen: recent[i], states: map[string]verifier.State{}, before: p, index: from + i}
		for _, u := range uptimes {
			s.states[u.Endpoint] = u.States[i]
		}
		all = slices.Concat(all, s.target(), s.own())
	}
	return all, to
}

// patience is for how many slots what a vantage on another machine saw is waited for.
const patience = 3

// settled returns the first slot of which more may still come to be known. Our own round makes a slot known as soon as it is
// whole; where there are other vantages, what they saw in it is waited for.
func settled(e verifier.Evidence, from int) int {
	latest := map[string]int{}
	open := e.Window
	open.Slots += 2 // the one that is under way, and one that clocks may be ahead
	for _, b := range e.Beats {
		if i, ok := open.Index(b.At); ok && i >= latest[b.Vantage] {
			latest[b.Vantage] = i + 1
		}
	}
	to := max(e.Window.Slots, min(latest[localVantage], e.Window.Slots+1))
	for _, w := range e.Witnesses {
		to = min(to, max(latest[w.Name], e.Window.Slots-patience))
	}
	return max(from, to)
}

// slotSeen is one slot, as all vantages have seen it.
type slotSeen struct {
	at     time.Time
	index  int
	seen   []verifier.Observation
	states map[string]verifier.State // of each endpoint
	before picture
}

// manner is a way in which the VSP can be down. The order is that in which one way says that another is over: who answers,
// though wrongly, can be reached.
type manner struct {
	key                     alerts.Key
	codes                   []verifier.Code
	problem, impact, action string
	severity                alerts.Severity
	says                    string // what a slot in this manner says is over
}

const uptimeImpact = "Each slot like this costs uptime (TR-1); holders cannot register or change choices. Votes may be cast all the same."

var manners = []manner{
	{key: "vsp/down", problem: "cannot be used", severity: alerts.Crit,
		codes:  []verifier.Code{verifier.Refused, verifier.NoAnswer, verifier.NoName, verifier.BadTLS, verifier.BadStatus, verifier.Garbage, verifier.NoPage},
		impact: uptimeImpact,
		action: "tell its operator; see on the front end whether vsp and its web server run, and the name's DNS entry."},
	{key: "vsp/slow", problem: "is too slow", severity: alerts.Warn, codes: []verifier.Code{verifier.Slow}, says: "vsp/down",
		impact: uptimeImpact,
		action: "tell its operator; see the front end's load, its database and its node."},
	{key: "vsp/wrong", problem: "answers wrongly", severity: alerts.Crit, says: "vsp/down",
		codes:  []verifier.Code{verifier.BadSignature, verifier.WrongKey, verifier.WrongNetwork, verifier.NoVersion3, verifier.StaleHeight, verifier.StaleAnswer},
		impact: "Wallets refuse such answers, and each slot like this costs uptime (TR-1).",
		action: "tell its operator; see the front end's signing key, its network, its node and its clock."},
}

// target is what the slot shows of the VSP: each manner in which it is down is a condition of its own. One is over when every
// endpoint was seen, and none as this manner has it.
func (s slotSeen) target() []sight {
	var all []sight
	found := map[alerts.Key]map[string][]string{} // endpoints, by how
	blind := len(s.states) == 0
	for endpoint, state := range s.states {
		switch state {
		case verifier.Unknown:
			blind = true
		case verifier.Down:
			key, how := s.how(endpoint)
			if found[key] == nil {
				found[key] = map[string][]string{}
			}
			found[key][how] = append(found[key][how], endpoint)
		}
	}
	for _, m := range manners {
		switch how := found[m.key]; {
		case len(how) > 0:
			all = append(all, wrong(m.key, s.at, s.alert(m, how)))
		case !blind && !s.hides(found, m.key):
			all = append(all, right(m.key, s.at, ""))
		}
	}
	return all
}

// hides reports whether what was found says nothing about a manner: who cannot be reached may be slow or wrong besides.
func (s slotSeen) hides(found map[alerts.Key]map[string][]string, key alerts.Key) bool {
	for other := range found {
		i := slices.IndexFunc(manners, func(m manner) bool { return m.key == other })
		if i < 0 || manners[i].says != string(key) {
			return true
		}
	}
	return false
}

// how says in which manner an endpoint is down, by what most vantages saw, and in words.
func (s slotSeen) how(endpoint string) (alerts.Key, string) {
	counts := map[verifier.Code]int{}
	var most verifier.Observation
	for _, o := range s.seen {
		if o.Endpoint != endpoint || o.Code.State() != verifier.Down || o.Kind == verifier.KindShopper || o.Kind == verifier.KindChoices {
			continue
		}
		if counts[o.Code]++; counts[o.Code] > counts[most.Code] {
			most = o
		}
	}
	text := fmt.Sprintf("%s (%s)", most.Code.Text(), most.Code)
	if n, since := s.run(endpoint); n > 1 {
		text += fmt.Sprintf(", in %d slots in a row since %s UTC", n, since.UTC().Format("02 Jan 15:04:05"))
	}
	for _, m := range manners {
		if slices.Contains(m.codes, most.Code) {
			return m.key, text
		}
	}
	return manners[0].key, text
}

// run returns for how many slots in a row, this one the last, an endpoint is down, and since when.
func (s slotSeen) run(endpoint string) (int, time.Time) {
	n := 1
	for _, u := range s.before.uptimes {
		if u.Endpoint != endpoint {
			continue
		}
		for i := min(s.index, len(u.States)) - 1; i >= 0 && u.States[i] == verifier.Down; i-- {
			n++
		}
	}
	return n, s.at.Add(-time.Duration(n-1) * s.before.evidence.Window.Slot)
}

func (s slotSeen) alert(m manner, how map[string][]string) alerts.Alert {
	a := vspAlert(m.problem)
	a.Severity, a.Impact, a.Action, a.Seen = m.severity, m.impact, m.action, "vspverify run, from outside"
	var what []string
	for text, endpoints := range how {
		slices.Sort(endpoints)
		what = append(what, strings.Join(endpoints, " and ")+" "+text)
	}
	slices.Sort(what)
	a.What = strings.Join(what, "; ") + "."
	witnesses := map[string]bool{}
	controls := false
	for _, o := range s.seen {
		witnesses[o.Vantage] = true
		controls = controls || o.Kind == verifier.KindControl
	}
	if len(witnesses) > 1 {
		a.Seen += fmt.Sprintf(", by most of %d vantages", len(witnesses))
	} else if !controls {
		a.What += " No other site was asked (controls): it may be our own network."
	}
	return a
}

// vspAlert is about the VSP; which one it is stands beside it in each mail.
func vspAlert(problem string) alerts.Alert { return alerts.Alert{Subject: "The VSP", Problem: problem} }
