package verifier

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"scrutineer/verifier/votes"
	"scrutineer/vsp/network"
	"scrutineer/vsp/vspapi"
)

// statesOf turns a story into states: # up, - down, ? unknown.
func statesOf(story string) []State {
	states := make([]State, len(story))
	for i, mark := range story {
		states[i] = map[rune]State{'#': Up, '-': Down, '?': Unknown}[mark]
	}
	return states
}

// week is evidence of a week on testnet, of which as many slots are over as the story has.
func week(t testing.TB, story string) (Evidence, []Uptime) {
	profile, err := network.Lookup("testnet3")
	require.NoError(t, err)
	e := Evidence{Target: Target{Name: "vsp.example.org", Network: profile}, Policy: DefaultPolicy(),
		Window: Window{Start: t0, Slot: time.Minute, Slots: len(story), Planned: weekSlots}}
	return e, []Uptime{{Endpoint: "/", States: statesOf(strings.Repeat("#", len(story)))}, {Endpoint: "/api/v3/vspinfo", States: statesOf(story)}}
}

func TestUptimeIsForecast(t *testing.T) {
	up := func(n int) string { return strings.Repeat("#", n) }
	down := func(n int) string { return strings.Repeat("-", n) }
	blind := func(n int) string { return strings.Repeat("?", n) }
	tests := []struct {
		name, story string
		planned     int
		want        string // kind, and ! where it is lost; empty: nothing is said
		says        string
	}{
		{"healthy", up(3000), weekSlots, "", ""},
		{"not begun", "", weekSlots, "", ""},
		{"nine minutes down", up(3000) + down(10), weekSlots, "", ""},
		{"eleven minutes down", up(3000) + down(11), weekSlots, "burn",
			"/api/v3/vspinfo was down in 11 of the last 60 slots, 18 times as often as 99 % allow; at this pace TR-1 is lost in 8h10m."},
		{"down at once", down(11), weekSlots, "burn", ""},
		{"and back", up(3000) + down(11) + up(5), weekSlots, "", ""},
		{"now and then for six hours", up(3000) + strings.Repeat(down(1)+up(14), 24), weekSlots, "burn", "24 of the last 360 slots, 7 times"},
		{"now and then for a day", up(3000) + strings.Repeat(down(1)+up(29), 48), weekSlots, "burn", "48 of the last 1440 slots, 3 times"},
		{"it lasts", up(3000) + strings.Repeat(down(1)+up(150), 40), weekSlots, "", ""},
		{"nearly spent", down(76) + up(3000), weekSlots, "uptime", "/api/v3/vspinfo may be down for 24m more, of 1h40m in all."},
		{"the last that is allowed", down(100) + up(3000), weekSlots, "uptime", "may be down for 0s more"},
		{"lost", down(101) + up(3000), weekSlots, "uptime!", "was down in 101 slots, and 100 are the most that 99 % allow: TR-1 can no longer be passed."},
		{"blind", up(3000) + blind(11), weekSlots, "blind", "We did not see the VSP in 11 of the last 60 slots"},
		{"blind and down together", down(60) + blind(41) + up(3000), weekSlots, "coverage!", "TR-1 can no longer be proven"},
		{"coverage", blind(505) + up(3000), weekSlots, "coverage!", "a coverage of 95 % can no longer be reached"},
		{"no end", up(3000) + down(500), 0, "burn", "60 of the last 60 slots, 100 times as often as 99 % allow."},
		{"no end, and up again", up(3000) + down(500) + up(200), 0, "", ""},
		{"compressed", up(100) + "-", 600, "burn", "1 of the last 3 slots"},
		{"compressed, and over", up(594) + down(6), 600, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e, uptimes := week(t, test.story)
			e.Window.Planned = test.planned
			var got, says string
			for _, w := range NewForecast(e, uptimes, nil).Warnings {
				got, says = got+w.Kind, w.Says
				if w.Lost {
					got += "!"
				}
			}
			require.Equal(t, test.want, got)
			require.Contains(t, says, test.says)
		})
	}
}

// TestSlackIsTheJudges: one slot more than the forecast allows is just what the judge does not.
func TestSlackIsTheJudges(t *testing.T) {
	for planned := 1; planned < 1500; planned += 7 {
		e, _ := week(t, "")
		e.Window.Planned, e.Window.Slots = planned, planned
		n := slack(planned, e.Policy.Uptime)
		verdict, _ := uptimeVerdict(e, Share{Up: planned - n, Down: n})
		require.Equal(t, Pass, verdict, "%d of %d", n, planned)
		verdict, _ = uptimeVerdict(e, Share{Up: planned - n - 1, Down: n + 1})
		require.Equal(t, Fail, verdict, "%d of %d", n+1, planned)
	}
}

