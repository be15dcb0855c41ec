package main

import (
	"context"
	"fmt"
	"time"

	"scrutineer/alerts"
	"scrutineer/vsp"
)

// How long something must be so before it is told. A daemon that is restarted is back before the first of them; a wallet that
// is given many tickets has them before the last.
const (
	awayPatience   = 10 * time.Second
	behindPatience = 30 * time.Second
	ticketPatience = 10 * time.Minute
)

// nodeWords is what each reason for not taking tickets that lies in the node is called in a mail.
var nodeWords = map[vsp.ReasonCode]struct {
	key, subject, headline, impact, action string
	patience                               time.Duration
	severity                               alerts.Severity
}{
	vsp.NodeAway: {"node/away", "The node", "does not answer",
		"The website answers, but no ticket can be registered and no fee is sent. Votes are cast as before: wallets have nodes of their own.",
		"on the front end, see whether dcrd runs: `systemctl status dcrd`.", awayPatience, alerts.Crit},
	vsp.NodeBehind: {"node/behind", "The node", "is behind the chain",
		"No new tickets are taken. Votes are cast as before: wallets have nodes of their own.",
		"see its log and its peers: `dcrctl getpeerinfo`.", behindPatience, alerts.Warn},
	vsp.NodeAlone: {"node/alone", "The node", "has too few peers",
		"No new tickets are taken. Alone, it may be led to a wrong chain.",
		"see its network and firewall: `dcrctl getpeerinfo`.", behindPatience, alerts.Warn},
	vsp.ClockOff: {"node/clock", "The clock", "is wrong",
		"No new tickets are taken. Signatures of answers may be refused.",
		"see whether time is kept in step: `timedatectl`.", behindPatience, alerts.Warn},
}

// lookAtNode tells how the node stands, and which wallets are behind, once for each time that the service has looked.
func (w *watch) lookAtNode(now time.Time) {
	h := w.service.Health()
	if !h.At.After(w.examined) {
		return
	}
	w.examined = h.At
	said := map[vsp.ReasonCode]string{}
	for _, reason := range h.Reasons {
		said[reason.Code] = reason.Text
	}
	for code, words := range nodeWords {
		text, bad := said[code]
		if !bad && h.NodeErr != nil {
			continue // it was not asked
		}
		a := alerts.Alert{Subject: words.subject, Problem: words.headline, Severity: words.severity, What: sentence(text),
			Impact: words.impact, Action: words.action, Seen: "the front end of " + w.settings.Site}
		if code == vsp.NodeAway && h.NodeErr != nil {
			a.Seen += ": " + h.NodeErr.Error()
		}
		w.lasting.tell(w.desk, alerts.Key(words.key), now, bad, words.patience, a)
	}
	if h.NodeErr == nil {
		w.lookAtHeights(now, h)
	}
}

// behindWords and lackingWords are of wallets that answer and are ready to vote, and yet will miss.
var (
	behindWords = words{"is behind the chain", "%s votes, but its node is behind: it does not see its tickets win.",
		"on the host of %s, see dcrd's log and peers."}
	lackingWords = words{"lacks tickets", "%s does not hold all tickets that it should vote with.",
		"see `vsp wallets status`, and then `vsp wallets resync` for %s."}
)

// lookAtHeights tells which wallets are behind or lack tickets.
func (w *watch) lookAtHeights(now time.Time, h vsp.Health) {
	newest := max(h.Standing.Tip.Height, h.Standing.PeerHeight)
	for _, state := range h.Voters {
		if !state.Online() {
			continue // that is told, and its height is of another time
		}
		limit := w.settings.Acceptance.MaxLag
		behind := alert(state, h.Voters, behindWords, w.settings.Site)
		behind.Seen = fmt.Sprintf("the front end: %s is at block %d, the chain at %d", state.Name, state.Height, newest)
		w.lasting.tell(w.desk, conditionKey(state.Name, "behind"), now, limit > 0 && newest-state.Height > limit, behindPatience, behind)

		lacking := alert(state, h.Voters, lackingWords, w.settings.Site)
		lacking.Seen = fmt.Sprintf("the front end: %d are missing, %s", state.Missing, state.Trouble)
		w.lasting.tell(w.desk, conditionKey(state.Name, "lacking"), now, state.Missing > 0, ticketPatience, lacking)
	}
}

const databasePatience = 2 * time.Second // for one row, as /healthz has it

// lookAtDatabase asks the database for one row.
func (w *watch) lookAtDatabase(ctx context.Context, now time.Time) {
	asking, cancel := context.WithTimeout(ctx, databasePatience)
	defer cancel()
	err := w.database(asking)
	if ctx.Err() != nil {
		return
	}
	a := alerts.Alert{Subject: "The database", Problem: "does not answer", Severity: alerts.Crit,
		What:   "The service cannot read its database.",
		Impact: "No ticket can be registered, no fee paid, no choice changed. Wallets vote with the tickets that they hold.",
		Action: "see whether the database server runs and its disk has room; `vsp check` says more.",
		Seen:   "the front end of " + w.settings.Site,
	}
	if err != nil {
		a.Seen += ": " + err.Error()
	}
	w.databaseLasting.tell(w.desk, "database/away", now, err != nil, awayPatience, a)
}

// sentence makes a sentence of what is said without capital and stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return string(text[0]-'a'+'A') + text[1:] + "."
}
