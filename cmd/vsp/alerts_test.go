package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/alerts"
	"scrutineer/cmd/alerting"
	"scrutineer/vsp"
)

func TestIncidentsOfWalletsThatAreGoneEnd(t *testing.T) {
	box := &mailbox{}
	desk, err := alerts.NewDesk(alerts.Config{Sender: box, Recipients: []string{"a@example.org"}, Rules: alerts.DefaultRules(),
		Retry: alerts.DefaultRetry(), Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, desk.Close(context.Background())) })
	s := &settings{Config: Config{Alerts: &AlertsConfig{}}, alerting: &alerting.Settings{Path: filepath.Join(t.TempDir(), "alerts.db")}}
	now := time.Now()
	for range 2 {
		for _, name := range []string{"wallet-1", "wallet-11"} {
			desk.Bad(conditionKey(name, vsp.Locked), now, alerts.Alert{Subject: name, Problem: "is locked"})
		}
		desk.Bad("database/away", now, alerts.Alert{Subject: "database", Problem: "is away"})
		for _, name := range []string{"cron", "cron-2"} {
			desk.Bad(alerts.Key("heartbeat/"+name), now, alerts.Alert{Subject: name, Problem: "is not heard"})
		}
		desk.Bad("backup/stale", now, alerts.Alert{Subject: "backup", Problem: "is old"})
	}
	s.Wallet, s.Alerts.Expect = []Daemon{{Name: "wallet-1"}}, []ExpectConfig{{Name: "cron"}}
	withdraw(desk, s, now)
	incidents, _ := desk.Open()
	var open []string
	for _, i := range incidents {
		open = append(open, string(i.Key))
	}
	require.Equal(t, []string{"wallet/wallet-1/locked", "database/away", "heartbeat/cron"}, open)
}
