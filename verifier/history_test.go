package verifier

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// follow takes in what leads to a text, as it comes out of a journal.
func follow(t require.TestingT, h *History, text string) []FileChange {
	changes, err := h.Changes(FileTickets, text)
	require.NoError(t, err)
	for i, c := range changes {
		raw, err := json.Marshal(c)
		require.NoError(t, err)
		require.Less(t, len(raw), 1<<20, "an entry of the journal holds it")
		var read FileChange
		require.NoError(t, json.Unmarshal(raw, &read))
		whole, err := h.Apply(read)
		require.NoError(t, err)
		require.Equal(t, i == len(changes)-1, whole)
	}
	require.Equal(t, text, h.Text())
	return changes
}

// TestHistoryGivesEachTextBack: whatever a file becomes, byte for byte.
func TestHistoryGivesEachTextBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := new(History)
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			lines := rapid.SliceOf(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "\n", "\u2028<&>\n", "d\r\n"})).Draw(t, "lines")
			follow(t, h, strings.Join(lines, "")+rapid.SampledFrom([]string{"", "end"}).Draw(t, "end"))
		}
	})
}

// TestOnlyWhatChangedIsWritten: of a list of ten thousand, of which a few lines change, each in its place.
func TestOnlyWhatChangedIsWritten(t *testing.T) {
	list := func(height int, skip, outcome int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "# list\n# height: %d\n", height)
		for i := range 10_000 {
			switch {
			case i == skip:
			case i%1000 == outcome:
				fmt.Fprintf(&b, "%064x # voted\n", i)
			default:
				fmt.Fprintf(&b, "%064x # -\n", i)
			}
		}
		return b.String() + fmt.Sprintf("# signature: %d\n", height)
	}
	h := new(History)
	require.Greater(t, len(follow(t, h, list(1, -1, -1))), 4, "some entries, none of them too large")
	require.Empty(t, follow(t, h, list(1, -1, -1)))
	changes := follow(t, h, list(2, 5000, 7))
	require.Len(t, changes, 1)
	added, dropped := 0, 0
	for _, e := range changes[0].Edits {
		added, dropped = added+len(e.Add), dropped+e.Drop
	}
	require.Equal(t, [2]int{12, 13}, [2]int{added, dropped}, "head, signature, ten outcomes; and one is gone")
}

func TestHistoryRefuses(t *testing.T) {
	h := new(History)
	follow(t, h, "a\nb\n")
	for _, text := range []string{"a\n\xff\n", strings.Repeat("x", maxFileLine+1)} {
		_, err := h.Changes(FileTickets, text)
		require.Error(t, err)
	}
	for _, e := range []Edit{{Line: 3}, {Line: 1, Drop: 2}, {Line: -1}, {Drop: -1}} {
		_, err := h.Apply(FileChange{File: FileTickets, Edits: []Edit{e}})
		require.ErrorContains(t, err, "2 lines")
	}
	_, err := h.Apply(FileChange{File: FileTickets, Edits: []Edit{{Add: []string{"c\n"}}}, Hash: hashText("a\nb\n")})
	require.ErrorContains(t, err, "by its changes")
}
