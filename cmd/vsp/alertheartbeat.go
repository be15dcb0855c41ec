package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"scrutineer/alerts"
	"scrutineer/vsp"
)

// counted is what a heartbeat reports of a service.
type counted interface {
	Counts() (counts vsp.Counts, known bool)
}

// heartbeat is what the configuration asks for, with the votes since the last one.
func heartbeat(s *settings, service counted) alerts.Heartbeat {
	return alerts.Heartbeat{Every: time.Duration(*s.Alerts.HeartbeatEvery), To: s.Alerts.HeartbeatTo,
		Report: func(memo json.RawMessage) (string, json.RawMessage) { return votesSince(memo, service) }}
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

const (
	pingEvery   = time.Minute
	pingTimeout = 10 * time.Second
	mailStuck   = 10 * time.Minute // what waits longer than this may never arrive: somebody else must tell
)

// ping asks a URL each minute while mail goes out, until the context ends. A service behind it tells people when that stops.
func ping(ctx context.Context, url string, desk *alerts.Desk, log *slog.Logger) {
	client := &http.Client{Timeout: pingTimeout}
	failed := false
	every(ctx, pingEvery, func(ctx context.Context, now time.Time) {
		_, waiting := desk.Open()
		for _, w := range waiting {
			if now.Sub(w.At) > mailStuck {
				log.Warn("no heartbeat is sent: mail waits for too long", "to", w.To, "since", w.At)
				return
			}
		}
		err := pingOnce(ctx, client, url)
		if err != nil && !failed && ctx.Err() == nil {
			log.Warn("heartbeat_url does not answer", "err", err)
		}
		failed = err != nil
	})
}

// pingOnce asks once. Its error does not name the URL, which may hold a secret.
func pingOnce(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("heartbeat_url is no URL")
	}
	response, err := client.Do(request)
	if err != nil {
		if cause, ok := err.(interface{ Unwrap() error }); ok {
			err = cause.Unwrap()
		}
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return nil
}

// every calls at once and then at each tick until the context ends.
func every(ctx context.Context, pause time.Duration, look func(ctx context.Context, now time.Time)) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for now := time.Now(); ; {
		look(ctx, now.UTC())
		select {
		case <-ctx.Done():
			return
		case now = <-ticker.C:
		}
	}
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
