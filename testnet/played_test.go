package testnet

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/verifier/journal"
	"scrutineer/verifier/report"
)

// writeRounds writes the journal of a verifier that has looked in each slot marked with #, could not see in those marked with b,
// and did not run in the others.
func writeRounds(t *testing.T, dir, marks string, begins time.Time) {
	var text strings.Builder
	prev := ""
	add := func(kind string, data any) {
		raw, err := json.Marshal(data)
		require.NoError(t, err)
		entry := journal.Entry{Number: int64(strings.Count(text.String(), "\n") + 1), At: begins, Kind: kind, Prev: prev, Data: raw}
		prev = entry.Hash().String()
		text.Write(append(entry.Line(), '\n'))
	}
	add("start", map[string]any{"begins": begins})
	for slot, mark := range marks {
		at := begins.Add(time.Duration(slot) * scenarioSlot)
		if mark != '#' && mark != 'b' {
			continue
		}
		if mark == '#' {
			add("observation", verifier.Observation{At: at, Kind: verifier.KindNode, Code: verifier.OK})
		}
		add("observation", verifier.Observation{At: at, Kind: verifier.KindControl, Code: verifier.OK})
		add("beat", verifier.Beat{At: at})
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, journal.FileName), []byte(text.String()), 0o600))
}

// What a scenario takes for played decides whether its slots can be wrong.
func TestPlayedSlots(t *testing.T) {
	begins := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	at := func(slot float64) time.Time { return begins.Add(time.Duration(slot * float64(scenarioSlot))) }
	refused := []turn{{name: well}, {at(1.5), "refuses"}, {at(3.5), well}}
	tests := []struct {
		name, rounds, ribbon string
		fronts               []turn
		blind                []span
		wrong                string
	}{
		{"all well", "####", "####", refused[:1], nil, ""},
		{"down as played", "######", "##--##", refused, nil, ""},
		{"a slot too many", "######", "##---#", refused, nil, "slot 4"},
		{"a slot too few", "######", "##-###", refused, nil, "slot 3"},
		{"a slot too early", "######", "#---##", refused, nil, "slot 1"},
		{"a slot that nobody saw", "######", "##-?##", refused, nil, "slot 3"},
		{"a slot that the machine lost", "###x##", "##-?##", refused, nil, ""},
		{"our node was slow", "###b##", "##-?##", refused, nil, ""},
		{"blind", "#xxx##", "#???##", refused[:1], []span{{at(0.5), at(3.2)}}, ""},
		{"blind, and taken for up", "#xxx##", "#?##??", refused[:1], []span{{at(0.5), at(3.2)}}, "slot 2"},
		{"blind, and taken for down", "#xxx##", "#?-###", refused[:1], []span{{at(0.5), at(3.2)}}, "slot 2"},
		{"blind to the end", "#bbb", "#???", refused[:1], []span{{begin: at(0.9)}}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := &watch{Verifier: &Verifier{Journal: t.TempDir()}, fronts: test.fronts, blind: test.blind}
			writeRounds(t, w.Journal, test.rounds, begins)
			down, err := w.played(report.Endpoint{Endpoint: siteEndpoint, Ribbon: test.ribbon})
			if test.wrong != "" {
				require.ErrorContains(t, err, test.wrong)
				return
			}
			require.NoError(t, err)
			want := map[verifier.Code]int{verifier.Refused: strings.Count(test.ribbon, "-")}
			require.Equal(t, want[verifier.Refused], down[verifier.Refused])
		})
	}
}
