package verifier

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimely(t *testing.T) {
	w := Witness{Name: "paris", Pulls: []Pull{
		{Code: PullOK, Entries: 10},
		{Code: PullOK, Entries: 20, ClockOff: 30 * time.Second},
		{Code: PullUnreachable, Entries: 20},
		{Code: PullOK, Entries: 30, ClockOff: -61 * time.Second},
		{Code: PullOK, Entries: 40}, // the clock was set right, and nobody knows when
		{Code: PullOK, Entries: 25}, // the copy was lost, and comes anew
		{Code: PullOK, Entries: 50},
		{Code: PullRewritten, Entries: 60},
		{Code: PullOK, Entries: 70},
	}}
	entries, _ := w.Held()
	require.EqualValues(t, 50, entries, "nothing counts that came with the contradiction or after it")
	timely := w.Timely(time.Minute)
	for entry, want := range map[int64]bool{1: true, 10: true, 11: true, 20: true, 21: false, 30: false, 31: false, 40: false, 41: true, 50: true, 51: false, 60: false, 70: false} {
		require.Equal(t, want, timely(entry), "entry %d", entry)
	}
}

func TestWitnessesAreNamedFirst(t *testing.T) {
	take := func(r *Record, kind string, data any) error {
		raw, err := json.Marshal(data)
		require.NoError(t, err)
		return r.Take(1, t0, kind, raw)
	}
	r := new(Record)
	require.Error(t, take(r, EntryPull, Pull{Vantage: "paris"}))
	for _, bad := range []string{"", "local", "../paris", "Paris", "paris:1", "-paris"} {
		require.Error(t, take(r, EntryWitness, Witness{Name: bad}), bad)
	}
	require.NoError(t, take(r, EntryWitness, Witness{Name: "paris"}))
	require.Error(t, take(r, EntryWitness, Witness{Name: "paris", Key: "other"}))
	require.NoError(t, take(r, EntryPull, Pull{Vantage: "paris", Code: PullOK, Entries: 3}))
	require.Len(t, r.Witness("paris").Pulls, 1)
}

// TestOthersDoNotSpeakForAVantage: what stands in a vantage's journal under another name is nothing.
func TestOthersDoNotSpeakForAVantage(t *testing.T) {
	r := new(Record)
	take := func(vantage string, kind string, data any, timely bool) {
		raw, err := json.Marshal(data)
		require.NoError(t, err)
		require.NoError(t, r.TakeSeen(vantage, 7, kind, raw, timely))
	}
	take("paris", EntryObservation, Observation{At: t0, Vantage: "local", Kind: KindNode}, true)
	take("paris", EntryBeat, Beat{At: t0, Vantage: "lima"}, true)
	take("paris", EntryObservation, Observation{At: t0, Vantage: "paris", Kind: KindNode}, false)
	take("paris", EntryBeat, Beat{At: t0, Vantage: "paris"}, false)
	require.Empty(t, r.Seen)
	require.Empty(t, r.Beats)
	take("paris", EntryObservation, Observation{At: t0, Vantage: "paris", Kind: KindNode}, true)
	take("paris", EntryObservation, Observation{At: t0, Vantage: "paris", Kind: KindMempool}, false)
	require.Len(t, r.Seen, 2)
	require.Equal(t, Cite{"paris", 7}, r.Seen[0].Cite())
}

func TestPullCodesAreTold(t *testing.T) {
	for code := range pullTexts {
		require.NotContains(t, code.Text(), "not known")
	}
	require.Contains(t, PullCode("later").Text(), "later")
}
