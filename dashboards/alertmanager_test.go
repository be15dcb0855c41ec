package dashboards

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/testnet"
)

func TestAlertmanagerConfiguration(t *testing.T) {
	t.Parallel()
	run(t, "amtool", "check-config", "alertmanager.yml")
	for labels, receiver := range map[string]string{
		"severity=critical": "urgent", "severity=warning": "mail", "severity=info": "mail",
		"alertname=Watchdog severity=none": "watchdog",
	} {
		args := append([]string{"config", "routes", "test", "--config.file=alertmanager.yml"}, strings.Fields(labels)...)
		require.Equal(t, receiver, strings.TrimSpace(run(t, "amtool", args...)), labels)
	}
}

// TestInhibitionsNameAlerts fails when an inhibition is of an alert that no rule makes.
func TestInhibitionsNameAlerts(t *testing.T) {
	config, err := os.ReadFile("alertmanager.yml")
	require.NoError(t, err)
	var rules []byte
	for _, file := range files(t, ".rules.yml") {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		rules = append(rules, text...)
	}
	names := regexp.MustCompile(`\b(?:VSP|Trial|Verifier)[A-Z]\w+`).FindAllString(string(config), -1)
	require.Greater(t, len(names), 20)
	for _, name := range names {
		require.Contains(t, string(rules), "- alert: "+name+"\n")
	}
}

// TestInhibition gives alerts to a real Alertmanager and sees which of them it would send.
func TestInhibition(t *testing.T) {
	t.Parallel()
	url := startAlertmanager(t, "127.0.0.1:1")
	var given []map[string]any
	for _, labels := range []string{
		"VSPNodeDown of-node a", "VSPWalletBehind of-node", "VSPTooFewWallets of-node a", "VSPNotAccepting of-node a",
		"VSPNodeBehind of-node a", "VSPNodeBehind of-node b", "VSPNoWallet of-node", "VSPWalletNotVoting of-node",
		"VSPWalletBehind calm", "VSPNotAccepting calm a", // of another VSP
		"VerifierNodeAway vspverify a", "VerifierBlind vspverify a", "VerifierBlind vspverify b", "TrialBurnsFast vspverify a",
		"TrialBurnsDays vspverify a", "Watchdog",
	} {
		words := append(strings.Fields(labels), "", "")
		given = append(given, map[string]any{"labels": map[string]string{"alertname": words[0], "job": words[1], "instance": words[2]}})
	}
	tell(t, url, given)

	want := []string{
		"TrialBurnsFast vspverify a", "VSPNoWallet of-node", "VSPNodeBehind of-node b", "VSPNodeDown of-node a",
		"VSPNotAccepting calm a", "VSPWalletBehind calm", "VSPWalletNotVoting of-node", "VerifierBlind vspverify b",
		"VerifierNodeAway vspverify a", "Watchdog",
	}
	eventually(t, func() error {
		if told := told(t, url); !slices.Equal(want, told) {
			return fmt.Errorf("would be told: %q", told)
		}
		return nil
	})
}

// TestMails reads what a real Alertmanager mails of a fault and of its end.
func TestMails(t *testing.T) {
	t.Parallel()
	tool(t, "prometheus-alertmanager")
	sink, err := testnet.StartSink("127.0.0.1:0", t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sink.Close()) })
	url := startAlertmanager(t, sink.Addr())
	alert := map[string]any{
		"labels":      map[string]string{"alertname": "VSPNoWallet", "job": "vsp", "severity": "critical"},
		"annotations": map[string]string{"summary": "NO WALLET VOTES", "description": "Unlock one."},
		"startsAt":    time.Now().Add(-time.Minute),
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, subject := range []string{"[critical] NO WALLET VOTES", "[over] NO WALLET VOTES"} {
		tell(t, url, []map[string]any{alert})
		mail, err := sink.Wait(ctx, func(m testnet.Mail) bool { return m.Subject == subject })
		require.NoError(t, err)
		require.Equal(t, []string{"operator@example.org"}, mail.To)
		text, err := os.ReadFile(mail.Path)
		require.NoError(t, err)
		require.Regexp(t, `(?s)NO WALLET VOTES\r?\nsince .* UTC.*Unlock one\.`, string(text))
		require.NotContains(t, string(text), "text/html")
		alert["endsAt"] = time.Now()
	}
}

// tell gives alerts to Alertmanager as Prometheus does.
func tell(t *testing.T, url string, alerts []map[string]any) {
	t.Helper()
	body, err := json.Marshal(alerts)
	require.NoError(t, err)
	answer, err := http.Post(url+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)
}

// startAlertmanager runs one with the example, which reaches nobody but a mail server without TLS.
func startAlertmanager(t testing.TB, mailServer string) (url string) {
	return startAlertmanagerWith(t, mailServer, nil)
}

// startAlertmanagerWith does so with other changes of the example.
func startAlertmanagerWith(t testing.TB, mailServer string, changes map[string]string) (url string) {
	text, err := os.ReadFile("alertmanager.yml")
	require.NoError(t, err)
	config := regexp.MustCompile(`(?m)^  smtp_auth.*$`).ReplaceAll(text, nil)
	for old, changed := range map[string]string{
		"mail.example.org:587": mailServer, "smtp_require_tls: true": "smtp_require_tls: false",
		"https://watchdog.example.org": "http://127.0.0.1:1", "group_interval: 1m": "group_interval: 1s",
	} {
		require.Contains(t, string(config), old)
		config = bytes.ReplaceAll(config, []byte(old), []byte(changed))
	}
	for old, changed := range changes {
		require.Contains(t, string(config), old)
		config = bytes.ReplaceAll(config, []byte(old), []byte(changed))
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "alertmanager.yml")
	require.NoError(t, os.WriteFile(path, config, 0o600))
	// Debian calls the program prometheus-alertmanager.
	return serve(t, "prometheus-alertmanager", "--config.file="+path, "--storage.path="+dir, "--cluster.listen-address=")
}

// told lists the alerts that nothing holds back.
func told(t *testing.T, url string) (active []string) {
	answer, err := http.Get(url + "/api/v2/alerts")
	require.NoError(t, err)
	defer answer.Body.Close()
	var alerts []struct {
		Labels map[string]string
		Status struct{ State string }
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&alerts))
	for _, a := range alerts {
		if a.Status.State == "active" {
			active = append(active, strings.TrimSpace(a.Labels["alertname"]+" "+a.Labels["job"]+" "+a.Labels["instance"]))
		}
	}
	slices.Sort(active)
	return active
}
