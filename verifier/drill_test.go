package verifier

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDrillLog(t *testing.T) {
	good := `{"kind":"wallets-down","count":1,"from":5,"to":9,"note":"one"}` + "\n\n" + `{"kind":"wallets-locked","count":3,"from":12,"to":12,"note":""}`
	drills, err := ReadDrills(good)
	require.NoError(t, err)
	require.Equal(t, []Drill{{Kind: WalletsDown, Count: 1, From: 5, To: 9, Note: "one"},
		{Kind: WalletsLocked, Count: 3, From: 12, To: 12}}, drills)
	one, _, _ := strings.Cut(good, "\n")
	for _, bad := range []string{"hello", "{}", one + one, `{"kind":"wallets-down","count":1,"from":5,"to":9,"colour":"blue"}`, "null x"} {
		_, err := ReadDrills(good + "\n" + bad)
		require.ErrorContains(t, err, "line 4: ", bad)
	}
}

func FuzzDrillLog(f *testing.F) {
	f.Add(`{"kind":"wallets-down","count":1,"from":5,"to":9,"note":"one"}`)
	f.Fuzz(func(t *testing.T, raw string) {
		drills, err := ReadDrills(raw)
		if err != nil {
			return
		}
		for _, d := range drills {
			require.Empty(t, d.Mistake())
			line, err := json.Marshal(d)
			require.NoError(t, err)
			again, err := ReadDrills(string(line))
			require.NoError(t, err)
			require.Equal(t, []Drill{d}, again)
		}
	})
}
