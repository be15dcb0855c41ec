package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
	url := startAlertmanager(t)
	var given []map[string]map[string]string
	for _, labels := range []string{
		"VSPNodeDown of-node a", "VSPWalletBehind of-node", "VSPTooFewWallets of-node a", "VSPNotAccepting of-node a",
		"VSPNodeBehind of-node a", "VSPNodeBehind of-node b", "VSPNoWallet of-node", "VSPWalletNotVoting of-node",
		"VSPWalletBehind calm", "VSPNotAccepting calm a", // of another VSP
		"VerifierNodeAway vspverify a", "VerifierBlind vspverify a", "VerifierBlind vspverify b", "TrialBurnsFast vspverify a",
		"TrialBurnsDays vspverify a", "Watchdog",
	} {
		words := append(strings.Fields(labels), "", "")
		given = append(given, map[string]map[string]string{"labels": {"alertname": words[0], "job": words[1], "instance": words[2]}})
	}
	body, err := json.Marshal(given)
	require.NoError(t, err)
	answer, err := http.Post(url+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)

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

// startAlertmanager runs one with the example, which reaches nobody.
func startAlertmanager(t *testing.T) (url string) {
	config, err := os.ReadFile("alertmanager.yml")
	require.NoError(t, err)
	config = bytes.ReplaceAll(config, []byte("mail.example.org:587"), []byte("127.0.0.1:1"))
	config = bytes.ReplaceAll(config, []byte("https://watchdog.example.org"), []byte("http://127.0.0.1:1"))
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
