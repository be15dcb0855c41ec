package alerts_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"scrutineer/alerts"
)

// printer is the shortest Sender there is.
type printer struct{}

func (printer) Send(_ context.Context, n alerts.Notice) error {
	fmt.Printf("%s: %s: %s\n", n.To, n.Event, n.Incident.Title)
	return nil
}

// A wallet is looked at every second; it is down twice in a row, then well again.
func ExampleDesk() {
	desk, err := alerts.NewDesk(alerts.Config{
		Sender:     printer{},        // email.New(...) in earnest
		Store:      &alerts.Memory{}, // alerts.OpenFile(...)
		Recipients: []string{"night@example.org"},
		Rules:      alerts.DefaultRules(),
		Retry:      alerts.DefaultRetry(),
		Log:        slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	const key = alerts.Key("wallet/wallet-2/unreachable")
	now := time.Now()
	for range 2 {
		desk.Bad(key, now, alerts.Alert{
			Subject:  "wallet-2",
			Problem:  "does not answer",
			Severity: alerts.Crit,
			What:     "The wallet's RPC refuses connections at 127.0.0.1:19557.",
			Impact:   "Votes are still cast by wallet-1 and wallet-3. Nothing was missed.",
			Action:   "on wallet-2, `systemctl status dcrwallet`",
			Seen:     "front, by its wallet RPC",
		})
		now = now.Add(time.Second)
	}
	desk.Good(key, now, "Nothing was missed.")

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := desk.Close(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// night@example.org: opened: wallet-2 does not answer
	// night@example.org: resolved: wallet-2 does not answer
}
