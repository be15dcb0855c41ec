package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"scrutineer/alerts"
	"scrutineer/cmd/alerting"
	"scrutineer/vsp"
)

// counted is what a heartbeat reports of a service.
type counted interface {
	Counts() (counts vsp.Counts, known bool)
}

// votesReport has a heartbeat's mails tell of the votes since the last one.
func votesReport(service counted) alerting.Report {
	return func(memo json.RawMessage) (string, json.RawMessage) { return votesSince(memo, service) }
}

// votesSince says how many votes were made and missed since the memo was made, and makes the next one.
func votesSince(memo json.RawMessage, service counted) (string, json.RawMessage) {
	counts, known := service.Counts()
	if !known {
		return "", memo
	}
	next, err := json.Marshal(counts)
	if err != nil {
		return "", memo
	}
	var before vsp.Counts
	if json.Unmarshal(memo, &before) != nil {
		return fmt.Sprintf("%s still to be voted with.", pluralOf(int(counts.Voting), "ticket is", "tickets are")), next
	}
	return fmt.Sprintf("Since the last mail like this %s made and %d missed; %s still to be voted with.",
		pluralOf(int(counts.Voted-before.Voted), "vote was", "votes were"), counts.Missed-before.Missed,
		pluralOf(int(counts.Voting), "ticket is", "tickets are")), next
}

// expected is who must be heard from, and when each was heard last. It answers /heartbeat/NAME.
type expected struct {
	config []ExpectConfig
	start  time.Time // time before it was not ours to hear anything

	mu    sync.Mutex // guards heard
	heard map[string]time.Time
}

func newExpected(config []ExpectConfig, start time.Time) *expected {
	return &expected{config: config, start: start, heard: map[string]time.Time{}}
}

// ServeHTTP takes a heartbeat.
func (e *expected) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path[len("/heartbeat/"):]
	for _, c := range e.config {
		if c.Name == name {
			e.mu.Lock()
			e.heard[name] = time.Now()
			e.mu.Unlock()
			_, _ = fmt.Fprintln(w, "ok") // who asked may have gone
			return
		}
	}
	http.Error(w, "no [[alerts.expect]] has this name", http.StatusNotFound)
}

func (e *expected) last(name string) (time.Time, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at, ok := e.heard[name]
	return at, ok
}

// look tells the desk who is silent for too long. Only time in which this process ran counts, and only what it heard itself
// is a sign of life.
func (e *expected) look(desk *alerts.Desk, now time.Time) {
	for _, c := range e.config {
		key := alerts.Key("heartbeat/" + c.Name)
		last, heard := e.last(c.Name)
		allowed := time.Duration(c.Every)
		switch {
		case heard && now.Sub(last) <= allowed:
			desk.Good(key, now, "")
			keepHeard(desk, c.Name, last)
		case !heard && now.Sub(e.start) <= allowed:
		default:
			desk.Bad(key, now, alerts.Alert{
				Subject: c.Name, Problem: "is not heard any more",
				What:   fmt.Sprintf("%s has not been heard from for more than %s%s.", c.Name, shortly(allowed), lastHeard(desk, c.Name, last)),
				Impact: "What it watches or does may stand still, and nobody would be told.",
				Action: fmt.Sprintf("see whether %s runs, and reaches /heartbeat/%s of the front end.", c.Name, c.Name),
				Seen:   "the front end, on metrics_listen",
			})
		}
	}
}

// lastHeard says when somebody was heard last, in this process or the one before, if that is known.
func lastHeard(desk *alerts.Desk, name string, at time.Time) string {
	if at.IsZero() && json.Unmarshal(desk.Kept("heard/"+name), &at) != nil {
		return ""
	}
	return ", last at " + second(at) + " UTC"
}

// keepHeard keeps it to the minute: the disk is not to be written to for each.
func keepHeard(desk *alerts.Desk, name string, at time.Time) {
	var kept time.Time
	at = at.UTC().Truncate(time.Minute)
	if json.Unmarshal(desk.Kept("heard/"+name), &kept) == nil && kept.Equal(at) {
		return
	}
	if raw, err := json.Marshal(at); err == nil {
		desk.Keep("heard/"+name, raw)
	}
}
