package dashboards

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// board is what we look at of a dashboard of Grafana.
type board struct {
	Title, UID string
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               source
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              struct {
		Defaults struct{ Unit string }
	}
	Targets []struct {
		RefID, Expr string
		Datasource  source
	}
}

type source struct{ Type, UID string }

func boards(t *testing.T) (all []board) {
	for _, file := range files(t, ".json") {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var b board
		require.NoError(t, json.NewDecoder(bytes.NewReader(text)).Decode(&b), file)
		all = append(all, b)
	}
	return all
}

// builtIn is every kind of panel that we use; all come with Grafana.
var builtIn = map[string]bool{"stat": true, "timeseries": true, "state-timeline": true, "bargauge": true}

func TestPanelsAreWhole(t *testing.T) {
	chosen := source{"prometheus", "${datasource}"}
	for _, b := range boards(t) {
		require.NotEmpty(t, b.UID)
		require.Equal(t, "datasource", b.Templating.List[0].Type, b.Title)
		require.LessOrEqual(t, len(b.Panels), 16, "%s: few panels that matter", b.Title)
		ids, taken := map[int]bool{}, map[[2]int]string{}
		for _, p := range b.Panels {
			require.False(t, ids[p.ID], p.Title)
			ids[p.ID] = true
			require.True(t, builtIn[p.Type], p.Type)
			require.NotEmpty(t, p.FieldConfig.Defaults.Unit, p.Title)
			require.NotEmpty(t, p.Description, p.Title)
			require.Equal(t, chosen, p.Datasource, p.Title)
			for _, target := range p.Targets {
				require.Equal(t, chosen, target.Datasource, p.Title)
				require.Contains(t, target.Expr, `job="$job"`, p.Title)
			}
			require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					place := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					require.Empty(t, taken[place], "%s lies on another panel", p.Title)
					taken[place] = p.Title
				}
			}
		}
	}
}

// queries are all that a dashboard asks, with its variables filled in.
func (b board) queries(job, instance string) map[string]string {
	fill := strings.NewReplacer("$job", job, "$instance", instance, "$__rate_interval", "1m")
	all := map[string]string{}
	for _, p := range b.Panels {
		for _, target := range p.Targets {
			all[b.Title+": "+p.Title+" "+target.RefID] = fill.Replace(target.Expr)
		}
	}
	return all
}
