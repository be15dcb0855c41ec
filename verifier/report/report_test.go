package report

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/decred/dcrd/chaincfg/chainhash"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"scrutineer/verifier"
	"scrutineer/verifier/votes"
	"scrutineer/vsp/network"
)

var update = flag.Bool("update", false, "write the golden files anew")

var t0 = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func hashNo(n int) chainhash.Hash { return chainhash.HashH(fmt.Append(nil, n)) }

// evidence is of a trial with some tickets in each state. A character of the story is a slot: # up, - down, ? unknown.
func evidence(t testing.TB, slot time.Duration, story string, missed int) verifier.Evidence {
	profile, err := network.Lookup("simnet")
	require.NoError(t, err)
	e := verifier.Evidence{
		Target: verifier.Target{Name: "vsp.example.org", URL: "https://vsp.example.org", PubKey: make([]byte, 32), Network: profile},
		Policy: verifier.DefaultPolicy(),
		Window: verifier.NewWindow(t0, t0.Add(time.Duration(len(story))*slot), slot, time.Duration(len(story))*slot, true),
		Ledger: votes.Ledger{From: 145, To: 400, Tip: 420, Checked: 256},
	}
	for i, mark := range story {
		at := t0.Add(time.Duration(i) * slot)
		control := verifier.Observation{Number: int64(3*i + 2), At: at, Kind: verifier.KindNode, Vantage: "local", Code: verifier.OK}
		look := verifier.Observation{Number: int64(3*i + 3), At: at, Kind: verifier.KindInfo, Vantage: "local", Endpoint: "/api/v3/vspinfo", Code: verifier.OK}
		switch mark {
		case '-':
			look.Code = verifier.Refused
		case '?':
			control.Code = verifier.NodeAway
		}
		e.Seen = append(e.Seen, control, look)
		e.Beats = append(e.Beats, verifier.Beat{At: at, Vantage: "local"})
	}
	for i := range 30 {
		entry := votes.Entry{Ticket: hashNo(i), Bought: 150, Live: 166, Won: int64(200 + 6*i), Decided: int64(201 + 6*i), Voters: 5,
			Outcome: votes.Voted, Vote: &votes.Vote{Tx: hashNo(100 + i), Bits: 1, Version: 12}}
		if i < missed {
			entry.Outcome, entry.Vote, entry.Voters = votes.Missed, nil, 4
		}
		e.Ledger.Entries = append(e.Ledger.Entries, entry)
	}
	e.Ledger.Entries = append(e.Ledger.Entries,
		votes.Entry{Ticket: hashNo(40), Outcome: votes.Live, Bought: 150, Live: 166},
		votes.Entry{Ticket: hashNo(41), Outcome: votes.Expired, Bought: 10, Live: 26, Decided: 398},
		votes.Entry{Ticket: hashNo(42), Outcome: votes.Unknown})
	return e
}

func draw(t testing.TB, e verifier.Evidence) Report { return drawWith(t, e, nil) }

func drawWith(t testing.TB, e verifier.Evidence, places *Places) Report {
	r := New(e, places, Evidence{Entries: 99, Root: "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", Checkpoint: 17,
		Key: "vsp.example.org/local+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"})
	r.Signed = true
	return r
}

func golden(t *testing.T, name, got string) {
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestGolden(t *testing.T) {
	tests := []struct {
		name   string
		slot   time.Duration
		story  string
		missed int
		change func(*verifier.Evidence)
	}{
		{"healthy.txt", time.Minute, strings.Repeat("#", 600), 0, func(e *verifier.Evidence) { e.Policy.MissRate = 0.1 }},
		{"troubled.txt", time.Minute, strings.Repeat("#", 1000) + "----" + strings.Repeat("#", 50) + "??" + strings.Repeat("#", 944), 3,
			func(e *verifier.Evidence) {
				e.Drills = []verifier.Drill{{Kind: verifier.WalletsLocked, Count: 3, From: 200, To: 215, Note: "all voting wallets"}}
			}},
		{"compressed.txt", time.Second, "##-#?###", 0, func(e *verifier.Evidence) {
			e.Ledger.Mismatch = &votes.Mismatch{Height: 401}
		}},
		{"nothing.txt", time.Second, "", 0, func(e *verifier.Evidence) { e.Ledger = votes.Ledger{} }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := evidence(t, test.slot, test.story, test.missed)
			test.change(&e)
			text := draw(t, e).Text()
			golden(t, test.name, text)
			requireFits(t, text)
		})
	}
}

