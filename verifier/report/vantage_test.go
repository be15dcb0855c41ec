package report

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
)

// TestVantagesAreShown: each place that the VSP was watched from, what it could see, and what there was with it.
func TestVantagesAreShown(t *testing.T) {
	e := evidence(t, time.Minute, strings.Repeat("#", 90)+"??????????", 0)
	for i := range 50 { // paris has seen the first half
		at := t0.Add(time.Duration(i) * time.Minute)
		e.Seen = append(e.Seen, verifier.Observation{Journal: "paris", Number: int64(2*i + 1), At: at, Kind: verifier.KindNode, Vantage: "paris", Code: verifier.OK})
		e.Beats = append(e.Beats, verifier.Beat{At: at, Vantage: "paris"})
	}
	key, root := "vsp.example.org/paris+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
	pull := func(number int64, minute int, code verifier.PullCode, entries int64, off time.Duration) verifier.Pull {
		return verifier.Pull{Number: number, At: t0.Add(time.Duration(minute) * time.Minute), Code: code, Entries: entries, Root: root, ClockOff: off}
	}
	e.Witnesses = []verifier.Witness{
		{Name: "paris", Key: key, Pulls: []verifier.Pull{pull(7, 1, verifier.PullOK, 50, 0), pull(9, 20, verifier.PullUnreachable, 50, 0),
			pull(11, 30, verifier.PullOK, 100, 90*time.Second), pull(13, 51, verifier.PullRewritten, 100, 0)}},
		{Name: "lima", Key: key},
	}
	r := draw(t, e)
	require.Equal(t, []string{"local", "lima", "paris"}, []string{r.Vantages[0].Vantage, r.Vantages[1].Vantage, r.Vantages[2].Vantage})
	require.Equal(t, []int{90, 0, 50}, []int{r.Vantages[0].Alive, r.Vantages[1].Alive, r.Vantages[2].Alive})
	text := r.Text()
	requireFits(t, text)
	golden(t, "vantages.txt", text[strings.Index(text, "VANTAGES"):strings.Index(text, "VOTES (TR-2)")])
	page, err := r.HTML()
	require.NoError(t, err)
	require.Contains(t, string(page), "paris: could see in 50 of 100 slots")
	require.Contains(t, string(page), "contradicted its own journal")
}
