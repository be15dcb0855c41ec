package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/verifier"
	"scrutineer/vsp/vspapi"
)

func html(t testing.TB, r Report) string {
	page, err := r.HTML()
	require.NoError(t, err)
	return string(page)
}

func TestHTML(t *testing.T) {
	golden(t, "troubled.html", html(t, draw(t, evidence(t, time.Minute, strings.Repeat("#", 400)+"--?"+strings.Repeat("#", 1500)+"-", 2))))
}

// TestHTMLHoldsWhatTheTextHolds looks for each row, verdict and miss.
func TestHTMLHoldsWhatTheTextHolds(t *testing.T) {
	r := draw(t, evidence(t, time.Minute, "####--?###", 2))
	page := html(t, r)
	for _, f := range r.Rows {
		require.True(t, strings.Contains(page, "<td>"+f.Row+"</td>"), f.Row)
	}
	for _, missed := range missedOf(r.Tickets) {
		require.True(t, strings.Contains(page, "<code>"+short(missed.Ticket)+"</code>"), missed.Ticket)
	}
	for _, want := range []string{r.Answer, r.Check, r.Evidence.Root, "7 slots up, 2 down, 1 unknown"} {
		require.True(t, strings.Contains(page, want), want)
	}
}

// TestHTMLIsOneFileWithoutScripts: nothing is loaded, nothing runs.
func TestHTMLIsOneFileWithoutScripts(t *testing.T) {
	page := html(t, draw(t, evidence(t, time.Minute, "####--?###", 2)))
	for _, forbidden := range []string{"<script", "javascript:", "<img", "<link", "<iframe", "src=", "href=", "@import", "url(", "onload"} {
		require.False(t, strings.Contains(page, forbidden), forbidden)
	}
}

// TestHTMLIsWellFormed reads the page as XML, but for the elements of HTML that have no end.
func TestHTMLIsWellFormed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		story := rapid.StringMatching(`[#?-]{1,40}`).Draw(rt, "story")
		e := evidence(t, time.Hour, story, rapid.IntRange(0, 30).Draw(rt, "missed"))
		e.Target.Name = rapid.String().Draw(rt, "name")
		e.Drills = []verifier.Drill{{Kind: verifier.WalletsDown, Count: 1, From: 1, To: 2, Note: rapid.String().Draw(rt, "note")}}
		decoder := xml.NewDecoder(strings.NewReader(html(t, draw(t, e))))
		decoder.Strict = false
		decoder.AutoClose = []string{"meta", "br"}
		for {
			_, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(rt, err)
		}
	})
}

// TestRibbonShowsEverySlot: the bars of a day cover its slots, each with its own state.
func TestRibbonShowsEverySlot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ribbon := rapid.StringMatching(`[#?-]{1,200}`).Draw(t, "ribbon")
		const slot = 3.0 // wider than the least width
		got := []byte(strings.Repeat(" ", len(ribbon)))
		for _, b := range runs(ribbon, 0, slot) {
			for i := int(b.X / slot); i < int((b.X+b.W)/slot); i++ {
				got[i] = map[string]byte{"up": '#', "down": '-', "unknown": '?'}[b.Class]
			}
		}
		require.Equal(t, ribbon, string(got))
	})
}

func TestOneSlotOfAWeekIsSeen(t *testing.T) {
	e := Endpoint{Ribbon: strings.Repeat("#", 700) + "-" + strings.Repeat("#", 739), Days: []Day{{Slots: Slots{Up: 1439, Down: 1}}}}
	c := newRibbonChart(Window{SlotSeconds: 60}, e)
	last := c.Rows[0].Bars[len(c.Rows[0].Bars)-1]
	require.Equal(t, "down", last.Class)
	require.GreaterOrEqual(t, last.W, 1.0)
}

func TestChartsOfNothing(t *testing.T) {
	require.Nil(t, newVotesChart(Ledger{}, nil))
	require.Nil(t, newReadinessChart(nil))
	require.NotContains(t, html(t, draw(t, verifier.Evidence{Target: evidence(t, time.Minute, "#", 0).Target, Policy: verifier.DefaultPolicy(), Window: verifier.Window{Slot: time.Minute}})), "NaN")
}

// TestWalletsAreJoined: statements that say the same are one time, which lasts until another is made.
func TestWalletsAreJoined(t *testing.T) {
	e := evidence(t, time.Minute, "#####", 0)
	n := 0
	for i := range e.Seen {
		o := &e.Seen[i]
		if o.Kind != verifier.KindInfo {
			continue
		}
		online := []int64{3, 3, 1, 1, 3}[n]
		n++
		body, err := json.Marshal(vspapi.Info{TotalVotingWallets: 3, VotingWalletsOnline: online})
		require.NoError(t, err)
		o.Raw, o.Node = &verifier.Raw{Body: body}, &verifier.NodeState{}
	}
	at := func(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }
	r := draw(t, e)
	require.Equal(t, []Wallets{{at(0), at(2), 3, 3}, {at(2), at(4), 1, 3}, {at(4), at(4), 3, 3}}, r.Wallets)
	require.True(t, strings.Contains(html(t, r), "1 of 3 online from 22 Nov 10:02:00"))
}
