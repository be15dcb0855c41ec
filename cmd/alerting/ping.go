package alerting

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	pingEvery   = time.Minute
	pingTimeout = 10 * time.Second
	mailStuck   = 10 * time.Minute // what waits longer than this may never arrive: somebody else must tell
)

// Ping asks heartbeat_url each minute while mail goes out, until the context ends. A service behind it tells people when that
// stops. It returns at once where there is no such URL.
func (d *Duty) Ping(ctx context.Context) {
	if d.settings.HeartbeatURL == "" {
		return
	}
	client := &http.Client{Timeout: pingTimeout}
	failed := false
	Every(ctx, pingEvery, func(ctx context.Context, now time.Time) {
		_, waiting := d.Desk.Open()
		for _, w := range waiting {
			if now.Sub(w.At) > mailStuck {
				d.log.Warn("no heartbeat is sent: mail waits for too long", "to", w.To, "since", w.At)
				return
			}
		}
		err := pingOnce(ctx, client, d.settings.HeartbeatURL)
		if err != nil && !failed && ctx.Err() == nil {
			d.log.Warn("heartbeat_url does not answer", "err", err)
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

// Every calls at once and then at each tick until the context ends.
func Every(ctx context.Context, pause time.Duration, look func(ctx context.Context, now time.Time)) {
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
