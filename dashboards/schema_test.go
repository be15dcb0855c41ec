package dashboards

import (
	"os"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/stretchr/testify/require"
)

// strictly reads a dashboard by the schema that Grafana publishes, with those of its kinds of panels and of Prometheus'
// queries, and returns what the schema does not know or misses.
func strictly(text []byte) string {
	var d dashboard.Dashboard //lint:ignore SA1019 ours are of the classic schema, which every Grafana in use imports
	if err := d.UnmarshalJSONStrict(text); err != nil {
		return err.Error() // empty if nothing is wrong: the error is a list that may be
	}
	return ""
}

func TestDashboardsFitGrafanasSchema(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	for _, file := range files(t, ".json") {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Empty(t, strictly(text), file)

		wrong := strings.Replace(string(text), `"graphMode"`, `"graphNode"`, 1)
		require.Contains(t, strictly([]byte(wrong)), "unexpected field 'graphNode'")
	}
}
