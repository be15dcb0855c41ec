package verifier

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCites(t *testing.T) {
	cites := []Cite{Own(7), {"lima", 3}, {"paris", 1}, {"paris:2", 81233}}
	raw, err := json.Marshal(cites)
	require.NoError(t, err)
	require.Equal(t, `[7,"lima:3","paris:1","paris:2:81233"]`, string(raw))
	var back []Cite
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Equal(t, cites, back)
	for i := range cites[1:] {
		require.Negative(t, cites[i].Compare(cites[i+1]))
	}
	for _, bad := range []string{`"7"`, `"paris"`, `":7"`, `"paris:"`, `"paris:07"`, `"paris:-7"`, `0`, `-1`, `1.5`, `{}`, `"paris:0"`} {
		require.Error(t, json.Unmarshal([]byte(bad), new(Cite)), bad)
	}
}
