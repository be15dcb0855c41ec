package dashboards

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRulesAreInOrder(t *testing.T) {
	t.Parallel()
	run(t, "promtool", append([]string{"check", "rules"}, files(t, ".rules.yml")...)...)
	run(t, "promtool", "check", "config", "prometheus.yml")
}

// TestStories lets promtool play each story and see what fires.
func TestStories(t *testing.T) {
	t.Parallel()
	run(t, "promtool", append([]string{"test", "rules"}, files(t, ".test.yml")...)...)
}

// TestEveryAlertHasAStory: each fires in one, and one of the same file has a moment at which nothing does.
func TestEveryAlertHasAStory(t *testing.T) {
	for _, file := range files(t, ".rules.yml") {
		rules, err := os.ReadFile(file)
		require.NoError(t, err)
		var stories strings.Builder
		for _, told := range files(t, ".test.yml") {
			if strings.HasPrefix(told, strings.TrimSuffix(file, ".rules.yml")) {
				text, err := os.ReadFile(told)
				require.NoError(t, err)
				stories.Write(text)
			}
		}
		for _, match := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(rules), -1) {
			require.Contains(t, stories.String(), fmt.Sprintf("alertname=%q", match[1]), "a story in which it fires")
		}
		if file != "watchdog.rules.yml" { // which always fires
			require.Contains(t, stories.String(), "exp_samples: []")
		}
	}
}

var (
	template = regexp.MustCompile(`{{[^}]*}}`)
	grades   = map[string]bool{"critical": true, "warning": true, "info": true, "none": true}
)

// phone is how many letters of a subject a phone shows.
const phone = 48

func TestAlertsSayWhatToDo(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range startPrometheus(t, "127.0.0.1:1", "127.0.0.1:1").rules(t) {
		require.False(t, seen[r.Name], "%s is there twice", r.Name)
		seen[r.Name] = true
		if r.Type != "alerting" {
			continue
		}
		require.True(t, grades[r.Labels["severity"]], "severity of %s", r.Name)
		summary := template.ReplaceAllString(r.Annotations["summary"], "12345678")
		require.NotEmpty(t, summary, r.Name)
		require.LessOrEqual(t, len(summary), phone, "%s: %s", r.Name, summary)
		require.Greater(t, len(r.Annotations["description"]), len(summary)+40, "%s: what to do", r.Name)
		require.Len(t, r.Annotations, 2, r.Name)
	}
}

// TestGroupsAreInOrder: promtool evaluates the groups that group_eval_order does not list in random order, and then an alert
// may miss what another group records.
func TestGroupsAreInOrder(t *testing.T) {
	for _, file := range files(t, ".test.yml") {
		if file == "watchdog.test.yml" { // which has one group
			continue
		}
		name, _, _ := strings.Cut(strings.TrimSuffix(file, ".test.yml"), "-")
		rules, err := os.ReadFile(name + ".rules.yml")
		require.NoError(t, err)
		var groups []string
		for _, match := range regexp.MustCompile(`(?m)^  - name: (.*)$`).FindAllStringSubmatch(string(rules), -1) {
			groups = append(groups, match[1])
		}
		stories, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Contains(t, string(stories), "group_eval_order: ["+strings.Join(groups, ", ")+"]\n", file)
	}
}
