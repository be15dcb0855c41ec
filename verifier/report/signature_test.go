package report

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
)

func filesOf(t testing.TB, r Report) map[string][]byte {
	files := make(map[string][]byte)
	for _, name := range Renderings {
		raw, err := r.Render(name)
		require.NoError(t, err)
		files[name] = raw
	}
	return files
}

func TestStatementIsOfAllFiles(t *testing.T) {
	r := draw(t, full(t))
	files := filesOf(t, r)
	statement, err := r.Statement(files)
	require.NoError(t, err)
	require.Empty(t, r.Unstated(statement, files))
	for _, name := range Renderings {
		was := files[name]
		files[name] = append([]byte(" "), was...)
		require.Equal(t, []string{name + " is not the file that was signed"}, r.Unstated(statement, files))
		files[name] = was
	}
	other := r
	other.Evidence.Entries++
	require.Equal(t, []string{"the signature is of a report on other entries of the journal"}, other.Unstated(statement, files))
	for _, text := range []string{"", "scrutineer report v1\n", statement + "more\n", strings.Replace(statement, "v1", "v2", 1)} {
		require.Equal(t, []string{"the signature is of something else than a report"}, r.Unstated(text, files))
	}
	delete(files, HTMLFile)
	require.Empty(t, r.Unstated(statement, files), "a file that is not there is not wrong")
	_, err = r.Statement(files)
	require.ErrorContains(t, err, HTMLFile)
}

// TestReadTakesOneSpelling: what looks the same to a program but is other bytes is refused.
func TestReadTakesOneSpelling(t *testing.T) {
	r := draw(t, full(t))
	raw, err := r.JSON()
	require.NoError(t, err)
	read, err := Read(raw)
	require.NoError(t, err)
	require.Equal(t, r, read)
	text := string(raw)
	for name, wrong := range map[string]string{
		"space":         text + " ",
		"more":          text + "{}",
		"unknown field": strings.Replace(text, `"answer"`, `"colour": 1, "answer"`, 1),
		"twice":         strings.Replace(text, `"answer"`, `"answer": "PASSED", "answer"`, 1),
		"other case":    strings.Replace(text, `"answer"`, `"Answer"`, 1),
		"other format":  strings.Replace(text, Format, "scrutineer-report/1", 1),
		"no report":     "[]",
		"nothing":       "",
	} {
		_, err := Read([]byte(wrong))
		require.Error(t, err, name)
	}
}

func TestWhatChangedIsOnTheFirstScreen(t *testing.T) {
	e := full(t)
	e.Changes = append(e.Changes, verifier.PlanChange{Entry: 7, At: t0.Add(time.Hour), Slots: 2, What: "controls[0]", Was: "", Now: "https://example.org"},
		verifier.PlanChange{Entry: 9, At: t0.Add(2 * time.Hour), Slots: 3, What: "duration", Was: "168h0m0s", Now: "24h0m0s"})
	r := draw(t, e)
	text := r.Text()
	requireFits(t, text)
	screen := strings.Join(strings.Fields(strings.Join(strings.Split(text, "\n")[:12], " ")), " ")
	require.Contains(t, screen, "CHANGED after 2 slots, 22 Nov 11:00:00, entry 7: policy.uptime was 0.99 and is 0.95, controls[0] was nothing and is https://example.org")
	require.Contains(t, screen, "CHANGED after 3 slots, 22 Nov 12:00:00, entry 9: duration was 168h0m0s and is 24h0m0s")
	require.True(t, strings.Contains(html(t, r), "entry 9: duration was 168h0m0s and is 24h0m0s"))
	require.Contains(t, text, "Taken out of the drill log: wallets-down (1) in blocks 220 to 225, entry 5.")
	require.Contains(t, text, "report "+r.ID()+", signed")
	r.Signed = false
	require.Contains(t, r.Text(), "report "+r.ID()+", not signed")
}