// TestHealthyWeekGivesNoWarning goes through a week in which now and then a slot is lost and each ticket wins when chance
// wants it to.
func TestHealthyWeekGivesNoWarning(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	story := []byte(strings.Repeat("#", weekSlots))
	for range 40 {
		story[random.IntN(weekSlots)] = "-?"[random.IntN(2)]
	}
	copy(story[4000:], "-----") // a restart
	const tickets, first = 330, 500_000
	var entries []votes.Entry
	for i := range tickets {
		entries = append(entries, votes.Entry{Ticket: hashNo(i), Bought: first, Live: first + 16, Decided: first + 17 + int64(random.ExpFloat64()*1024)})
	}
	const step = 67
	for n := 0; n <= weekSlots; n += step {
		e, uptimes := week(t, string(story[:n]))
		e.Ledger = votes.Ledger{From: first, To: first + int64(n/2) + 1, Tip: first + int64(n/2) + 1}
		for _, entry := range entries {
			switch {
			case entry.Decided <= e.Ledger.To:
				entry.Outcome, entry.Vote = votes.Voted, &votes.Vote{}
			case entry.Live <= e.Ledger.To:
				entry.Outcome, entry.Decided = votes.Live, 0
			default:
				entry.Outcome, entry.Decided, entry.Live = votes.Immature, 0, 0
			}
			e.Ledger.Entries = append(e.Ledger.Entries, entry)
		}
		e.Seen = []Observation{{Kind: KindNode, Code: OK, At: t0, Vantage: "local", Node: &NodeState{Height: first}},
			{Kind: KindNode, Code: OK, At: e.Window.End(), Vantage: "local", Node: &NodeState{Height: e.Ledger.To}},
			{Kind: KindTLS, Code: OK, At: e.Window.End(), TLS: &TLSState{NotAfter: t0.Add(8 * 24 * time.Hour)}}}
		f := NewForecast(e, uptimes, Misses(e))
		require.Empty(t, f.Warnings, "slot %d", n)
		require.InDelta(t, tickets, f.Votes.Expected, 15)
	}
}

// TestVotesAreForecast: of 200 tickets each has voted, and what is missed and listed differs.
func TestVotesAreForecast(t *testing.T) {
	tests := []struct {
		name         string
		miss, live   int
		want         string
		wantExpected int
		wantNeeded   int
		wantAllowed  int
	}{
		{"enough", 0, 150, "", 332, 299, 0},
		{"too few", 0, 0, "tickets", 200, 299, -1},
		{"one missed", 1, 150, "votes", 332, 473, -1},
		{"one missed, and tickets for it", 1, 350, "", 509, 473, 0},
		{"twice as many as are asked for", 0, 400, "", 553, 299, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			profile, err := network.Lookup("testnet3")
			require.NoError(t, err)
			s.Target.Network = profile
			s.Window = Window{Start: t0, Slot: time.Minute, Slots: 5000, Planned: weekSlots}
			for i := range test.miss {
				s.miss(i + 20)
			}
			for i := range test.live {
				s.Ledger.Entries = append(s.Ledger.Entries, votes.Entry{Ticket: hashNo(1000 + i), Outcome: votes.Live, Bought: 200, Live: 216})
			}
			misses := Misses(s.Evidence)
			require.Len(t, misses, test.miss)
			f := NewForecast(s.Evidence, nil, misses)
			require.InDelta(t, test.wantExpected, f.Votes.Expected, 40)
			require.Equal(t, test.wantNeeded, f.Votes.Needed)
			require.Equal(t, test.wantAllowed, f.Votes.Allowed)
			require.Equal(t, 200+test.live, f.Votes.Most)
			kinds := ""
			for _, w := range f.Warnings {
				kinds += w.Kind
			}
			require.Equal(t, test.want, kinds, "%+v", f)
		})
	}
}

func TestWaitForVotes(t *testing.T) {
	c := chances{perBlock: 1.0 / 1024, blocks: 2 * time.Minute, running: 100}
	require.InDelta(t, 63.2, c.won(1024), 0.1)
	require.InDelta(t, 63, c.won(float64(c.until(63)/c.blocks)-votes.Confirmations), 0.1)
	require.Zero(t, c.until(100), "nobody can wait for the last one")
	require.Zero(t, chances{}.until(5))
}

func TestOwnSightIsForecast(t *testing.T) {
	away := func(n int) []Observation {
		seen := []Observation{{Kind: KindNode, Code: OK, Vantage: "local", At: t0}}
		for i := range n {
			seen = append(seen, Observation{Kind: KindNode, Code: NodeAlone, Vantage: "local", At: t0.Add(time.Duration(i+1) * time.Minute)})
		}
		return seen
	}
	says := func(online, total int64) []Observation {
		s := newScene(t)
		s.Seen = nil
		s.state(300, vspapi.Info{VotingWalletsOnline: online, TotalVotingWallets: total})
		s.Seen[0].At = t0.Add(9 * time.Minute)
		return append(s.Seen, Observation{Kind: KindInfo, Code: Refused, At: t0.Add(10 * time.Minute)})
	}
	cert := func(days float64) []Observation {
		return []Observation{{Kind: KindTLS, Endpoint: "tls", TLS: &TLSState{NotAfter: t0.Add(time.Duration(days * 24 * float64(time.Hour)))}}}
	}
	tests := []struct {
		name string
		seen []Observation
		want string
	}{
		{"two rounds", away(2), ""},
		{"three rounds", away(3), "local: our own node had no peers, since 22 Nov 10:01:00 UTC; nothing counts meanwhile."},
		{"and back", append(away(3), Observation{Kind: KindNode, Code: OK, Vantage: "local"}), ""},
		{"all wallets", says(3, 3), ""},
		{"two wallets", says(2, 3), ""},
		{"one wallet", says(1, 3), "Of 3 voting wallets one is online, by the VSP's own word: one more failure, and votes are missed."},
		{"no wallet", says(0, 3), "Of 3 voting wallets none is online, by the VSP's own word: what wins now is missed."},
		{"a VSP of one wallet", says(1, 1), ""},
		{"certificate", cert(6.5), "The certificate of tls expires 28 Nov 22:00 UTC, before the trial ends."},
		{"certificate that lasts", cert(7.5), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e, _ := week(t, strings.Repeat("#", 11))
			e.Seen = test.seen
			var got []string
			for _, w := range NewForecast(e, nil, nil).Warnings {
				got = append(got, w.Says)
			}
			require.Equal(t, test.want, strings.Join(got, " "))
		})
	}
}