func requireFits(t require.TestingT, text string) {
	for _, line := range strings.Split(text, "\n") {
		require.LessOrEqual(t, utf8.RuneCountInString(line), width, "%q", line)
	}
}

func TestJSONHasEveryRowAndTicket(t *testing.T) {
	e := evidence(t, time.Minute, "##-#", 2)
	raw, err := draw(t, e).JSON()
	require.NoError(t, err)
	golden(t, "report.json", string(raw))
	var r Report
	require.NoError(t, json.Unmarshal(raw, &r))
	require.Len(t, r.Rows, len(verifier.Rows))
	total := 0
	for _, n := range r.Counts {
		total += n
	}
	require.Equal(t, len(verifier.Rows), total)
	require.Len(t, r.Tickets, len(e.Ledger.Entries))
	require.Equal(t, "missed", r.Tickets[0].Outcome)
	require.Equal(t, verifier.ByUnknown, r.Tickets[0].Blame)
	require.Equal(t, "made", r.Tickets[2].Outcome)
	require.NotContains(t, string(raw), ": null,\n      \"requirement", "lists are empty, not null")
}

func TestSameEvidenceSameBytes(t *testing.T) {
	e := evidence(t, time.Minute, strings.Repeat("##-?", 20), 4)
	first, err := draw(t, e).JSON()
	require.NoError(t, err)
	for range 20 {
		again, err := draw(t, e).JSON()
		require.NoError(t, err)
		require.Equal(t, string(first), string(again))
		require.Equal(t, draw(t, e).Text(), draw(t, e).Text())
	}
}

func TestAnswer(t *testing.T) {
	of := func(verdicts ...verifier.Verdict) string {
		var findings []verifier.Finding
		for _, v := range verdicts {
			findings = append(findings, verifier.Finding{Verdict: v})
		}
		return answer(findings)
	}
	require.Equal(t, Passed, of(verifier.Pass, verifier.Attested))
	require.Equal(t, NotProven, of(verifier.Pass, verifier.Unproven))
	require.Equal(t, NotProven, of(verifier.Pass, verifier.Blocked))
	require.Equal(t, NotPassed, of(verifier.Pass, verifier.Fail, verifier.Unproven))
	require.Equal(t, NotPassed, of(verifier.Pass, verifier.Refuted))
}

// No name, however long or strange, breaks the page or reaches the terminal as a command to it.
func TestPageHoldsAnything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := evidence(t, time.Minute, "#", 0)
		e.Target.Name = rapid.String().Draw(rt, "name")
		e.Drills = []verifier.Drill{{Kind: verifier.WalletsDown, Count: 1, From: 1, To: 2, Note: rapid.String().Draw(rt, "note")}}
		text := draw(t, e).Text()
		requireFits(rt, text)
		require.False(rt, strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f || r == 0x9b }))
	})
}

func TestSqueezeShowsTheWorst(t *testing.T) {
	require.Equal(t, "##-#", squeeze("##-#", 10))
	require.Equal(t, "#-", squeeze("####?#-?", 2))
	require.Equal(t, "#?", squeeze("#####?##", 2))
	rapid.Check(t, func(t *rapid.T) {
		marks := rapid.StringOfN(rapid.SampledFrom([]rune("#-?")), 1, 500, -1).Draw(t, "ribbon")
		squeezed := squeeze(marks, 48)
		require.LessOrEqual(t, len(squeezed), 48)
		require.Equal(t, strings.Contains(marks, "-"), strings.Contains(squeezed, "-"), "no outage vanishes")
	})
}
