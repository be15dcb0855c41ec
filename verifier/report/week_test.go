package report

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier"
	"scrutineer/verifier/votes"
	"scrutineer/vsp/network"
	"scrutineer/vsp/vspapi"
)

// week writes the reports of TestWeek to a folder, to be looked at: go test ./verifier/report -run Week -week FOLDER
var week = flag.String("week", "", "write the reports of a week to this `FOLDER`")

// weekOf is evidence of a week on testnet of which so many slots are over: three endpoints, 330 tickets, a wallet that is away
// now and then, and, if there is to be trouble, outages, misses and a night in which our own node was away.
func weekOf(t testing.TB, over int, trouble bool) verifier.Evidence {
	profile, err := network.Lookup("testnet3")
	require.NoError(t, err)
	const slots, first = 7 * 24 * 60, int64(1_043_000)
	random := rand.New(rand.NewPCG(7, 7))
	e := verifier.Evidence{
		Target: verifier.Target{Name: "vsp.example.org", URL: "https://vsp.example.org", PubKey: make([]byte, 32), Network: profile},
		Policy: verifier.DefaultPolicy(), Complete: true,
		Window: verifier.Window{Start: t0, Slot: time.Minute, Slots: over, Planned: slots},
	}
	height := func(slot int) int64 { return first + int64(slot/2) }
	last := height(over - 1)
	e.Ledger = votes.Ledger{From: first, To: last, Tip: last, Checked: int(last - first)}
	for i := range 330 {
		entry := votes.Entry{Ticket: hashNo(i), Outcome: votes.Live, Bought: first + 2, Live: first + 18}
		if decided := first + 20 + int64(random.ExpFloat64()*1024); decided <= last {
			entry.Outcome, entry.Won, entry.Decided, entry.Voters, entry.Vote = votes.Voted, decided-1, decided, 5, &votes.Vote{Tx: hashNo(1000 + i), Bits: 1, Version: 11}
			if trouble && i < 3 {
				entry.Outcome, entry.Voters, entry.Vote = votes.Missed, 4, nil
			}
		}
		e.Ledger.Entries = append(e.Ledger.Entries, entry)
	}
	number := int64(0)
	voted := func(height int64) (made, missed int64) {
		for _, entry := range e.Ledger.Entries {
			switch {
			case entry.Decided == 0 || entry.Decided > height:
			case entry.Outcome == votes.Voted:
				made++
			default:
				missed++
			}
		}
		return made, missed
	}
	see := func(o verifier.Observation) {
		number++
		o.Number, o.Vantage = number, "local"
		e.Seen = append(e.Seen, o)
	}
	for i := range over {
		at := t0.Add(time.Duration(i) * time.Minute)
		state := &verifier.NodeState{Height: height(i), Peers: 8}
		down, blind, online := false, false, int64(3)
		if trouble {
			down = i >= 3000 && i < 3028 || i >= 7003 && i < 7006 || i%1777 == 5
			blind = i >= 5000 && i < 5012
		}
		if i >= 2000 && i < 2300 || i >= 8000 && i < 8010 {
			online = 2
		}
		control := verifier.Observation{At: at, Kind: verifier.KindNode, Code: verifier.OK, Node: state}
		code := verifier.OK
		switch {
		case blind:
			control.Code, control.Node, state, code = verifier.NodeAway, nil, nil, verifier.NodeNotKnown
		case down:
			code = verifier.Refused
		}
		see(control)
		made, missed := voted(height(i))
		body, err := json.Marshal(vspapi.Info{Voted: made, Missed: missed, VotingWalletsOnline: online, TotalVotingWallets: 3, BlockHeight: uint32(height(i))})
		require.NoError(t, err)
		see(verifier.Observation{At: at, Kind: verifier.KindInfo, Endpoint: vspapi.PathInfo, Code: code, Node: state, Raw: &verifier.Raw{Status: 200, Body: body}})
		see(verifier.Observation{At: at, Kind: verifier.KindSite, Endpoint: "/", Code: code})
		see(verifier.Observation{At: at, Kind: verifier.KindTLS, Endpoint: "TLS", Code: verifier.OK, TLS: &verifier.TLSState{Version: "TLS 1.3", NotAfter: t0.Add(60 * 24 * time.Hour)}})
		e.Beats = append(e.Beats, verifier.Beat{At: at, Vantage: "local"})
	}
	return e
}

// firstScreen is what a terminal shows before anybody scrolls.
func firstScreen(text string) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[:min(len(lines), 24)], "")
}

// TestWeek draws the report of a whole week of a VSP in order, of one with troubles, and of one that is not over: the first
// screen has the answer and the figures that decide, and both forms stay small and quick.
func TestWeek(t *testing.T) {
	const slots = 7 * 24 * 60
	for name, e := range map[string]verifier.Evidence{"healthy": weekOf(t, slots, false), "troubled": weekOf(t, slots, true),
		"going": weekOf(t, 3030, true)} {
		t.Run(name, func(t *testing.T) {
			r := draw(t, e)
			began := time.Now()
			text, page := r.Text(), html(t, r)
			took := time.Since(began)
			if *week != "" {
				require.NoError(t, os.WriteFile(filepath.Join(*week, name+".txt"), []byte(text), 0o644))
				require.NoError(t, os.WriteFile(filepath.Join(*week, name+".html"), []byte(page), 0o644))
			}
			t.Logf("%d bytes of text, %d of HTML in %v", len(text), len(page), took)
			requireFits(t, text)
			require.Less(t, len(page), 2<<20)
			require.Less(t, took, 10*time.Second, "a tenth of that where nothing else runs")
			golden(t, "week-"+name+".txt", firstScreen(text))
			for _, want := range []string{r.Answer, "TR-1  uptime", "TR-2  votes", "TR-3  wallets", "Sun 22 "} {
				require.Contains(t, firstScreen(text), want)
			}
			require.Equal(t, name == "going", len(r.Warnings) > 0, "%v", r.Warnings)
			for _, w := range r.Warnings {
				require.True(t, strings.Contains(page, w.Says), w.Says)
			}
		})
	}
}
