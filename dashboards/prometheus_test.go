package dashboards

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// prometheus is the API of a running server.
type prometheus struct{ url string }

// startPrometheus runs the server with the example of a configuration, in which only addresses and intervals are changed.
func startPrometheus(t testing.TB, vsp, verifier string) prometheus {
	t.Helper()
	return startPrometheusWith(t, vsp, verifier, "127.0.0.1:1", ".")
}

// startPrometheusWith does so with an Alertmanager, and with the operators' rules of a folder.
func startPrometheusWith(t testing.TB, vsp, verifier, alertmanager, operators string) prometheus {
	t.Helper()
	text, err := os.ReadFile("prometheus.yml")
	require.NoError(t, err)
	here, err := filepath.Abs(".")
	require.NoError(t, err)
	operators, err = filepath.Abs(operators)
	require.NoError(t, err)
	config := string(text)
	for old, changed := range map[string]string{
		"127.0.0.1:8801": vsp, "127.0.0.1:8802": verifier, "127.0.0.1:9093": alertmanager, " 15s": " 1s",
		"- operators.rules.yml": "- " + filepath.Join(operators, "operators.rules.yml"),
		"- reviewers.rules.yml": "- " + filepath.Join(here, "reviewers.rules.yml"),
		"- watchdog.rules.yml":  "- " + filepath.Join(here, "watchdog.rules.yml"),
	} {
		require.Contains(t, config, old)
		config = strings.ReplaceAll(config, old, changed)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	return prometheus{serve(t, "prometheus", "--config.file="+path, "--storage.tsdb.path="+filepath.Join(dir, "data"))}
}

// get asks the API, and returns why it would not answer.
func (p prometheus) get(t testing.TB, path string, query url.Values, into any) error {
	t.Helper()
	answer, err := http.Get(p.url + "/api/v1/" + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var body struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return err
	}
	require.Equal(t, "success", body.Status, "%s %v: %s", path, query, body.Error) // a mistake in the query will not go away
	return json.Unmarshal(body.Data, into)
}

// count returns how many series a query gives now.
func (p prometheus) count(t testing.TB, query string) (int, error) {
	t.Helper()
	var data struct{ Result []json.RawMessage }
	err := p.get(t, "query", url.Values{"query": {query}}, &data)
	return len(data.Result), err
}

// rule is a rule as the server has read it.
type rule struct {
	Name, Query, Type   string
	Health, LastError   string
	Labels, Annotations map[string]string
	Alerts              []struct {
		State               string
		Labels, Annotations map[string]string
	}
}

func (p prometheus) rules(t testing.TB) (all []rule) {
	t.Helper()
	var data struct{ Groups []struct{ Rules []rule } }
	eventually(t, func() error { return p.get(t, "rules", nil, &data) })
	for _, group := range data.Groups {
		all = append(all, group.Rules...)
	}
	require.Greater(t, len(all), 40, "rules that the server has read")
	return all
}
