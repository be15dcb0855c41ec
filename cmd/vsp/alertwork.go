package main

import (
	"encoding/json"
	"fmt"
	"time"

	"scrutineer/alerts"
	"scrutineer/vsp"
)

// Limits of work on the chain.
const (
	standstill  = 10 * time.Minute // since tickets and fees were gone through
	feePatience = 10 * time.Minute // since a fee was received that cannot be sent
)

// lookAtWork tells whether fees and tickets are seen to. Only the front end that leads knows.
func (w *watch) lookAtWork(now time.Time) {
	p := w.service.Progress()
	if !p.Leading || p.At.IsZero() {
		w.tended = time.Time{}
		return
	}
	if w.tended.IsZero() {
		w.tended = now // it has just begun to lead
	}
	idle := min(now.Sub(p.At), now.Sub(w.tended))
	w.lasting.tell(w.desk, "fees/standstill", now, idle > standstill, 0, alerts.Alert{
		Subject: "Work on the chain", Problem: "stands still", Severity: alerts.Warn,
		What:   fmt.Sprintf("Tickets and fees have not been gone through for %s.", shortly(idle)),
		Impact: "New tickets are not confirmed and not given to wallets: those that win first would be missed.",
		Action: "see whether node and database answer: `vsp check`; then the service's log.",
		Seen:   "the front end of " + w.settings.Site,
	})
	if idle > standstill {
		return // what it says of fees is as old
	}
	stuck := p.Unsent > 0 && !p.OldestUnsent.IsZero() && now.Sub(p.OldestUnsent) > feePatience
	w.lasting.tell(w.desk, "fees/unsent", now, stuck, 0, alerts.Alert{
		Subject: "Fees", Problem: "are not sent", Severity: alerts.Warn,
		What:   fmt.Sprintf("%s received and could not be sent, the first %s.", pluralOf(p.Unsent, "fee was", "fees were"), ago(now, p.OldestUnsent)),
		Impact: "Their tickets are not given to the wallets until they are: those that win first are missed.",
		Action: "see `vsp fees`, the service's log, and whether the node has peers.",
		Seen:   "the front end of " + w.settings.Site,
	})
}

func ago(now, at time.Time) string { return shortly(now.Sub(at)) + " ago" }

// voteWatch counts missed votes.
type voteWatch struct {
	begun bool
	told  vsp.Counts // when all was well last
	seen  int64      // misses when last looked at
	voted int64      // votes made when the last of them was seen
}

const votesKey = alerts.Key("votes/missed")

// lookAtVotes tells of each vote that was missed, since the service ran for the first time. It is over when a vote was made
// since.
func (w *watch) lookAtVotes(now time.Time) {
	counts, known := w.service.Counts()
	if !known {
		return
	}
	v := &w.votes
	if !v.begun {
		v.begun = true
		if json.Unmarshal(w.desk.Kept("votes"), &v.told) != nil {
			w.keepVotes(counts)
		}
		v.seen = v.told.Missed
	}
	if counts.Missed < v.told.Missed { // a reorganisation has taken one back
		w.keepVotes(counts)
		v.seen = counts.Missed
	}
	missed := counts.Missed - v.told.Missed
	switch {
	case counts.Missed > v.seen:
		v.seen, v.voted = counts.Missed, counts.Voted
		w.bad(votesKey, now, w.missedAlert(missed)) // a fact, which needs no second look
	case missed > 0 && counts.Voted > v.voted:
		w.desk.Good(votesKey, now, fmt.Sprintf("%s missed in all; votes are cast again.", pluralOf(int(missed), "vote was", "votes were")))
		w.keepVotes(counts)
	case missed > 0:
		w.desk.Bad(votesKey, now, w.missedAlert(missed))
	}
}

func (w *watch) missedAlert(missed int64) alerts.Alert {
	return alerts.Alert{
		Subject: "Votes", Problem: "were missed", Severity: alerts.Crit, Grave: true,
		What:   fmt.Sprintf("%s missed, and none was made since.", pluralOf(int(missed), "vote was", "votes were")),
		Impact: "The holders get no reward for these tickets. Those that win next may be missed too.",
		Action: "see `vsp wallets status` now. Which: `vsp tickets list`; why: the wallets' logs.",
		Seen:   "the front end of " + w.settings.Site + ", on the chain",
	}
}

func (w *watch) keepVotes(counts vsp.Counts) {
	w.votes.told = counts
	if raw, err := json.Marshal(counts); err == nil {
		w.desk.Keep("votes", raw)
	}
}
